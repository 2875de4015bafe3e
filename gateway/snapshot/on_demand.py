"""Things that are made when they are asked for first. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NoReturn, Self, TypeVar

T = TypeVar("T")


class OnDemand(Generic[T]):
    """A row of things, each of which is made once, when it is asked for first.

    So a release of thousands of methods is served as soon as it is known where they are. One thread
    uses it.
    """

    __slots__ = ("_make", "made")

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        """Take how many there are, and what makes one by its index, never None.

        What `make` raises is raised by whoever asked, and nothing is kept of it.
        """
        self.made: list[T | None] = [None] * count
        """By index; None: nobody has asked for it yet. Read on the way of each request: no call."""
        self._make = make

    @classmethod
    def of(cls, things: list[T]) -> Self:
        """Return a row of things that are made already."""
        row = cls(0, _made_already)
        row.made = [*things]
        return row

    def __getitem__(self, index: int) -> T:
        """Return one; `index` is not negative."""
        made = self.made[index]
        if made is None:
            made = self.made[index] = self._make(index)
        return made

    def __len__(self) -> int:
        return len(self.made)

    def __iter__(self) -> Iterator[T]:
        """Yield all of them."""
        for index in range(len(self.made)):
            yield self[index]

    def asked_for(self) -> Iterator[T]:
        """Yield those that somebody has asked for."""
        for each in self.made:
            if each is not None:
                yield each

    def __repr__(self) -> str:
        return f"<OnDemand {sum(1 for _ in self.asked_for())} of {len(self)}>"


def _made_already(index: int) -> NoReturn:
    raise AssertionError(f"{index} was made already")
