import random

import pytest

from gateway.throttle.gcra import Meter, lacking, refusing
from gateway.throttle.table import (
    TRUST_SECONDS,
    TRUSTED_TOKENS,
    BucketTable,
    bytes_needed,
)

UPTIME = 1_000_000.0
"""Where tests start: seconds of CLOCK_MONOTONIC after eleven days."""


def tables(workers: int = 1, capacity: int = 4) -> list[BucketTable]:
    """Return each worker's view of one memory."""
    memory = bytearray(bytes_needed(capacity, workers))
    return [BucketTable(memory, capacity, workers, worker) for worker in range(workers)]


def meter(rate: float, burst: float) -> Meter:
    return Meter(tables()[0], 0, rate, burst)


def admitted(tried: Meter, times: int, now: float) -> int:
    return sum(tried.admit(now) for _ in range(times))


def test_new_bucket_is_full() -> None:
    assert admitted(meter(10.0, 5), 100, UPTIME) == 5


def test_tokens_come_back_at_the_rate() -> None:
    tried = meter(10.0, 5)
    admitted(tried, 5, UPTIME)

    assert admitted(tried, 100, UPTIME + 0.0999) == 0
    assert admitted(tried, 100, UPTIME + 0.1) == 1
    assert admitted(tried, 100, UPTIME + 0.35) == 2


def test_idle_time_fills_the_bucket_and_no_more() -> None:
    tried = meter(10.0, 5)
    admitted(tried, 5, UPTIME)

    assert admitted(tried, 100, UPTIME + 3_600) == 5


@pytest.mark.parametrize(
    ("rate", "burst"), [(0.0, 5), (5.0, 0), (0.0, 0), (-1.0, 5), (float("nan"), 5), (5.0, -1)]
)
def test_rate_or_burst_of_0_blocks(rate: float, burst: int) -> None:
    blocked = meter(rate, burst)

    assert blocked.is_blocked
    assert lacking((blocked,), UPTIME) is blocked
    assert not blocked.admit(UPTIME)
    assert refusing((blocked,), UPTIME) is blocked
    assert "blocked" in repr(blocked)


def test_burst_of_1_admits_at_the_rate() -> None:
    tried = meter(10.0, 1)

    assert sum(tried.admit(UPTIME + tick / 100) for tick in range(1_000)) == 100


def test_asking_takes_nothing_and_agrees_with_admitting() -> None:
    tried = meter(10.0, 2)
    asked = [lacking((tried,), UPTIME) is None for _ in range(10)]
    admitted(tried, 2, UPTIME)

    assert all(asked)
    assert lacking((tried,), UPTIME) is tried


def test_refusal_writes_nothing() -> None:
    table = tables()[0]
    tried = Meter(table, 0, 10.0, 5)
    admitted(tried, 5, UPTIME)
    before = table.cells.tolist()
    admitted(tried, 100, UPTIME)

    assert table.cells.tolist() == before


def test_buckets_of_one_table_do_not_touch() -> None:
    table = tables(workers=1, capacity=3)[0]
    meters = [Meter(table, index, 1.0, index + 1) for index in range(3)]

    assert [admitted(tried, 10, UPTIME) for tried in meters] == [1, 2, 3]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_refused_request_costs_no_meter_anything(count: int) -> None:
    table = tables(workers=1, capacity=count)[0]
    for narrowest in range(count):
        meters = tuple(
            Meter(table, index, 1.0, 2 if index == narrowest else 10) for index in range(count)
        )
        now = UPTIME + 1_000 * narrowest
        outcomes = [refusing(meters, now) for _ in range(5)]

        assert outcomes == [None, None, *[meters[narrowest]] * 3]
        assert sum(admitted(tried, 20, now) for tried in meters) == 8 * (count - 1)


def test_first_meter_that_refuses_is_named() -> None:
    table = tables(workers=1, capacity=3)[0]
    for count in (2, 3):
        meters = tuple(Meter(table, index, 0.0, 0) for index in range(count))

        assert refusing(meters, UPTIME) is meters[0]
        assert lacking(meters, UPTIME) is meters[0]


def test_no_meters_refuse_nothing() -> None:
    assert refusing((), UPTIME) is None


