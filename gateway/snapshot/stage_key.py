"""What a compiled stage depends on: whether one that is there may stay. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.release import (
    Release,
    bucket_identity,
    method_block_identity,
    stage_block_identity,
)
from gateway.release.slots import slots_of_api
from gateway.snapshot.slices import Slices

MethodPlaces = Callable[[], Iterable[tuple[str, str]]]
"""Returns path and HTTP method (or ANY) of each method of a deployment."""


class StageSlots:
    """Where a stage's token buckets and metric blocks are in the shared tables."""

    __slots__ = ("_api_id", "_blocks", "_buckets", "_stage_name")

    def __init__(self, release: Release, api_id: str, stage_name: str) -> None:
        # Of the release, only what is the API's: a method that is called late keeps it.
        self._buckets = slots_of_api(release.bucket_slots, api_id)
        self._blocks = slots_of_api(release.metric_slots, api_id)
        self._api_id = api_id
        self._stage_name = stage_name

    def __repr__(self) -> str:
        return f"<StageSlots of {self._api_id}/{self._stage_name}>"

    def bucket(self, resource_path: str, http_method: str) -> int:
        """Return the index of a method's token bucket; 0: it has none of its own."""
        identity = bucket_identity(self._api_id, self._stage_name, resource_path, http_method)
        return self._buckets.get(identity, 0)

    def stage_block(self, arm: str) -> int:
        """Return the index of an arm's metric block."""
        return self._blocks.get(stage_block_identity(self._api_id, self._stage_name, arm), 0)

    def method_block(self, arm: str, resource_path: str, http_method: str) -> int:
        """Return the index of a method's metric block; 0: it has none of its own."""
        identity = method_block_identity(
            self._api_id, self._stage_name, arm, resource_path, http_method
        )
        return self._blocks.get(identity, 0)

    def are_like(
        self, before: StageSlots, arms: Iterable[tuple[str, MethodPlaces]]
    ) -> Slices[bool]:
        """Whether all of the stage is where it was, whose arms these are, with their methods."""
        if self._buckets is before._buckets and self._blocks is before._blocks:
            return True
        for arm, places in arms:
            if self.stage_block(arm) != before.stage_block(arm):
                return False
            for path, verb in places():
                if self.bucket(path, verb) != before.bucket(path, verb):
                    return False
                if self.method_block(arm, path, verb) != before.method_block(arm, path, verb):
                    return False
                yield
        return True

    def move_to(self, now: StageSlots) -> None:
        """Look into the tables of a later release, where all of the stage is as it was.

        Else each stage would keep those of the release that it was bound by.
        """
        self._buckets, self._blocks = now._buckets, now._blocks


@dataclass(frozen=True, slots=True, eq=False)
class StageKey:
    """What a stage was compiled from."""

    parts: tuple[object, ...]
    """Compared as a whole."""
    slots: StageSlots
    arms: tuple[tuple[str, MethodPlaces], ...]
    """Each with what yields its methods."""

    def is_like(self, before: StageKey) -> Slices[bool]:
        """Whether the stage that was compiled from `before` serves for this one."""
        if self.parts != before.parts:
            return False
        return (yield from self.slots.are_like(before.slots, self.arms))
