"""Usage plans and API keys of files and store, put together, with their places in shared tables.

The rules it keeps: what files define wins; a key keeps its places for as long as it needs them, so
that its tokens and counts survive a release; a key that finds no room is answered 500 and holds
back no other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.configuration.files import USAGE
from gateway.configuration.loaded import Loaded
from gateway.definitions.usage_plan import UsageDefinitions, UsagePlan
from gateway.errors import Problem
from gateway.release import Release
from gateway.release.slots import Slots
from gateway.release.usage import (
    NO_ROOM,
    ApiKeys,
    UsageKey,
    UsagePlans,
    all_keys,
    in_shards,
    keys_of_definitions,
    throttles_of,
)

_NOBODY: Final = ""
"""Identity of index 0 of both tables."""


@dataclass(frozen=True, slots=True)
class UsageSource:
    """Plans and keys of one source, files or store; keys by id, with `NO_ROOM` for every plan."""

    plans: UsagePlans
    keys: Mapping[str, UsageKey]

    @staticmethod
    def of(definitions: UsageDefinitions) -> UsageSource:
        """Return what a file defines."""
        return UsageSource(*keys_of_definitions(definitions.api_keys, definitions.usage_plans))


class UsageState:
    """What files and store say of usage, and who has which slots. One writer: the reloader."""

    def __init__(self, start: Release, rows: int, buckets: int) -> None:
        """Begin with what a release says.

        `rows` and `buckets` are how many the shared tables of keys hold, their first included.
        """
        keys = list(all_keys(start.api_keys))
        self.files = _part_of(start, keys, start.file_plans)
        self.stored = _part_of(start, keys, start.usage_plans.keys() - start.file_plans)
        self._file: str | None = None
        self.without_room = 0
        """Memberships of keys in plans that found no room in the shared tables."""
        self._known = {key.id: key for key in keys}
        """Keys as they were released last, by id."""
        given_rows: dict[str, int] = {}
        given_buckets: dict[str, int] = {}
        for key in keys:
            for plan_id, slots in key.plans.items():
                if slots and plan_id in start.usage_plans:
                    names = _names(start.usage_plans[plan_id])
                    row, *others = _identities(plan_id, key.id, names)
                    given_rows[row] = slots[0]
                    given_buckets.update(zip(others, slots[1:], strict=False))
        self._rows = Slots("rows of usage", rows, reserved=_NOBODY, assigned=given_rows)
        self._buckets = Slots(
            "token buckets of keys", buckets, reserved=_NOBODY, assigned=given_buckets
        )

    def __repr__(self) -> str:
        return f"<UsageState {self._rows!r}, {self._buckets!r}>"

    def hold_stored(self, definitions: UsageDefinitions) -> None:
        """Take over what the store holds."""
        self.stored = UsageSource.of(definitions)

    def take(self, loaded: Loaded) -> None:
        """Take over what the files say; what was last good stays after an error."""
        if loaded.usage is not None:
            self.files = UsageSource.of(loaded.usage)
        self._file = next((str(path) for path in loaded.files if path.name == USAGE), None)

    def put_into(self, release: Release) -> Release:
        """Return a release with the plans and keys as they are now."""
        plans, keys = self._released()
        file_plans = frozenset(self.files.plans)
        return replace(release, usage_plans=plans, file_plans=file_plans, api_keys=keys)

    def _released(self) -> tuple[dict[str, UsagePlan], ApiKeys]:
        """Return plans and keys with their slots."""
        others = _others(self.stored.plans, self.files.plans)
        plans = {**self.files.plans, **others}
        keys = self._merged(others)
        # Names once for each plan: there may be a hundred thousand keys.
        names_of = {id_: _names(plan) for id_, plan in plans.items()}
        needs = [
            (key, plan_id, _identities(plan_id, key.id, names_of[plan_id]))
            for key in keys
            for plan_id in key.plans
        ]
        granted = self._fitting(needs)
        rows = self._rows.assign(row for row, *_ in granted)
        buckets = self._buckets.assign(name for _, *names in granted for name in names)
        self.without_room = len(needs) - len(granted)
        self._known = {key.id: self._known[key.id] for key in keys if key.id in self._known}
        fitting = {row for row, *_ in granted}
        slots: dict[str, dict[str, tuple[int, ...]]] = {}
        for key, plan_id, (row, *names) in needs:
            given = (rows[row], *(buckets[name] for name in names)) if row in fitting else NO_ROOM
            slots.setdefault(key.id, {})[plan_id] = given
        return plans, in_shards(self._with_slots(key, slots[key.id]) for key in keys)

    def _with_slots(self, key: UsageKey, slots: dict[str, tuple[int, ...]]) -> UsageKey:
        """Return a key with its slots: the very object of before, if nothing of it has changed."""
        known = self._known.get(key.id)
        if (
            known is not None
            and known.plans == slots
            and known.digest == key.digest
            and known.is_enabled == key.is_enabled
        ):
            return known
        made = self._known[key.id] = UsageKey(key.id, key.digest, key.is_enabled, slots)
        return made

    def problems(self) -> list[Problem]:
        """Return a warning for each thing that is not served: for a file's sake, or for no room."""
        return [replace(each, file=self._file, severity="warning") for each in self._problems()]

    def _problems(self) -> Iterator[Problem]:
        for id_ in sorted(self.files.plans.keys() & self.stored.plans.keys()):
            text = f"the usage plan {id_} made through the control API is not served meanwhile"
            yield Problem(f"usagePlans.{id_}", text)
        owners = {key.digest: key.id for key in self.files.keys.values()}
        for key in self.stored.keys.values():
            owner = owners.get(key.digest, key.id)
            if owner != key.id:
                text = f"the API key {key.id} made through the control API has the same value and "
                yield Problem(f"apiKeys.{owner}", text + "is not served meanwhile")
        if self.without_room:
            text = f"{self.without_room} API keys found no room in the shared tables and are "
            yield Problem("apiKeys", text + "answered 500: remove throttles of methods, or keys")

    def _merged(self, others: Mapping[str, UsagePlan]) -> list[UsageKey]:
        """Return every key once, by id and by value, files first.

        `others` are the plans of the store: its keys get into none of the files' plans, not even
        into one that has the id of theirs.
        """
        merged: dict[str, UsageKey] = dict(self.files.keys)
        digests = {key.digest: key.id for key in merged.values()}
        for id_, whole in self.stored.keys.items():
            key = _restricted(whole, others)
            if digests.setdefault(key.digest, id_) != id_:
                continue
            known = merged.get(id_)
            # A key of the file may be in a plan of the store, too.
            merged[id_] = (
                key if known is None else replace(known, plans={**known.plans, **key.plans})
            )
        return [key for key in merged.values() if key.plans]

    def _fitting(self, needs: list[tuple[UsageKey, str, tuple[str, ...]]]) -> list[tuple[str, ...]]:
        """Return what fits into the tables; who has room keeps it."""
        rows, buckets = self._rows.capacity - 1, self._buckets.capacity - 1
        wanted = [names for _, _, names in needs]
        if len(wanted) <= rows and sum(map(len, wanted)) - len(wanted) <= buckets:
            return wanted
        known = self._rows.assigned
        fitting: list[tuple[str, ...]] = []
        for names in sorted(wanted, key=lambda names: names[0] not in known):
            if rows >= 1 and buckets >= len(names) - 1:
                rows, buckets = rows - 1, buckets - len(names) + 1
                fitting.append(names)
        return fitting


