"""Token buckets as GCRA: one instant, not a count and a time of refill.

A bucket of `burst` tokens, refilled at `rate` per second, is remembered as its theoretical arrival
time (TAT): the instant at which it will be full again. It lacks `(TAT - now) * rate` tokens, so a
request is admitted while `TAT - now <= (burst - 1) / rate`, and moves TAT by `1 / rate`. A refused
request writes nothing. Time is all that is stored, hence a new rate or burst needs no conversion:
the debt of a live bucket stays, in seconds, and is cut to a whole bucket where it is far more.

A lone worker keeps TAT in the bucket's base. Between workers TAT is the base plus a sum of cells,
one per worker (`gateway.throttle.table`). Why that is accurate without a lock, case by case
(measurements: docs/decisions/007-token-buckets.md):

- *Two workers take at once.* Each adds to its own cell; neither addition is lost. Both may have
  seen the last token: at most one token too many for each further worker, and TAT has moved for all
  of them, so the surplus is paid back by later refusals. It never accumulates.
- *Two workers move the base at once.* The base moves only when TAT is past, to `now` less the sum
  of the cells as just read. Cells are read before the base and written after it: a worker that read
  a cell without another's fresh token will write a base that does not contain that token, and the
  sum gets it back. Whoever writes last, TAT is its own `now` plus all tokens taken since it read
  the cells.
- *A worker acts on a `now` that has grown old*, because it was not scheduled or has a long queue.
  It sees more debt than there is and refuses, or moves the base to a `now` that is past. It must
  not take that debt for one of a former, lower rate: only what exceeds a whole bucket by more than
  five seconds is cut.
- *Another bucket refuses.* No base moves before every bucket had a token: a stream of refused
  requests would keep a full one's at the newest `now` of all, and refuse requests whose `now` is a
  little older, though nobody takes a token; each would also risk the stall below.
- *A worker is stopped between its read and its write of the base*, a few bytecodes apart. It writes
  a base that is late by the stall, plus what was taken meanwhile. That can only be lower than the
  truth: at worst one bucketful is admitted twice, once for each such stall.
- *A worker trusts a bucket* that had plenty when it was looked at: for half a millisecond, and 32
  tokens at most, it takes without looking. Every token is added to its cell at once, as always;
  only what others took meanwhile is not seen. Plenty is 32 tokens for each worker: only if all
  took more in that time, one each 16 microseconds, could some be too many. However fast they were,
  no more than 33 of each further worker could be, each time a bucket empties, and are paid back.
  The base does not move meanwhile either: of a full bucket, what refills in that time may be taken
  beyond it.
- *A worker dies* in any of these places. Its cell stays and its successor adds to it; at most one
  token was admitted without being counted.
- *Precision.* Cells only grow. What they hold together is at most the time for which the bucket was
  in use plus `burst / rate`, since no more tokens were admitted than that, each worth `1 / rate`.
  One addition is therefore wrong by less than `(burst + rate * uptime) * 2**-52` tokens: 2e-5 of
  a token after three months at 10,000 per second. Only a bucket that once had a far lower rate, or
  years of load, could hold more; a worker whose cell exceeds 2**38 intervals empties it while the
  bucket is full: first the cell, then the base, so that others see a full bucket in between.
  A lone worker adds to the base, which is as large as the clock: the same bound with its uptime.
"""

from __future__ import annotations

import functools
from typing import Final

from gateway.throttle.table import TRUST_SECONDS, TRUSTED_TOKENS, BucketTable

_SLACK_TOKENS: Final = 1 / 1024
"""Rounding must not cost a whole token; the bucket is this much larger, once, not per request."""

_LONGEST_INTERVAL_SECONDS: Final = 1e8
"""A rate below one request in three years counts as that; keeps all sums finite."""

_CELL_LIMIT_INTERVALS: Final = 2.0**38
"""Above this many intervals a cell is emptied: an addition is exact to 2**-14 tokens below it."""

_STALL_SECONDS: Final = 5.0
"""How late a request's `now` may be without making a debt look older than it is.

A worker that was kept waiting for 10 ms sees the debt that others made since as 10 ms too much.
Cutting it at once let 4 busy processes admit 67 % too many.
"""

_NEVER: Final = float("-inf")

_NO_CELLS: Final = memoryview(b"").cast("d")
"""The cells of a lone worker's bucket, which keeps all in its base."""


@functools.lru_cache(maxsize=4096)
def _limits(rate: float, burst: float, workers: int) -> tuple[float, float, float, float, float]:
    """Return interval, debt limit, ceiling, cell limit and trust limit.

    One object each for equal meters.
    """
    interval = min(1.0 / rate, _LONGEST_INTERVAL_SECONDS)
    spare = max(burst, 1) - 1 - TRUSTED_TOKENS * workers
    # Workers that saw the last token together may have overdrawn by one token each, and by what
    # they trusted to be there: cut, it would be given anew each time, not paid back.
    overdrawn = workers * (1 + TRUSTED_TOKENS if spare > 0 else 1)
    ceiling = interval * (max(burst, 1) + overdrawn) + _STALL_SECONDS
    return (
        interval,
        interval * (max(burst, 1) - 1 + _SLACK_TOKENS),
        ceiling,
        interval * _CELL_LIMIT_INTERVALS,
        interval * spare if spare > 0 else _NEVER,
    )


