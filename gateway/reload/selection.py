"""Parts of releases and of mappings, so that a change costs as much as what it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from gateway.release import Deployments, Release, Stages, arms
from gateway.release.release import identity_api

T = TypeVar("T")


def subset(release: Release, api_ids: Iterable[str]) -> tuple[Stages, Deployments]:
    """Return some APIs of a release, as far as they are there, with their deployments."""
    stages = {api_id: release.stages[api_id] for api_id in api_ids if api_id in release.stages}
    ids = {id_ for named in stages.values() for stage in named.values() for _, id_ in arms(stage)}
    return stages, {id_: release.deployments[id_] for id_ in ids}


def amended(before: Mapping[str, T], gone: Iterable[str], new: Mapping[str, T]) -> dict[str, T]:
    """Return a mapping without the keys that are gone, and with what is new."""
    kept = dict(before)
    for key in gone:
        del kept[key]
    kept.update(new)
    return kept


def of_api(slots: Mapping[str, int], api_id: str) -> dict[str, int]:
    """Return the slots whose identities are of one API."""
    return {name: index for name, index in slots.items() if identity_api(name) == api_id}
