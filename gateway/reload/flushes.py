"""Emptying the caches of stages: a release that says so, and is otherwise the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.release import Release
from gateway.release.encode import encode_flushes, with_digest
from gateway.release.parts import Part


def flushed(
    release: Release, parts: Mapping[str, Part], stages: Iterable[tuple[str, str]]
) -> tuple[Release, dict[str, Part]] | None:
    """Return the release, one revision on, in which the caches of `stages` are emptied.

    Stages are told by API id and name; those that are not there are passed over, and forgotten if
    they were emptied once. None: none of them is there.
    """
    revision = release.revision + 1
    fresh = {
        f"{api_id}/{name}": revision
        for api_id, name in stages
        if name in release.stages.get(api_id, ())
    }
    if not fresh:
        return None
    kept = {
        identity: flushed_at
        for identity, flushed_at in release.cache_flushes.items()
        if _is_there(release, identity)
    }
    cache_flushes = {**kept, **fresh}
    amended = {**parts, "flushes": encode_flushes(cache_flushes)}
    candidate = replace(release, cache_flushes=cache_flushes, revision=revision)
    return with_digest(candidate, amended), amended


def _is_there(release: Release, identity: str) -> bool:
    api_id, _, name = identity.partition("/")
    return name in release.stages.get(api_id, ())
