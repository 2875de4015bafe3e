"""Quotas of usage plans: calendar periods, and what is left of them. Days are in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from gateway.definitions.usage_plan import QuotaPeriod, QuotaSettings

_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What a client did, and was given, on one day."""

    used: int = 0
    granted: int = 0
    """Added to the limit of the period that holds the day; may be negative."""


def first_day(period: QuotaPeriod, day: date) -> date:
    """Return the first day of the period that holds `day`."""
    match period:
        case QuotaPeriod.DAY:
            return day
        case QuotaPeriod.WEEK:
            return day - timedelta(days=day.isoweekday() % 7)
        case QuotaPeriod.MONTH:
            return day.replace(day=1)


def left_now(quota: QuotaSettings, joined: date, today: date, used: int, granted: int) -> int:
    """Return what is left of the period that holds `today`; negative: more was used than allowed.

    Args:
        quota: The plan's.
        joined: When the client came to the plan: the period that holds it is the first.
        today: A day of the period.
        used: In the period so far.
        granted: In the period so far.
    """
    is_first = first_day(quota.period, joined) == first_day(quota.period, today)
    return quota.limit - (quota.offset if is_first else 0) + granted - used


def days_of(
    quota: QuotaSettings | None,
    joined: date,
    usage: Mapping[date, DayUsage],
    first: date,
    last: date,
) -> list[tuple[int, int]]:
    """Return what was used and what was left at the end of each day from `first` to `last`.

    What was left is negative when more was used than allowed. Without a quota it is -1.

    Args:
        quota: The plan's; None: it has none.
        joined: When the client came to the plan: the period that holds it is the first.
        usage: By day; it must reach back to the start of the period that holds `first`.
        first: First day that is told.
        last: Last day that is told.
    """
    if quota is None:
        return [(usage.get(day, _NOTHING).used, -1) for day in _days(first, last)]
    told: list[tuple[int, int]] = []
    left = 0
    first_period = first_day(quota.period, joined)
    start = first_day(quota.period, first)
    for day in _days(start, last):
        if first_day(quota.period, day) == day:
            left = quota.limit - (quota.offset if day == first_period else 0)
        found = usage.get(day, _NOTHING)
        left += found.granted - found.used
        if day >= first:
            told.append((found.used, left))
    return told


_NOTHING: Final = DayUsage()


def _days(first: date, last: date) -> list[date]:
    return [first + index * _ONE_DAY for index in range((last - first).days + 1)]
