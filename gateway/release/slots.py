"""Indices of the shared tables, given to identities. Pure: no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from gateway.errors import ConfigurationError, Problem
from gateway.release.release import identity_api


class JoinedSlots(Mapping[str, int]):
    """The indices of all APIs' identities, each API's in the mapping that it came in.

    Nothing is copied: joining costs as much as there are APIs, not as there are methods.
    """

    __slots__ = ("_by_api", "_reserved")

    def __init__(self, reserved: str) -> None:
        """Begin with nothing but `reserved`, which belongs to no API, at index 0."""
        self._reserved = reserved
        self._by_api: dict[str, Mapping[str, int]] = {}

    def add(self, api_id: str, slots: Mapping[str, int]) -> None:
        """Take over one API's, which all begin with its id (`release.identity_api`)."""
        self._by_api[api_id] = slots

    def of(self, api_id: str) -> Mapping[str, int]:
        """Return one API's."""
        return self._by_api.get(api_id, {})

    def __getitem__(self, identity: str) -> int:
        if identity == self._reserved:
            return 0
        return self._by_api[identity_api(identity)][identity]

    def __iter__(self) -> Iterator[str]:
        yield self._reserved
        for slots in self._by_api.values():
            yield from slots

    def __len__(self) -> int:
        return 1 + sum(map(len, self._by_api.values()))

    def __repr__(self) -> str:
        return f"<JoinedSlots {len(self)} of {len(self._by_api)} APIs>"


def slots_of_api(slots: Mapping[str, int], api_id: str) -> Mapping[str, int]:
    """Return a mapping that has all of an API's, and not all of the others' if that can be."""
    return slots.of(api_id) if isinstance(slots, JoinedSlots) else slots


class Slots:
    """Assigns identities to the indices of a shared table. One writer: the control process.

    An identity keeps its index for as long as it is wanted. A freed index is given out again only
    after every index that was never used and every one freed before it: a worker that is late with
    a swap may still write to it.
    """

    __slots__ = ("_assigned", "_freed", "_next", "_whole", "capacity", "name", "reserved")

    def __init__(
        self,
        name: str,
        capacity: int,
        *,
        reserved: str,
        assigned: Mapping[str, int] | None = None,
    ) -> None:
        """Begin with nothing but `reserved` at index 0, or with the assignment of an earlier life.

        Entries of `assigned` that lie outside the table, or share an index, are forgotten.
        """
        self.name = name
        self.capacity = capacity
        self.reserved = reserved
        self._assigned: dict[str, int] = {}
        taken = {0}
        for identity, index in (assigned or {}).items():
            if 0 < index < capacity and index not in taken:
                self._assigned[identity] = index
                taken.add(index)
        self._whole: Mapping[str, int] | None = None
        """What `assign` returned last; None: it is that no more."""
        self._next = max(taken) + 1
        self._freed = deque(index for index in range(1, self._next) if index not in taken)

    def __repr__(self) -> str:
        return f"<Slots {self.name} {len(self)}/{self.capacity}, {len(self._freed)} freed>"

    def __len__(self) -> int:
        return len(self._assigned) + 1

    @property
    def assigned(self) -> dict[str, int]:
        """A copy of the present assignment, the reserved identity included."""
        return {self.reserved: 0, **self._assigned}

    def assign(self, wanted: Iterable[str]) -> Mapping[str, int]:
        """Give every identity of `wanted` an index, free all others, and return the assignment.

        It is the same object as before when the same is wanted, in the same order.

        Raises:
            ConfigurationError: there are more than the table holds; nothing was changed.
        """
        identities = dict.fromkeys(wanted)
        identities.pop(self.reserved, None)
        if len(identities) + 1 > self.capacity:
            raise ConfigurationError((self._too_many(len(identities)),))
        if self._whole is not None and list(identities) == list(self._assigned):
            return self._whole
        kept = {name: index for name, index in self._assigned.items() if name in identities}
        freed = self._freed
        freed.extend(index for name, index in self._assigned.items() if name not in identities)
        assigned = {self.reserved: 0}
        for name in identities:
            index = kept.get(name)
            if index is None:
                if self._next < self.capacity:
                    index, self._next = self._next, self._next + 1
                else:
                    index = freed.popleft()
            assigned[name] = index
        self._assigned = {name: index for name, index in assigned.items() if index}
        self._whole = assigned
        return assigned

    def amend(self, dropped: Iterable[str], wanted: Iterable[str]) -> dict[str, int]:
        """Free the indices of `dropped` that are not `wanted`, give the others of `wanted` one.

        Returns the indices of `wanted`. The rest of the table is not looked at: its cost is that of
        what changes.

        Raises:
            ConfigurationError: there are more than the table holds; nothing was changed.
        """
        identities = dict.fromkeys(wanted)
        identities.pop(self.reserved, None)
        gone = [name for name in dict.fromkeys(dropped) if name not in identities]
        gone = [name for name in gone if name in self._assigned]
        added = [name for name in identities if name not in self._assigned]
        count = len(self._assigned) - len(gone) + len(added)
        if count + 1 > self.capacity:
            raise ConfigurationError((self._too_many(count),))
        self._whole = None
        self._freed.extend(self._assigned.pop(name) for name in gone)
        for name in added:
            if self._next < self.capacity:
                self._assigned[name], self._next = self._next, self._next + 1
            else:
                self._assigned[name] = self._freed.popleft()
        return {name: self._assigned[name] for name in identities}

    def _too_many(self, count: int) -> Problem:
        return Problem(
            "",
            f"{count} {self.name} are needed, but the shared table holds {self.capacity - 1}: "
            "serve fewer methods or stages from one gateway, or drop method settings",
        )
