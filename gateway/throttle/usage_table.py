"""The table of what API keys used, which all workers of a machine share: counts in one memory.

A row belongs to one key in one usage plan: a cell for each worker, in which that worker alone
counts the requests that it let in, then three cells of the control process: how much of the sum is
in the store, the *ceiling*, the sum at which the quota is spent, and how much will be in the store
once a flush is committed. A worker lets a request in while the sum is below the ceiling.

Behind the rows lies the number of the flush under way. The store keeps the number of the last one
that was committed, in the same commit: so whoever takes over from a control process that died in
between knows which it was, and no count is stored twice or not at all.

So a quota holds across workers as it happens, and not a flush later: two workers that see the last
request left at the same moment both let one in, so that a period may have one request too many for
each further worker. While more than 32 for each worker are left, a worker looks at the others'
cells twice in a millisecond, or every 32 requests, not for each: were all of them faster than one
request each 16 µs, there could be 33 too many for each further worker, never more
(`gateway.throttle.gcra` has the argument). What the control process takes away is gone half a
millisecond later. A worker that dies loses nothing, its cells stay. A row of zeros lets nobody in
until the control process has written its ceiling: whatever is not known is closed.

The rule this module keeps: every cell has one writer, and moves as one aligned double.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from mmap import mmap
from typing import Final

from gateway.throttle.table import TRUST_SECONDS, TRUSTED_TOKENS, view_of_cell

_CELL_BYTES: Final = 8
_OF_CONTROL: Final = 3
"""Cells of a row that the control process writes: what is stored, the ceiling, what is storing."""
_CEILING: Final = 1
_STORING: Final = 2
"""Of those, which; the first is what is stored."""
_CHUNK_ROWS: Final = 64
"""Rows that are compared at once when looking for what has changed."""

UNLIMITED: Final = float("inf")
"""Ceiling of a row without a quota."""

_NEVER: Final = float("-inf")


def usage_bytes(capacity: int, workers: int) -> int:
    """Return the bytes that a table of `capacity` rows takes for that many workers."""
    return _CELL_BYTES * (capacity * (workers + _OF_CONTROL) + 1)


class UsageTable:
    """One process's view of the table.

    Args:
        buffer: Writable memory, aligned to 8 bytes, shared by all processes. It may be longer than
            needed.
        capacity: How many rows the table holds.
        workers: How many workers share it; all processes must name the same number.

    Raises:
        ValueError: The buffer is too short.
    """

    __slots__ = ("_chunks", "_seen", "_width", "capacity", "cells", "workers")

    def __init__(self, buffer: bytearray | memoryview | mmap, capacity: int, workers: int) -> None:
        needed = usage_bytes(capacity, workers)
        octets = memoryview(buffer).cast("B")
        if len(octets) < needed:
            text = f"{capacity} rows of usage for {workers} workers need {needed} bytes"
            raise ValueError(f"{text}, the buffer has {len(octets)}.")
        self.cells: memoryview[float] = octets[:needed].cast("d")
        self.capacity = capacity
        self.workers = workers
        self._width = workers + _OF_CONTROL
        self._chunks: dict[int, list[int]] = {}
        """Rows that `changed` looks at, by chunk."""
        self._seen: dict[int, bytes] = {}
        """Chunks as `changed` saw them last."""

    def __repr__(self) -> str:
        return f"<UsageTable {self.capacity} rows, {self.workers} workers>"

    def start(self, row: int) -> int:
        """Return where a row begins in `cells`.

        Raises:
            IndexError: There is no such row.
        """
        if not 0 <= row < self.capacity:
            raise IndexError(f"Row {row} is outside a table of {self.capacity}.")
        return row * self._width

    def counted(self, row: int) -> float:
        """Return how many requests all workers let in for a row, since the table was made."""
        start = self.start(row)
        return sum(self.cells[start : start + self.workers])

    def stored(self, row: int) -> float:
        """Return how many of them are in the store."""
        return self.cells[self.start(row) + self.workers]

    @property
    def flush(self) -> int:
        """Number of the flush under way; 0: none."""
        return int(self.cells[-1])

    def begin_storing(self, flush: int, counts: Mapping[int, float]) -> None:
        """Note, before a flush is committed, how many will be in the store then. Control's.

        Args:
            flush: Number of the flush, from 1.
            counts: By row, since the table was made.
        """
        # Named last: of one that is broken off here, no row counts.
        self.cells[-1] = 0
        for row, count in counts.items():
            self.cells[self.start(row) + self.workers + _STORING] = count
        self.cells[-1] = flush

    def end_storing(self, rows: Iterable[int], *, is_stored: bool) -> None:
        """Note of rows that the flush under way is in the store, or never will be. Control's."""
        for row in rows:
            of_control = self.start(row) + self.workers
            storing = self.cells[of_control + _STORING]
            if storing and is_stored:
                self.cells[of_control] = storing
            self.cells[of_control + _STORING] = 0
        self.cells[-1] = 0

    def hand_over(self, row: int) -> None:
        """Give a row to a new owner, who is not let in before `set_left`. Control's."""
        of_control = self.start(row) + self.workers
        self.cells[of_control + _STORING] = 0
        self.cells[of_control] = self.counted(row)
        self.set_left(row, 0)

    def set_left(self, row: int, left: float) -> None:
        """Say how many more requests may be let in beyond those that are in the store. Control's.

        `UNLIMITED` for no quota; negative when more was used than the quota allows.
        """
        self.cells[self.start(row) + self.workers + _CEILING] = self.stored(row) + left

    def watch(self, rows: Iterable[int]) -> None:
        """Let `changed` look at these rows, all of them the next time."""
        self._chunks = {}
        for row in rows:
            self._chunks.setdefault(row // _CHUNK_ROWS, []).append(row)
        self._seen = {}

    def changed(self) -> Iterator[int]:
        """Yield the watched rows that may have counted since they were last asked for.

        Rows come in chunks, compared as bytes: a hundred thousand of them in a few milliseconds.
        """
        size = _CHUNK_ROWS * self._width
        for chunk, members in self._chunks.items():
            octets = self.cells[chunk * size : (chunk + 1) * size].tobytes()
            if self._seen.get(chunk) != octets:
                self._seen[chunk] = octets
                yield from members

    def forget_seen(self) -> None:
        """Let `changed` name every row again: what it named last was not dealt with."""
        self._seen = {}


class UsageCounter:
    """One row, as one worker sees it.

    Args:
        table: The shared table.
        row: Which row of it.
        worker: Which worker this is, from 0.
    """

    __slots__ = (
        "_ceiling", "_is_alone", "_own", "_plenty", "_trusted", "_trusted_until",
        "_worker_cells", "row",
    )  # fmt: skip

    def __init__(self, table: UsageTable, row: int, worker: int) -> None:
        if not 0 <= worker < table.workers:
            raise ValueError(f"Worker {worker} is none of 0 to {table.workers - 1}.")
        start = table.start(row)
        self.row = row
        self._own = view_of_cell(table.cells, start + worker)
        self._ceiling = view_of_cell(table.cells, start + table.workers + _CEILING)
        self._plenty = TRUSTED_TOKENS * table.workers
        self._trusted = 0
        """How many requests may be let in without a look at others' cells."""
        self._trusted_until = _NEVER
        self._is_alone = table.workers == 1
        # Not looked at by a lone worker: its one cell costs a third of a sum.
        self._worker_cells = (
            self._own if self._is_alone else table.cells[start : start + table.workers]
        )

    def __repr__(self) -> str:
        return f"<UsageCounter #{self.row} {self._counted():.0f} of {self.ceiling}>"

    @property
    def ceiling(self) -> float:
        """The sum of all workers' counts at which the quota is spent."""
        return self._ceiling[()]

    def has_left(self, now: float) -> bool:
        """Return whether a request may still be let in at `now`, seconds of CLOCK_MONOTONIC."""
        # As `_counted`, written out: a call less.
        if self._is_alone:
            return self._own[()] < self._ceiling[()]
        if self._trusted and now < self._trusted_until:
            self._trusted -= 1
            return True
        left = self._ceiling[()] - sum(self._worker_cells, 0.0)
        self._trusted = 0
        if left > self._plenty:
            self._trusted = TRUSTED_TOKENS
            self._trusted_until = now + TRUST_SECONDS
        return left > 0.0

    def count(self) -> None:
        """Count a request that was let in."""
        self._own[()] += 1.0

    def _counted(self) -> float:
        return self._own[()] if self._is_alone else sum(self._worker_cells, 0.0)
