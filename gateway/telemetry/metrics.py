"""The table of numbers that workers write and the control process reads; the workers' side.

One table of doubles on shared memory, one segment a worker, which only that worker writes: first a
header of process numbers, then one block of fixed size for each stage arm and each method with
metrics of its own. The cost of a request is constant: it touches one block, whatever is deployed.
Nothing here knows names; `exposition` does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

LATENCY_BOUNDS: Final[tuple[float, ...]] = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
)  # fmt: skip
"""Upper bounds of the latency buckets, seconds: fine where a gateway and its backends answer, up to
just above AWS's longest integration timeout."""

STATUS_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
"""Classes of status codes, in the order of their cells in a block."""

BUCKETS: Final = len(LATENCY_BOUNDS) + 1
"""Cells of a histogram: one a bound, and one for what exceeds the last."""

# Offsets within a block.
REQUESTS: Final = 0
"""First of the request counts, one for each of `STATUS_CLASSES`."""
THROTTLED: Final = REQUESTS + len(STATUS_CLASSES)
CACHE_HITS: Final = THROTTLED + 1
"""Requests that the stage's cache answered; the next: those that it could not, of methods with a
cache."""
CACHE_MISSES: Final = CACHE_HITS + 1
LATENCY_SUM: Final = CACHE_MISSES + 1
LATENCY_BUCKETS: Final = LATENCY_SUM + 1
INTEGRATION_SUM: Final = LATENCY_BUCKETS + BUCKETS
INTEGRATION_BUCKETS: Final = INTEGRATION_SUM + 1
QUOTA_EXCEEDED: Final = INTEGRATION_BUCKETS + BUCKETS
SHADOWED: Final = QUOTA_EXCEEDED + 1
"""First of the counts of what throttles in shadow would have refused, one for each reason."""
SHADOW_REASONS: Final = ("throttled", "quota")
"""Values of the label `reason`, in the order of their cells in a block."""
BLOCK_CELLS: Final = (SHADOWED + len(SHADOW_REASONS) + 7) // 8 * 8
"""Doubles of a block: whole cache lines of 64 bytes."""

SERIES_PER_BLOCK: Final = 4 + 1 + 2 + 2 * (BUCKETS + 2)
"""Time series that a block is exposed as: the four usual status classes, throttled requests, hits
and misses of the cache, and two histograms with their sums and counts."""

NO_METHOD: Final = 0
"""The block of requests that reached no stage (unknown host, unknown stage)."""


REFUSAL_REASONS: Final = (
    "other",
    "not_http",
    "request_line",
    "target",
    "host",
    "header",
    "framing",
    "body",
    "slow_head",
    "slow_body",
    "method",
    "server_options",
    "target_too_long",
    "expectation",
    "headers_too_large",
    "unknown_method",
    "unknown_coding",
    "version",
    "bug",
    "broken_answer",
    "body_too_large",
    "connection_limit",
    "address_limit",
    "tls_handshake",
    "tls_name",
    "tls_slow",
    "tls_limit",
)
"""Why a request was refused before it became an exchange: the values of the label `reason`.

The words are those of `server.refusal`, which stands above this package; a test compares them.
Fixed, so that no client can make series; an unknown reason counts as `other`."""


class Cell(IntEnum):
    """Where a process number is in the header of a worker's segment."""

    START_TIME = 0
    """When the worker started, seconds since 1970."""
    STARTS = 1
    """How often a worker started in this segment."""
    HEARTBEAT = 2
    """When the worker last said that it lives, CLOCK_MONOTONIC."""
    REVISION = 3
    """Revision of the release that is served."""
    COMPILE_SECONDS = 4
    """Seconds that compiling the last release took."""
    RELEASES_APPLIED = 5
    RELEASES_REFUSED = 6
    CONNECTIONS_OPEN = 7
    """Client connections; a gauge."""
    CONNECTIONS_LIMIT = 19
    """Client connections that the worker admits at most; a gauge."""
    CONNECTIONS_ACCEPTED = 8
    REQUESTS_IN_FLIGHT = 9
    """A gauge."""
    BACKEND_CONNECTIONS_OPEN = 10
    """A gauge."""
    BACKEND_CONNECTIONS_OPENED = 11
    BACKEND_CONNECTIONS_REUSED = 12
    LOG_LINES_DROPPED = 13
    """Lines of access and execution logs that could not be written in time."""
    UNEXPECTED_ERRORS = 14
    """Bugs: exceptions that nobody foresaw, answered 500."""
    BACKEND_REQUESTS_RETRIED = 15
    BACKEND_CONNECTIONS_FAILED = 16
    BACKEND_REQUESTS_OVERFLOWED = 17
    TLS_HANDSHAKES = 18
    """Completed, with clients."""


_GAUGES: Final = (
    Cell.REVISION,
    Cell.COMPILE_SECONDS,
    Cell.CONNECTIONS_OPEN,
    Cell.CONNECTIONS_LIMIT,
    Cell.REQUESTS_IN_FLIGHT,
    Cell.BACKEND_CONNECTIONS_OPEN,
)
"""What ended with the worker that died; its counters go on."""

REFUSALS: Final = 32
"""First cell of the refusals, one for each of `REFUSAL_REASONS`."""
BUG: Final = "bug"
"""The reason that counts as an unexpected error, too."""

HEADER_CELLS: Final = 64
CELL_BYTES: Final = 8


def segment_bytes(block_capacity: int) -> int:
    """Return the bytes of one worker's segment with room for `block_capacity` blocks."""
    return (HEADER_CELLS + block_capacity * BLOCK_CELLS) * CELL_BYTES