def _names(plan: UsagePlan) -> tuple[str, ...]:
    """Return what names the throttles of a plan, in the order of their slots."""
    return tuple(name for name, _ in throttles_of(plan))


def _identities(plan_id: str, key_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what names a key's row of usage in a plan, then what names each of its buckets."""
    row = f"{plan_id}/{key_id}"
    return (row, *[f"{row}/{name}" for name in names])


def _part_of(release: Release, keys: Iterable[UsageKey], plan_ids: Collection[str]) -> UsageSource:
    """Return some plans of a release with the keys that are in them."""
    plans = {id_: plan for id_, plan in release.usage_plans.items() if id_ in plan_ids}
    members = (
        replace(key, plans={id_: NO_ROOM for id_ in key.plans if id_ in plans}) for key in keys
    )
    return UsageSource(plans, {key.id: key for key in members if key.plans})


def _restricted(key: UsageKey, plans: Mapping[str, UsagePlan]) -> UsageKey:
    """Return a key with those of its plans that are there."""
    if key.plans.keys() <= plans.keys():
        return key
    return replace(key, plans={id_: slots for id_, slots in key.plans.items() if id_ in plans})


def _others(stored: UsagePlans, files: Iterable[str]) -> dict[str, UsagePlan]:
    taken = set(files)
    return {id_: plan for id_, plan in stored.items() if id_ not in taken}
