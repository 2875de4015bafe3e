"""A cachetools cache that keeps what was used: the algorithm CLOCK, on cachetools' FIFO.

To recall is a look-up and the caller's own mark, nothing is moved: cachetools' LRU and TLRU cost
three calls more for each hit. Who needs room goes through values from the oldest on: one that was
used counts as new once more, one that was not is dropped. That keeps about what dropping the least
recently used would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from cachetools import FIFOCache

K = TypeVar("K")
V = TypeVar("V")

CHANCES: Final = 64
"""Values that are passed over, at most, for one that is dropped: it must not take long."""


class SecondChanceCache(FIFOCache[K, V | None]):
    """Values by key, within a budget; a key that is not there is read as None."""

    def __init__(
        self,
        maxsize: int,
        getsizeof: Callable[[V | None], int],
        spare: Callable[[V | None], bool],
    ) -> None:
        """Hold values of `maxsize` in all.

        `spare` says whether a value was used since it was asked the last time.
        """
        super().__init__(maxsize, getsizeof)
        self._spare = spare
        self._values: dict[K, V | None] = {}
        # The dictionary's own method: a look-up through this class would be one call more.
        self.find: Callable[[K], V | None] = self._values.get
        """Return the value of a key; None when it is not there."""

    def __missing__(self, key: K) -> V | None:
        return None

    def __setitem__(self, key: K, value: V | None) -> None:
        super().__setitem__(key, value)
        self._values[key] = value

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        del self._values[key]

    def clear(self) -> None:
        """Drop all: not by `__delitem__` in every version of cachetools."""
        super().clear()
        self._values.clear()

    def popitem(self) -> tuple[K, V | None]:
        """Drop and return the oldest that was not used."""
        for _ in range(CHANCES):
            key, value = super().popitem()
            if not self._spare(value):
                return key, value
            # It fits: it was here a moment ago.
            self[key] = value
        return super().popitem()
