"""Sees to it that what is committed fits the tables that workers share, before it is committed.

Token buckets and stages with metrics take places in tables whose sizes are settings. A mutation
that needs more places than there are is refused with what to do about it; one that needs no more
than before never is. Everything here but `note_files` runs on the store's thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.control.stored_reading import read_apis
from gateway.definitions.stage import Deployment, Stage
from gateway.errors import ConfigurationError, limit_exceeded
from gateway.release import Release, arms, required_buckets
from gateway.release.frozen import outline_of
from gateway.release.release import identity_api
from gateway.store.served import EVERY_ID, served_api_ids, stored_deployments
from gateway.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Places:
    """Places in the shared tables, taken or there."""

    buckets: int = 0
    """One for each method of a stage that its method settings cover."""
    stages: int = 0
    """One for each stage, and one more for its canary."""

    def __add__(self, other: Places) -> Places:
        return Places(self.buckets + other.buckets, self.stages + other.stages)

    def __sub__(self, other: Places) -> Places:
        return Places(self.buckets - other.buckets, self.stages - other.stages)


_NONE: Final = Places()


class Room:
    """How many places each API of the store takes, as committed."""

    def __init__(self, capacity: Places) -> None:
        self._capacity = capacity
        self._taken: dict[str, Places] = {}
        """By API; none while nothing was counted."""
        self._sum = _NONE
        self._of_files = _NONE

    def __repr__(self) -> str:
        return f"<Room {self._sum + self._of_files} of {self._capacity}>"

    def note_files(self, release: Release) -> None:
        """Take over how many places the APIs of files have in a release. On any thread."""
        files = release.files
        self._of_files = Places(
            sum(identity_api(name) in files for name in release.bucket_slots) if files else 0,
            sum(_arms(release.stages[api_id]) for api_id in files),
        )

    def count(self, transaction: Transaction) -> None:
        """Count anew what everything in the store takes."""
        self._taken, self._sum = {}, _NONE
        for api_id, places in _places(transaction, served_api_ids(transaction)).items():
            self._set(api_id, places)

    def check(self, transaction: Transaction) -> None:
        """Take note of what a mutation changes; call it last.

        Raises:
            ControlError: (LimitExceededException) it needs more places than are left.
        """
        if not transaction.changes.apis:
            return
        needed = _places(transaction, transaction.changes.apis)
        if self._lack(needed):
            # Refuse only what is counted: a commit may have failed after it was noted here.
            before = {api_id: self._before(api_id) for api_id in needed}
            self.count(transaction)
            for api_id, places in before.items():
                self._set(api_id, places)
            if lack := self._lack(needed):
                raise limit_exceeded(lack)
        for api_id, places in needed.items():
            self._set(api_id, places)

    def _lack(self, needed: Mapping[str, Places]) -> str:
        """Return why a change does not fit; nothing when there is room, or it needs no more."""
        added = sum(
            (places - self._before(api_id) for api_id, places in needed.items()),
            _NONE,
        )
        total = self._sum + self._of_files + added
        if added.buckets > 0 and total.buckets > self._capacity.buckets:
            return (
                f"This change needs {total.buckets} token buckets, one for each method that a "
                f"stage's method settings cover, and this gateway holds {self._capacity.buckets}: "
                "remove method settings or stages, or raise throttle.buckets in gateway.toml and "
                "restart"
            )
        if added.stages > 0 and total.stages > self._capacity.stages:
            return (
                f"This change makes {total.stages} stages and canaries, and this gateway counts "
                f"the requests of {self._capacity.stages}: remove some, or raise metrics.stages in "
                "gateway.toml and restart"
            )
        return ""

    def _before(self, api_id: str) -> Places:
        return self._taken.get(api_id, _NONE)

    def _set(self, api_id: str, places: Places) -> None:
        self._sum = self._sum + places - self._before(api_id)
        self._taken[api_id] = places
        if places == _NONE:
            del self._taken[api_id]


def _places(transaction: Transaction, api_ids: Iterable[str]) -> dict[str, Places]:
    """Return what APIs take as the transaction sees them; not of those that cannot be read."""
    return {
        api_id: _NONE if api is None else _places_of(transaction, api_id, api.stages)
        for api_id, api in read_apis(transaction, api_ids, EVERY_ID).apis.items()
    }


def _places_of(transaction: Transaction, api_id: str, stages: Mapping[str, Stage]) -> Places:
    limited = {name: stage for name, stage in stages.items() if stage.method_settings}
    outlines: dict[str, Deployment] = {}
    if limited:
        ids = {id_ for stage in limited.values() for _, id_ in arms(stage)}
        for stored in stored_deployments(transaction, ids).values():
            # One that cannot be read is not served.
            with contextlib.suppress(ConfigurationError):
                outlines[stored.id] = outline_of(stored.id, stored.api_id, stored.text)
    buckets = sum(1 for _ in required_buckets({api_id: limited}, outlines))
    return Places(buckets, _arms(stages))


def _arms(stages: Mapping[str, Stage]) -> int:
    return sum(len(arms(stage)) for stage in stages.values())