def test_one_bucket_may_be_metered_twice() -> None:
    """Two settings of one identity: each takes its token."""
    table = tables()[0]
    twice = (Meter(table, 0, 1.0, 10), Meter(table, 0, 1.0, 10))

    assert [refusing(twice, UPTIME) for _ in range(5)] == [None] * 5
    assert refusing(twice, UPTIME) is twice[0]


def test_one_bucket_metered_twice_lends_nothing_for_its_last_token() -> None:
    table = tables()[0]
    twice = (Meter(table, 0, 1.0, 9), Meter(table, 0, 1.0, 9))
    admitted = [refusing(twice, UPTIME) for _ in range(4)]
    before = table.cells.tolist()

    assert admitted == [None] * 4
    assert refusing(twice, UPTIME) is twice[1]
    assert table.cells.tolist() == before


def test_debt_is_cut_where_an_earlier_meter_had_a_token() -> None:
    table = tables(capacity=2)[0]
    admitted(Meter(table, 1, 10.0, 1_000), 1_000, UPTIME)
    full, cut = Meter(table, 0, 1.0, 1), Meter(table, 1, 10.0, 10)

    assert refusing((full, cut), UPTIME) is cut
    assert admitted(full, 2, UPTIME) == 1
    assert admitted(cut, 100, UPTIME + 1) == 10


def test_bucket_outside_the_table_is_refused() -> None:
    with pytest.raises(IndexError):
        Meter(tables(capacity=2)[0], 2, 1.0, 1)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize(("rate", "burst"), [(100.0, 50), (10.0, 1), (997.0, 3), (0.5, 10)])
def test_admitted_is_rate_times_time_plus_burst(workers: int, rate: float, burst: int) -> None:
    seeded = random.Random(workers)
    meters = [Meter(table, 0, rate, burst) for table in tables(workers)]
    total = 0
    seconds = 2_000 / rate
    steps = 8_000
    for step in range(steps + 1):
        now = UPTIME + seconds * step / steps
        order = seeded.sample(meters, workers)
        total += sum(tried.admit(now) for tried in order)

    assert total == pytest.approx(rate * seconds + burst, abs=1.01)


@pytest.mark.parametrize("workers", [2, 4])
def test_uneven_load_is_admitted_as_from_one_worker(workers: int) -> None:
    """One worker gets nearly all requests, and the bucket is now full, now empty."""
    seeded = random.Random(workers)
    meters = [Meter(table, 0, 100.0, 20) for table in tables(workers)]
    alone = meter(100.0, 20)
    now = UPTIME
    for _ in range(20_000):
        now += seeded.choice([0.0, 0.001, 0.002, 0.02])
        tried = meters[0] if seeded.random() < 0.9 else seeded.choice(meters)

        assert tried.admit(now) == alone.admit(now)


def test_replacement_goes_on_with_the_cells_of_a_dead_worker() -> None:
    memory = bytearray(bytes_needed(1, 2))
    first = Meter(BucketTable(memory, 1, 2, 0), 0, 10.0, 10)
    other = Meter(BucketTable(memory, 1, 2, 1), 0, 10.0, 10)
    admitted(first, 4, UPTIME)
    admitted(other, 3, UPTIME)
    replacement = Meter(BucketTable(memory, 1, 2, 0), 0, 10.0, 10)

    assert admitted(replacement, 100, UPTIME) == 3
    assert admitted(other, 100, UPTIME) == 0


def test_new_rate_keeps_the_debt_in_seconds() -> None:
    table = tables()[0]
    admitted(Meter(table, 0, 10.0, 100), 50, UPTIME)  # Five seconds of debt

    assert admitted(Meter(table, 0, 100.0, 1_000), 2_000, UPTIME) == 500


def test_lower_rate_before_does_not_block_longer_than_a_bucket_at_the_new_one() -> None:
    table = tables()[0]
    admitted(Meter(table, 0, 0.001, 5_000), 5_000, UPTIME)  # Two months of debt
    raised = Meter(table, 0, 100.0, 50)

    assert not raised.admit(UPTIME)
    assert admitted(raised, 100, UPTIME + 0.1) == 10
    assert admitted(raised, 100, UPTIME + 10) == 50


def test_debt_of_a_lower_rate_that_is_not_cut_lasts_five_seconds_longer_at_most() -> None:
    table = tables()[0]
    admitted(Meter(table, 0, 1.0, 5), 5, UPTIME)
    raised = Meter(table, 0, 1_000.0, 10)

    assert not raised.admit(UPTIME + 4.9)
    assert raised.admit(UPTIME + 5)