def table_bytes(block_capacity: int, workers: int) -> int:
    """Return the bytes of the table of all workers."""
    return segment_bytes(block_capacity) * workers


def segment_of(
    table: memoryview[int] | memoryview[float], worker: int, block_capacity: int
) -> memoryview[float]:
    """Return the doubles of one worker's segment of the table."""
    size = segment_bytes(block_capacity)
    return table.cast("B")[worker * size : (worker + 1) * size].cast("d")


def allot(
    wanted: Sequence[str], budget: int, series_per_method: int = SERIES_PER_BLOCK
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the `wanted` identities get blocks of their own, and which do not.

    First come, first served: given in the order of their age, those that have a block keep it, and
    a new one never pushes an older one out. `budget` is in time series; 0 or less grants nothing.
    """
    room = max(0, budget // series_per_method)
    distinct = tuple(dict.fromkeys(wanted))
    return distinct[:room], distinct[room:]


def _status_cells() -> tuple[int, ...]:
    """Return the cell of every status from 0 to 999, the most that three digits can say."""
    other = REQUESTS + len(STATUS_CLASSES) - 1
    return tuple(
        REQUESTS + status // 100 - 1 if 100 <= status <= 599 else other for status in range(1000)
    )


_STATUS_CELLS: Final = _status_cells()
_SHORTEST: Final = LATENCY_BOUNDS[0]
_FLOORS: Final = (float("-inf"), *LATENCY_BOUNDS)
"""What a latency exceeds that is in a bucket."""
_REFUSAL_CELLS: Final = {
    reason: REFUSALS + position for position, reason in enumerate(REFUSAL_REASONS)
}


class WorkerMetrics:
    """One worker's segment. Single writer: the worker's thread."""

    __slots__ = ("_blocks", "_cells")

    def __init__(self, cells: memoryview[float] | memoryview[int]) -> None:
        self._cells: memoryview[float] = cells.cast("B").cast("d")
        self._blocks: dict[int, memoryview[float]] = {}
        """Slices kept, of the blocks that requests were counted in."""

    def __repr__(self) -> str:
        cells = self._cells
        return (
            f"<WorkerMetrics revision {cells[Cell.REVISION]:.0f}, "
            f"{cells[Cell.CONNECTIONS_OPEN]:.0f} connections, {self.blocks} blocks>"
        )

    @property
    def blocks(self) -> int:
        """How many blocks the segment has room for."""
        return (len(self._cells) - HEADER_CELLS) // BLOCK_CELLS

    def begin(self, epoch: float) -> None:
        """Take the segment over, perhaps from a worker that died: counters stay, gauges restart."""
        cells = self._cells
        for gauge in _GAUGES:
            cells[gauge] = 0.0
        cells[Cell.START_TIME] = epoch
        cells[Cell.STARTS] += 1.0

    def observe(
        self,
        block: int,
        status: int,
        latency_seconds: float,
        integration_seconds: float | None,
        throttled: bool,
    ) -> None:
        """Count one request in `block`. Runs for each request: about 0.35 µs."""
        try:
            cells = self._blocks[block]
        except KeyError:
            cells = self._slice(block)
        cells[_STATUS_CELLS[status]] += 1.0
        cells[LATENCY_SUM] += latency_seconds
        bucket = 0
        # What needs no backend mostly is so quick: a search would cost as much as all else.
        if latency_seconds > _SHORTEST:
            bucket = bisect_left(LATENCY_BOUNDS, latency_seconds)
        cells[LATENCY_BUCKETS + bucket] += 1.0
        if integration_seconds is not None:
            cells[INTEGRATION_SUM] += integration_seconds
            # The backend's part of the time mostly is nearly all of it, and in the same bucket.
            if not _FLOORS[bucket] < integration_seconds <= latency_seconds:
                bucket = bisect_left(LATENCY_BOUNDS, integration_seconds)
            cells[INTEGRATION_BUCKETS + bucket] += 1.0
        if throttled:
            cells[THROTTLED] += 1.0

    def _slice(self, block: int) -> memoryview[float]:
        """Return the cells of a block, and keep them."""
        start = HEADER_CELLS + block * BLOCK_CELLS
        cells = self._blocks[block] = self._cells[start : start + BLOCK_CELLS]
        return cells

    def count(self, block: int, cell: int) -> None:
        """Count in one cell of a block, such as `QUOTA_EXCEEDED`."""
        self._cells[HEADER_CELLS + block * BLOCK_CELLS + cell] += 1.0

    def count_cache(self, block: int, is_hit: bool) -> None:
        """Count a request that asked its stage's cache."""
        try:
            cells = self._blocks[block]
        except KeyError:
            cells = self._slice(block)
        cells[CACHE_HITS if is_hit else CACHE_MISSES] += 1.0

    def count_refusal(self, reason: str) -> None:
        """Count a request that was refused at the edge; an unknown `reason` counts as `other`."""
        self._cells[_REFUSAL_CELLS.get(reason, REFUSALS)] += 1.0
        if reason == BUG:
            self._cells[Cell.UNEXPECTED_ERRORS] += 1.0

    def add(self, cell: Cell, amount: float = 1.0) -> None:
        """Add to a process number; gauges go down by negative amounts."""
        self._cells[cell] += amount

    def set(self, cell: Cell, value: float) -> None:
        """Set a process number."""
        self._cells[cell] = value

    def get(self, cell: Cell) -> float:
        """Return a process number."""
        return float(self._cells[cell])

    def beat(self, now: float) -> None:
        """Say that the worker lives, at `now` of CLOCK_MONOTONIC."""
        self._cells[Cell.HEARTBEAT] = now
