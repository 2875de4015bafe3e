"""Token buckets under any timing, and with other workers at work between any two memory
accesses."""

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.throttle import BucketTable, Meter, bytes_needed, lacking, refusing
from gateway.throttle.table import TRUST_SECONDS, TRUSTED_TOKENS

START = 1_000_000.0

RATES = st.sampled_from([0.5, 1.0, 7.0, 100.0, 10_000.0])
BURSTS = st.integers(1, 40)
GAPS = st.lists(st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 3.0, 100.0]), min_size=1, max_size=150)
"""Between attempts, in units of the interval between two tokens."""


def views(workers: int, capacity: int = 1) -> list[BucketTable]:
    memory = bytearray(bytes_needed(capacity, workers))
    return [BucketTable(memory, capacity, workers, worker) for worker in range(workers)]


@given(RATES, BURSTS, GAPS, st.integers(1, 4), st.data())
def test_no_span_of_time_admits_more_than_burst_and_refill(
    rate: float, burst: int, gaps: list[float], workers: int, data: st.DataObject
) -> None:
    meters = [Meter(view, 0, rate, burst) for view in views(workers)]
    now = START
    times = []
    for gap in gaps:
        now += gap / rate
        if meters[data.draw(st.integers(0, workers - 1))].admit(now):
            times.append(now)

    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + rate * (times[last] - times[first]) + 0.01


@given(RATES, BURSTS, GAPS)
def test_refused_only_when_the_bucket_lacks_a_token(
    rate: float, burst: int, gaps: list[float]
) -> None:
    """Against a bucket that counts tokens."""
    meter = Meter(views(1)[0], 0, rate, burst)
    tokens = float(burst)
    now = START
    for gap in gaps:
        now += gap / rate
        tokens = min(burst, tokens + gap)
        is_admitted = meter.admit(now)

        assert is_admitted == (tokens >= 1) or abs(tokens - 1) < 0.01
        tokens -= is_admitted


@given(st.lists(st.tuples(RATES, BURSTS), min_size=1, max_size=4), GAPS, st.integers(1, 4))
def test_refusal_changes_no_meter(
    limits: list[tuple[float, int]], gaps: list[float], workers: int
) -> None:
    view = views(workers, len(limits))[0]
    meters = tuple(Meter(view, index, *limit) for index, limit in enumerate(limits))
    now = START
    for gap in gaps:
        now += gap / limits[0][0]
        before = view.cells.tolist()
        refuses = [lacking((meter,), now) is not None for meter in meters]
        refused = refusing(meters, now)

        assert refused is (meters[refuses.index(True)] if any(refuses) else None)
        assert (view.cells.tolist() == before) == (refused is not None)


class BusyCells:
    """Cells as one worker sees them, where `others` may act before every single access."""

    def __init__(self, cells: "memoryview[float]", others: Callable[[], None]) -> None:
        self.cells = cells
        self.others = others

    def __getitem__(self, place: Any) -> Any:
        self.others()
        return self.cells[place]

    def __setitem__(self, place: Any, value: float) -> None:
        self.others()
        self.cells[place] = value

    def __iter__(self) -> Iterator[float]:
        for place in range(len(self.cells)):
            yield self[place]


def busy_meter(
    table: BucketTable, rate: float, burst: int, others: Callable[[], None], index: int = 0
) -> Meter:
    """Return a meter whose every way to the shared memory is interrupted."""
    meter = Meter(table, index, rate, burst)
    ways = [name for name in dir(meter) if isinstance(getattr(meter, name), memoryview)]

    assert set(ways) == {"base", "own", "worker_cells"}
    for name in ways:
        setattr(meter, name, BusyCells(getattr(meter, name), others))
    return meter


@given(
    st.sampled_from([1, 2, 5, 20]),
    st.integers(2, 4),
    st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0]), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_workers_that_interrupt_each_other_anywhere_lose_no_token_for_good(
    burst: int, workers: int, gaps: list[float], random: Any
) -> None:
    """Surplus is a token for each further worker, in any span of time, and is paid back.

    Nor is a request refused while a token is left.
    """
    rate = 10.0
    tables = views(workers)
    now = START
    level = 0.0  # Most that any span up to now admitted beyond its refill
    idle = set(range(workers))

    def attempt(worker: int) -> None:
        nonlocal level
        # In two steps: `level` may change while the worker is at it.
        is_admitted = meters[worker].admit(now)
        level += is_admitted

        assert is_admitted or level > burst - 1 - 0.01

    def others() -> None:
        if idle and random.random() < 0.3:
            worker = random.choice(sorted(idle))
            idle.remove(worker)
            attempt(worker)
            idle.add(worker)

    meters = [busy_meter(table, rate, burst, others) for table in tables]
    for gap in gaps:
        now += gap / rate
        level = max(level - gap, 0.0)
        idle.remove(0)
        for _ in range(burst):
            attempt(0)
        idle.add(0)

        assert level <= burst + (workers - 1) + 0.01


