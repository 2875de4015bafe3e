"""The table of token buckets that all workers of a machine share: doubles in one block of memory.

A bucket is a row: one cell for each worker, then its base. The bucket's theoretical arrival time
(the instant at which it will be full again) is the base plus the sum of the cells. Every cell has
one writer, its worker, so that no token is lost to a concurrent read-modify-write; only the base is
written by all, and only while the bucket is full; of a lone worker's rows nothing but the base is
used. `gateway.throttle.gcra` holds the arithmetic and the argument about races.

The rule this module keeps: every read and every write moves one aligned double, which the
processors that CPython runs on do in one piece. The memory needs no initial values: a row of zeros
is a full bucket.
"""

from __future__ import annotations

from mmap import mmap
from typing import Final

TRUST_SECONDS: Final = 0.0005
"""How long a worker of several takes, where there is plenty, without looking at others' cells."""

TRUSTED_TOKENS: Final = 32
"""How many it takes so at most. Plenty is as many for each worker: where less is left, every
request is looked at."""

_DOUBLE_BYTES: Final = 8


def bytes_needed(capacity: int, workers: int) -> int:
    """Return the bytes that a table of `capacity` buckets takes for that many workers."""
    return _DOUBLE_BYTES * capacity * (workers + 1)


def view_of_cell(cells: memoryview[float], place: int) -> memoryview[float]:
    """Return a view of one cell, without dimensions: read and written as `view[()]`.

    The same eight bytes move in the same way as by `cells[place]` (CPython's `unpack_single` and
    `pack_single`: one copy of constant size), but no place is worked out each time.
    """
    return cells[place : place + 1].cast("B").cast("d", shape=())


class BucketTable:
    """One worker's view of the table.

    Args:
        buffer: Writable memory, aligned to 8 bytes, shared by all workers: a mapping, or (tests,
            one worker) a bytearray. It may be longer than needed.
        capacity: How many buckets the table holds.
        workers: How many workers share it; all of them must name the same number.
        worker: Which of them this is, from 0. A worker that replaces a dead one takes its number
            and goes on with its cells. Two live processes with one number could lose each other's
            tokens.

    Raises:
        ValueError: The numbers make no sense together, or the buffer is too short.
    """

    __slots__ = ("capacity", "cells", "worker", "workers")

    def __init__(
        self, buffer: bytearray | memoryview | mmap, capacity: int, workers: int, worker: int
    ) -> None:
        if capacity < 0 or workers < 1:
            raise ValueError(
                f"A bucket table needs a capacity of 0 or more and at least 1 worker,"
                f" not {capacity} and {workers}."
            )
        if not 0 <= worker < workers:
            raise ValueError(f"Worker {worker} is none of 0 to {workers - 1}.")
        needed = bytes_needed(capacity, workers)
        octets = memoryview(buffer).cast("B")
        if len(octets) < needed:
            raise ValueError(
                f"{capacity} buckets for {workers} workers need {needed} bytes,"
                f" the buffer has {len(octets)}."
            )
        if octets.readonly:
            raise ValueError("The buffer of a bucket table must be writable.")
        self.cells: memoryview[float] = octets[:needed].cast("d")
        """All cells, row after row. Only `gcra.Meter` writes them."""
        self.capacity = capacity
        self.workers = workers
        self.worker = worker

    def row(self, index: int) -> int:
        """Return where bucket `index` starts in `cells`: its workers' cells, then its base.

        Raises:
            IndexError: There is no such bucket.
        """
        if not 0 <= index < self.capacity:
            raise IndexError(f"Bucket {index} is outside a table of {self.capacity}.")
        return index * (self.workers + 1)

    def cell(self, place: int) -> memoryview[float]:
        """Return a view of one of `cells`, without dimensions: `view[()]` is its value."""
        return view_of_cell(self.cells, place)

    def __repr__(self) -> str:
        return f"<BucketTable {self.capacity} buckets, worker {self.worker} of {self.workers}>"