class Meter:
    """One bucket with one rate and burst, as one worker sees it. Lifetime: a snapshot.

    Args:
        table: The shared table, with this worker's number. Holds all state.
        index: Which bucket of the table.
        rate: Tokens refilled per second. 0 or less blocks.
        burst: Tokens that the bucket holds. 0 or less blocks.

    Raises:
        IndexError: The table has no such bucket.
    """

    __slots__ = (
        "base", "burst", "ceiling", "cell_limit", "debt_limit", "index",
        "interval", "is_alone", "is_blocked", "own", "rate", "spent", "trust_limit",
        "trusted", "trusted_until", "was", "worker_cells",
    )  # fmt: skip

    def __init__(self, table: BucketTable, index: int, rate: float, burst: float) -> None:
        self.index = index
        self.rate = rate
        self.burst = burst
        # Not `rate <= 0`: a rate that is no number blocks, too.
        self.is_blocked = not (rate > 0 and burst > 0)
        """Whether rate or burst is 0, so that nothing is ever admitted."""
        # Below: for the functions of this module alone, which write out what would be calls.
        # Views of one cell each: `view[()]` costs two thirds of `cells[place]`.
        place = table.row(index)
        self.base = table.cell(place + table.workers)
        self.is_alone = table.workers == 1
        # A lone worker's bucket is its base: it gets no views that it does not look at.
        self.own = self.base if self.is_alone else table.cell(place + table.worker)
        self.spent = 0.0
        """What the workers' cells held together when `refusing` read them, in the same call."""
        self.trusted = 0
        """How many tokens the bucket has without a look at it; of a worker that is not alone."""
        self.trusted_until = _NEVER
        """Until when it has them."""
        self.was = 0.0
        """What a lone worker's base was before `refusing` took a token, to be given back."""
        # A slice kept: making it anew would cost 50 ns a request.
        self.worker_cells = (
            _NO_CELLS if self.is_alone else table.cells[place : place + table.workers]
        )
        if self.is_blocked:
            self.interval = 0.0
            self.debt_limit = self.trust_limit = _NEVER
            self.ceiling = self.cell_limit = -_NEVER
            return
        limits = _limits(rate, burst, table.workers)
        self.interval, self.debt_limit, self.ceiling, self.cell_limit, self.trust_limit = limits

    def admit(self, now: float) -> bool:
        """Take one token at `now` if one is left; return whether it was."""
        return refusing((self,), now) is None

    def empty_cell(self) -> float:
        """Empty a cell that is too large for exact additions; return what all now hold."""
        if self.own[()] > self.cell_limit:
            self.own[()] = 0.0
        return sum(self.worker_cells, 0.0)

    def cut_debt(self, now: float) -> None:
        """Make the bucket empty, no worse: its debt is of a lower rate or a larger burst."""
        full = self.interval * max(self.burst, 1)
        self.base[()] = now + full - sum(self.worker_cells, 0.0)

    def __repr__(self) -> str:
        if self.is_blocked:
            return f"<Meter #{self.index} blocked ({self.rate}/s, burst {self.burst})>"
        full_at = sum(self.worker_cells, 0.0) + self.base[()]
        return f"<Meter #{self.index} {self.rate}/s, burst {self.burst}, full at {full_at:.6f}>"


def lacking(meters: tuple[Meter, ...], now: float) -> Meter | None:
    """Return the first meter without a token at `now`, if there is one; take none."""
    for meter in meters:
        if meter.is_alone:
            debt = meter.base[()] - now
        else:
            debt = sum(meter.worker_cells, 0.0) + meter.base[()] - now
        if debt > meter.debt_limit:
            if debt > meter.ceiling:
                meter.cut_debt(now)
            return meter
    return None


def refusing(meters: tuple[Meter, ...], now: float) -> Meter | None:
    """Return the first meter without a token at `now`; if all have one, take it from each.

    A refusal takes nothing from any meter. `now` is in seconds of CLOCK_MONOTONIC. The meters are
    of one process, and each is there once.
    """
    if meters and not meters[0].is_alone:
        return _refusing_shared(meters, now)
    # Nobody else looks: each base is read once, and what was taken is given back if need be.
    for meter in meters:
        base = meter.base
        full_at = base[()]
        debt = full_at - now
        if debt > meter.debt_limit:
            if meter is not meters[0]:
                _give_back(meters, meter)
            if debt > meter.ceiling:
                meter.cut_debt(now)
            return meter
        meter.was = full_at
        # Not max(): a call.
        base[()] = (full_at if full_at > now else now) + meter.interval  # noqa: FURB136
    return None


def _give_back(meters: tuple[Meter, ...], refused: Meter) -> None:
    """Undo what `refusing` took from the meters before the one that refused, last first."""
    for meter in reversed(meters[: meters.index(refused)]):
        meter.base[()] = meter.was


def _refusing_shared(meters: tuple[Meter, ...], now: float) -> Meter | None:
    """Do the same where other workers take from the buckets at any time."""
    for meter in meters:
        if meter.trusted and now < meter.trusted_until:
            continue
        meter.trusted = 0
        # Seen once for the writing as well: a sum costs as much as all else.
        spent = meter.spent = sum(meter.worker_cells, 0.0)
        debt = spent + meter.base[()] - now
        if debt > meter.debt_limit:
            if debt > meter.ceiling:
                meter.cut_debt(now)
            return meter
    for meter in meters:
        if meter.trusted:
            meter.trusted -= 1
        else:
            spent = meter.spent
            base = meter.base
            debt = spent + base[()] - now
            if debt <= 0.0:
                # All cells together: most requests need not look at their own one.
                if spent > meter.cell_limit:
                    spent = meter.empty_cell()
                base[()] = now - spent
            if debt < meter.trust_limit:
                meter.trusted = TRUSTED_TOKENS
                meter.trusted_until = now + TRUST_SECONDS
        meter.own[()] += meter.interval
    return None
