"""Rows of usage: what workers count, what the control process allows."""

from __future__ import annotations

import pytest

from gateway.throttle.table import TRUST_SECONDS, TRUSTED_TOKENS
from gateway.throttle.usage_table import UNLIMITED, UsageCounter, UsageTable, usage_bytes

NOW = 1_000.0


def table(capacity: int = 200, workers: int = 2) -> UsageTable:
    return UsageTable(bytearray(usage_bytes(capacity, workers)), capacity, workers)


def test_a_row_that_nobody_prepared_lets_nobody_in() -> None:
    assert not UsageCounter(table(), 3, 0).has_left(NOW)


def test_a_quota_holds_over_all_workers() -> None:
    shared = table()
    first, second = UsageCounter(shared, 3, 0), UsageCounter(shared, 3, 1)
    shared.set_left(3, 2)

    assert first.has_left(NOW)
    first.count()
    assert second.has_left(NOW)
    second.count()

    assert not first.has_left(NOW)
    assert not second.has_left(NOW)
    assert (shared.counted(3), shared.counted(2), shared.counted(4)) == (2, 0, 0)
    assert "2 of 2" in repr(first)


def test_what_is_left_counts_from_what_is_stored() -> None:
    shared = table()
    counter = UsageCounter(shared, 1, 0)
    for _ in range(5):
        counter.count()
    shared.begin_storing(1, {1: 5})
    shared.end_storing([1], is_stored=True)

    shared.set_left(1, 1)
    assert counter.has_left(NOW)
    shared.set_left(1, 0)
    assert not counter.has_left(NOW)
    shared.set_left(1, -3)
    assert not counter.has_left(NOW)
    shared.set_left(1, UNLIMITED)
    assert counter.has_left(NOW)


def test_what_was_storing_is_stored_only_when_told() -> None:
    shared = table()
    counter = UsageCounter(shared, 199, 1)
    counter.count()
    assert shared.flush == 0
    shared.begin_storing(7, {199: 1})
    assert (shared.flush, shared.stored(199)) == (7, 0)
    shared.end_storing([199], is_stored=False)
    assert (shared.flush, shared.stored(199)) == (0, 0)

    # Nothing of one flush comes with another.
    shared.begin_storing(8, {198: 1})
    shared.end_storing([198, 199], is_stored=True)
    assert (shared.stored(198), shared.stored(199)) == (1, 0)


def test_a_row_is_handed_over_with_nothing_of_its_last_owner() -> None:
    shared = table()
    counter = UsageCounter(shared, 3, 1)
    shared.set_left(3, 2)
    counter.count()
    shared.begin_storing(1, {3: 1})
    counter.count()
    shared.hand_over(3)
    assert not counter.has_left(NOW)
    shared.end_storing([3], is_stored=True)

    assert shared.stored(3) == shared.counted(3) == 2
    shared.set_left(3, 1)
    assert counter.has_left(NOW)


def test_while_much_is_left_others_are_looked_at_now_and_then() -> None:
    """Twice in a millisecond, and at the latest after 32 requests."""
    shared = table()
    first, second = UsageCounter(shared, 3, 0), UsageCounter(shared, 3, 1)
    shared.set_left(3, 100)
    assert first.has_left(NOW)
    for _ in range(100):
        second.count()

    soon = NOW + TRUST_SECONDS / 2
    assert [first.has_left(soon) for _ in range(40)] == [True] * TRUSTED_TOKENS + [False] * 8

    shared.set_left(3, 200)
    assert first.has_left(NOW)
    shared.set_left(3, 0)
    assert not first.has_left(NOW + TRUST_SECONDS)


def test_a_lone_worker_has_nobody_to_look_at() -> None:
    shared = table(workers=1)
    counter = UsageCounter(shared, 3, 0)
    shared.set_left(3, 100)
    assert counter.has_left(NOW)
    shared.set_left(3, 0)

    assert not counter.has_left(NOW)


def test_only_rows_near_a_change_are_looked_at() -> None:
    shared = table()
    rows = [1, 2, 70, 199]
    assert list(shared.changed()) == []
    shared.watch(rows)
    assert list(shared.changed()) == rows
    assert list(shared.changed()) == []

    UsageCounter(shared, 70, 1).count()
    assert list(shared.changed()) == [70]
    UsageCounter(shared, 2, 1).count()
    assert list(shared.changed()) == [1, 2]
    shared.forget_seen()

    assert list(shared.changed()) == rows


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="10 rows of usage for 2 workers need 408 bytes"):
        UsageTable(bytearray(8), 10, 2)
    with pytest.raises(IndexError, match="Row 200 is outside a table of 200"):
        table().counted(200)
    with pytest.raises(ValueError, match="Worker 2 is none of 0 to 1"):
        UsageCounter(table(), 0, 2)
    assert repr(table()) == "<UsageTable 200 rows, 2 workers>"