@given(
    st.lists(st.sampled_from([1, 2, 5, 20]), min_size=2, max_size=3),
    st.integers(2, 4),
    st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0]), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_refusals_by_one_bucket_take_nothing_from_others_whoever_interrupts(
    bursts: list[int], workers: int, gaps: list[float], random: Any
) -> None:
    """As above, where requests need a token of the first bucket alone, or of each."""
    rate = 10.0
    now = START
    levels = [0.0] * len(bursts)
    idle = set(range(workers))

    def attempt(worker: int) -> None:
        asked = meters[worker] if random.random() < 0.5 else meters[worker][:1]
        refused = refusing(asked, now)
        # Those that this one interrupts may have taken tokens which they have not told of yet.
        untold = workers - len(idle) - 1
        for place, meter in enumerate(asked):
            levels[place] += refused is None
            level = levels[place] + untold

            assert refused is not meter or level > bursts[place] - 1 - 0.01

    def others() -> None:
        if idle and random.random() < 0.2:
            worker = random.choice(sorted(idle))
            idle.remove(worker)
            attempt(worker)
            idle.add(worker)

    meters = [
        tuple(busy_meter(view, rate, burst, others, at) for at, burst in enumerate(bursts))
        for view in views(workers, len(bursts))
    ]
    for gap in gaps:
        now += gap / rate
        levels = [max(level - gap, 0.0) for level in levels]
        idle.remove(0)
        for _ in range(max(bursts)):
            attempt(0)
        idle.add(0)

        for level, burst in zip(levels, bursts, strict=True):
            assert level <= burst + (workers - 1) + 0.01


PLENTY = st.sampled_from([70, 133, 200, 1_000])
"""Bursts of which workers trust some of the tokens to be there."""


@given(
    st.sampled_from([0.5, 10.0, 1_000.0, 100_000.0]),
    PLENTY,
    st.integers(2, 4),
    st.lists(st.sampled_from([0.0, 0.000_1, TRUST_SECONDS, 0.001, 1.0]), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
)
def test_workers_that_trust_a_bucket_overdraw_no_more_than_that_however_fast_others_are(
    rate: float, burst: int, workers: int, gaps: list[float], random: Any
) -> None:
    """In any span of time, so that what was too much is paid back; and nobody is starved."""
    trusted = workers - 1 if burst <= TRUSTED_TOKENS * workers else 33 * (workers - 1)
    most = burst + trusted + min(rate * TRUST_SECONDS, 33 * workers) + 0.1
    now = START
    level = 0.0  # Most that any span up to now admitted beyond its refill
    idle = set(range(workers))

    def attempt(worker: int, times: int) -> None:
        nonlocal level
        idle.remove(worker)
        for _ in range(times):
            is_admitted = meters[worker].admit(now)
            level += is_admitted
            # Those that this one interrupts may have taken tokens that they have not told of yet.
            if not is_admitted:
                assert level + workers - len(idle) > burst - 1 - 0.01
                break
        idle.add(worker)

    def others() -> None:
        if idle and random.random() < 0.05:
            attempt(random.choice(sorted(idle)), random.choice([1, 40, burst]))

    meters = [busy_meter(table, rate, burst, others) for table in views(workers)]
    for gap in gaps:
        # A whole second is worth a bucket: all of it, or most of it.
        wait = gap if gap < 1.0 else random.choice([0.5, 1.0, 1.0]) * burst / rate
        now += wait
        level = max(level - wait * rate, 0.0)
        for times in (1, random.choice([1, 33, burst])):
            for worker in random.sample(range(workers), workers):
                attempt(worker, times)

        assert level <= most


@given(
    st.lists(st.tuples(RATES, PLENTY), min_size=1, max_size=3),
    st.tuples(RATES, BURSTS),
    GAPS,
    st.integers(2, 4),
)
def test_requests_refused_by_one_bucket_change_no_trusted_one(
    trusted: list[tuple[float, int]], narrow: tuple[float, int], gaps: list[float], workers: int
) -> None:
    """A worker that is the only one to ask gets the same answers as if it trusted nothing."""
    limits = [*trusted, narrow]
    view = views(workers, len(limits))[0]
    meters = tuple(Meter(view, index, *limit) for index, limit in enumerate(limits))
    now = START
    for gap in gaps:
        now += gap / narrow[0]
        before = view.cells.tolist()
        refuses = [lacking((meter,), now) is not None for meter in meters]
        refused = refusing(meters, now)

        assert refused is (meters[refuses.index(True)] if any(refuses) else None)
        assert (view.cells.tolist() == before) == (refused is not None)
