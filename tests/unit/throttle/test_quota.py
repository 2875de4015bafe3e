from __future__ import annotations

from datetime import date

import pytest

from gateway.definitions.usage_plan import QuotaPeriod, QuotaSettings
from gateway.throttle.quota import DayUsage, days_of, first_day

LONG_AGO = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("period", "day", "first"),
    [
        (QuotaPeriod.DAY, date(2026, 5, 1), date(2026, 5, 1)),
        # A Saturday, a Sunday and a Monday.
        (QuotaPeriod.WEEK, date(2026, 5, 2), date(2026, 4, 26)),
        (QuotaPeriod.WEEK, date(2026, 5, 3), date(2026, 5, 3)),
        (QuotaPeriod.WEEK, date(2026, 5, 4), date(2026, 5, 3)),
        (QuotaPeriod.MONTH, date(2026, 5, 1), date(2026, 5, 1)),
        (QuotaPeriod.MONTH, date(2024, 2, 29), date(2024, 2, 1)),
    ],
)
def test_a_period_begins_at_midnight_on_sunday_or_on_the_first(
    period: QuotaPeriod, day: date, first: date
) -> None:
    assert first_day(period, day) == first


def test_each_day_has_its_own_quota() -> None:
    quota = QuotaSettings(limit=10, period=QuotaPeriod.DAY)
    usage = {date(2026, 5, 1): DayUsage(10), date(2026, 5, 2): DayUsage(3)}

    assert days_of(quota, LONG_AGO, usage, date(2026, 5, 1), date(2026, 5, 3)) == [
        (10, 0),
        (3, 7),
        (0, 10),
    ]


def test_what_was_used_before_the_first_day_told_counts() -> None:
    quota = QuotaSettings(limit=10, period=QuotaPeriod.MONTH)
    usage = {date(2026, 5, 1): DayUsage(4), date(2026, 4, 30): DayUsage(10)}

    assert days_of(quota, LONG_AGO, usage, date(2026, 5, 3), date(2026, 5, 3)) == [(0, 6)]


def test_more_used_than_allowed_is_less_than_nothing() -> None:
    quota = QuotaSettings(limit=1, period=QuotaPeriod.DAY)
    day = date(2026, 5, 1)

    assert days_of(quota, LONG_AGO, {day: DayUsage(5)}, day, day) == [(5, -4)]


def test_a_grant_lasts_until_its_period_ends() -> None:
    quota = QuotaSettings(limit=10, period=QuotaPeriod.WEEK)
    usage = {date(2026, 5, 1): DayUsage(2, 5)}

    assert days_of(quota, LONG_AGO, usage, date(2026, 4, 30), date(2026, 5, 3)) == [
        (0, 10),
        (2, 13),
        (0, 13),
        (0, 10),
    ]


def test_the_offset_is_taken_off_the_first_period_only() -> None:
    quota = QuotaSettings(limit=10, offset=4, period=QuotaPeriod.MONTH)

    told = days_of(quota, date(2026, 5, 20), {}, date(2026, 4, 30), date(2026, 6, 1))

    assert [told[0], told[1], told[31], told[32]] == [(0, 10), (0, 6), (0, 6), (0, 10)]


def test_without_a_quota_there_is_no_end() -> None:
    day = date(2026, 5, 1)

    assert days_of(None, LONG_AGO, {day: DayUsage(3)}, day, date(2026, 5, 2)) == [(3, -1), (0, -1)]
