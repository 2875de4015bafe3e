"""What each API needs of the tables that workers share, and its part of a release. Pure.

A reload makes all APIs anew, and nearly all of them are what they were: for the same stages (the
same object) nothing is worked out, and nothing encoded, a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from gateway.definitions.stage import Stage
from gateway.release import (
    Deployments,
    Release,
    Stages,
    is_method_block,
    required_blocks,
    required_buckets,
)
from gateway.release.encode import encode_api
from gateway.release.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """Identities of the buckets and blocks of one API, in order."""

    stages: Mapping[str, Stage]
    buckets: tuple[str, ...]
    stage_blocks: tuple[str, ...]
    method_blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    """The part of one API, and what it was made of."""

    stages: Mapping[str, Stage]
    file: str | None
    slots: tuple[Mapping[str, int], Mapping[str, int]]
    """Those of the whole release: where they are the same objects, so are the indices."""
    buckets: tuple[int, ...]
    """Indices in the order of the needs."""
    blocks: tuple[int | None, ...]
    """The same; None: none was left."""
    part: Part


class Places:
    """The needs of a release's APIs. One writer: the reloader."""

    def __init__(self) -> None:
        self._needs: dict[str, _Needs] = {}
        self._encoded: dict[str, _Encoded] = {}

    def __repr__(self) -> str:
        return f"<Places of {len(self._needs)} APIs>"

    def take(self, stages: Stages, deployments: Deployments) -> None:
        """Take over which APIs there are, and find out what new ones need."""
        before = self._needs
        self._needs = {}
        for api_id, named in stages.items():
            known = before.get(api_id)
            if known is None or known.stages is not named:
                known = _needs(api_id, named, deployments)
            self._needs[api_id] = known

    def buckets(self) -> Iterator[str]:
        """Yield the identity of every token bucket."""
        return chain.from_iterable(needs.buckets for needs in self._needs.values())

    def stage_blocks(self) -> Iterator[str]:
        """Yield the identity of every stage's metric block."""
        return chain.from_iterable(needs.stage_blocks for needs in self._needs.values())

    def method_blocks(self) -> Iterator[str]:
        """Yield the identity of every metric block that methods want."""
        return chain.from_iterable(needs.method_blocks for needs in self._needs.values())

    def parts(self, release: Release) -> dict[str, Part]:
        """Return the part of each API, by key; `release` has their stages and all slots."""
        before = self._encoded
        self._encoded = {
            api_id: _encoded(release, api_id, needs, before.get(api_id))
            for api_id, needs in self._needs.items()
        }
        return {each.part.key: each.part for each in self._encoded.values()}


def _needs(api_id: str, stages: Mapping[str, Stage], deployments: Deployments) -> _Needs:
    of_api = {api_id: stages}
    blocks = list(required_blocks(of_api, deployments))
    return _Needs(
        stages=stages,
        buckets=tuple(required_buckets(of_api, deployments)),
        stage_blocks=tuple(name for name in blocks if not is_method_block(name)),
        method_blocks=tuple(filter(is_method_block, blocks)),
    )


def _encoded(release: Release, api_id: str, needs: _Needs, known: _Encoded | None) -> _Encoded:
    """Encode an API's part, unless it is known and still the same."""
    file = release.files.get(api_id)
    slots = release.bucket_slots, release.metric_slots
    if (
        known is not None
        and known.stages is needs.stages
        and known.file == file
        and known.slots[0] is slots[0]
        and known.slots[1] is slots[1]
    ):
        return known
    names = (*needs.stage_blocks, *needs.method_blocks)
    buckets = tuple(map(release.bucket_slots.__getitem__, needs.buckets))
    blocks = tuple(map(release.metric_slots.get, names))
    made_of = needs.stages, file, buckets, blocks
    if known is not None and (known.stages, known.file, known.buckets, known.blocks) == made_of:
        return replace(known, stages=needs.stages, slots=slots)
    granted = {name: index for name, index in zip(names, blocks, strict=True) if index is not None}
    bucket_slots = dict(zip(needs.buckets, buckets, strict=True))
    return _Encoded(
        stages=needs.stages,
        file=file,
        slots=slots,
        buckets=buckets,
        blocks=blocks,
        part=encode_api(release, api_id, bucket_slots, granted),
    )