@pytest.mark.parametrize("late", [0.05, 0.5, 4.9])
def test_worker_that_is_late_does_not_forgive_what_others_took_meanwhile(late: float) -> None:
    views = tables(2)
    punctual, tardy = (Meter(view, 0, 1_000.0, 100) for view in views)
    steps = 20_000
    total = 0
    for step in range(steps + 1):
        now = UPTIME + 10 * step / steps
        total += punctual.admit(now)
        total += tardy.admit(now - late)
        lacking((tardy,), now - late)

    assert total == pytest.approx(10_100, abs=1.01)


def test_smaller_burst_cuts_the_debt_to_a_bucket() -> None:
    table = tables()[0]
    admitted(Meter(table, 0, 10.0, 1_000), 1_000, UPTIME)
    cut = Meter(table, 0, 10.0, 10)

    assert refusing((cut, cut), UPTIME) is cut
    assert admitted(cut, 100, UPTIME + 1) == 10


def test_tokens_overdrawn_by_simultaneous_workers_are_not_forgiven() -> None:
    shared = [Meter(table, 0, 10.0, 5) for table in tables(3)]
    for tried in shared:
        admitted(tried, 5, UPTIME)
        tried.own[()] += tried.interval  # As if each had seen the last token

    assert admitted(shared[0], 10, UPTIME + 0.39) == 0
    assert admitted(shared[0], 10, UPTIME + 0.41) == 1


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("rate", [1.0, 10_000.0, 100_000.0])
def test_ten_years_under_full_load_cost_no_accuracy(workers: int, rate: float) -> None:
    """The cells hold what they would after ten years, and so does the clock."""
    years = 10 * 365 * 86_400.0
    views = tables(workers)
    for worker in range(workers):
        views[0].cells[worker] = years / workers
    meters = [Meter(table, 0, rate, 100) for table in views]
    intervals = 10_000
    seconds = intervals / rate
    total = 0
    for step in range(2 * intervals + 1):
        now = years + seconds * step / (2 * intervals)
        total += meters[step % workers].admit(now)

    # Admission is tried twice for each token, so that the initial burst is used up on the way.
    # A double holds a clock of ten years in steps of 60 ns, the least that an interval can be off.
    assert total == pytest.approx(rate * seconds + 100, rel=0.001 + rate * 3e-8)


def test_cell_too_large_for_exact_additions_is_emptied_while_the_bucket_is_full() -> None:
    views = tables(2)
    views[0].cells[0] = 1e13  # Additions of 0.1 ms would vanish
    views[0].cells[2] = -1e13
    first, second = (Meter(table, 0, 10_000.0, 10) for table in views)

    assert admitted(first, 5, UPTIME) == 5
    assert admitted(second, 10, UPTIME) == 5
    assert views[0].cells[0] < 1.0
    assert admitted(first, 100, UPTIME + 0.0005) == 5


def test_a_lone_worker_uses_the_base_alone() -> None:
    view = tables()[0]
    tried = Meter(view, 0, 10.0, 5)

    assert admitted(tried, 9, UPTIME) == 5
    assert view.cells.tolist()[:2] == [0.0, pytest.approx(UPTIME + 0.5)]


@pytest.mark.parametrize("workers", [2, 3, 4, 9])
def test_several_workers_leave_their_tokens_in_their_own_cells(workers: int) -> None:
    shared = [Meter(table, 0, 10.0, 50) for table in tables(workers)]
    for place, tried in enumerate(shared):
        admitted(tried, place + 1, UPTIME)

    spent = [pytest.approx(0.1 * (place + 1)) for place in range(workers)]
    assert shared[0].worker_cells.tolist() == spent
    assert shared[0].base[()] == UPTIME


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("is_full", [True, False])
def test_refused_request_costs_no_shared_meter_anything(workers: int, *, is_full: bool) -> None:
    view = tables(workers)[0]
    wide, narrow = Meter(view, 0, 10.0, 5), Meter(view, 1, 10.0, 0)
    if not is_full:
        admitted(wide, 2, UPTIME)

    assert [refusing((wide, narrow), UPTIME) for _ in range(20)] == [narrow] * 20
    assert admitted(wide, 20, UPTIME) == (5 if is_full else 3)


@pytest.mark.parametrize("workers", [2, 4])
def test_refused_requests_keep_no_full_bucket_from_an_older_request(workers: int) -> None:
    """Were the full bucket's base moved, whoever is late would see its difference as debt."""
    busy, late = tables(workers)[:2]
    asked = Meter(busy, 0, 1_000.0, 1), Meter(busy, 1, 10.0, 0)
    before = busy.cells.tolist()

    assert refusing(asked, UPTIME) is asked[1]
    assert busy.cells.tolist() == before
    assert Meter(late, 0, 1_000.0, 1).admit(UPTIME - 0.002)


def test_a_bucket_with_plenty_is_not_looked_at_for_half_a_millisecond() -> None:
    """What others take meanwhile is not seen, at most 32 tokens long, and is paid back."""
    first, second = (Meter(table, 0, 10.0, 200) for table in tables(2))

    assert first.admit(UPTIME)
    assert admitted(second, 500, UPTIME) == 199
    assert admitted(first, 500, UPTIME + TRUST_SECONDS / 2) == TRUSTED_TOKENS
    assert admitted(second, 10, UPTIME + 3.25) == 0
    assert admitted(second, 10, UPTIME + 3.35) == 1


@pytest.mark.parametrize("rate", [0.5, 1.0, 10.0, 1_000.0])
@pytest.mark.parametrize("workers", [2, 4])
def test_what_trusting_workers_overdrew_is_paid_back_however_slow_the_bucket(
    workers: int, rate: float
) -> None:
    """It is many seconds of debt, and must not be taken for that of a former, lower rate."""
    meters = [Meter(table, 0, rate, 200) for table in tables(workers)]
    total = 0
    for emptied in range(6):
        now = UPTIME + emptied * 200 / rate
        total += sum(tried.admit(now) for tried in meters)
        total += sum(admitted(tried, 500, now + TRUST_SECONDS / 2) for tried in meters)

        assert total <= 200 * (emptied + 1) + TRUSTED_TOKENS * (workers - 1) + 1


def test_after_half_a_millisecond_a_bucket_is_looked_at_again() -> None:
    first, second = (Meter(table, 0, 10.0, 200) for table in tables(2))

    assert first.admit(UPTIME)
    assert admitted(second, 500, UPTIME) == 199
    assert not first.admit(UPTIME + TRUST_SECONDS)


def test_trust_that_was_not_used_up_gives_no_more_than_a_bucketful_later() -> None:
    first = Meter(tables(2)[0], 0, 10.0, 200)

    assert first.admit(UPTIME)
    assert admitted(first, 500, UPTIME + 100.0) == 200


@pytest.mark.parametrize("workers", [2, 4])
def test_a_bucket_that_holds_little_is_looked_at_for_every_request(workers: int) -> None:
    views = tables(workers)
    first, second = (Meter(view, 0, 10.0, TRUSTED_TOKENS * workers) for view in views[:2])

    assert first.admit(UPTIME)
    assert admitted(second, 500, UPTIME) == TRUSTED_TOKENS * workers - 1
    assert not first.admit(UPTIME)


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("rate", [100.0, 10_000.0])
def test_large_buckets_admit_as_much_as_if_they_were_always_looked_at(
    workers: int, rate: float
) -> None:
    """Workers that each ask every 20 microseconds, in stretches: now full, now empty."""
    seeded = random.Random(workers)
    burst = 1_000
    meters = [Meter(table, 0, rate, burst) for table in tables(workers)]
    alone = meter(rate, burst)
    now = UPTIME
    total = expected = 0
    for _ in range(12):
        for _ in range(4_000):
            now += 0.00002 / workers
            total += seeded.choice(meters).admit(now)
            expected += alone.admit(now)
        now += seeded.choice([0.0001, 0.01, 1.0, 20.0])

    assert total == pytest.approx(expected, abs=1 + 12 * rate * TRUST_SECONDS)


def test_rate_of_next_to_nothing_admits_one_burst() -> None:
    tried = meter(5e-324, 3)

    assert admitted(tried, 10, UPTIME) == 3
    assert admitted(tried, 10, UPTIME + 1e6) == 0


def test_repr_says_rate_burst_and_when_the_bucket_is_full() -> None:
    tried = meter(2.0, 4)
    tried.admit(100.0)

    assert repr(tried) == "<Meter #0 2.0/s, burst 4, full at 100.500000>"
