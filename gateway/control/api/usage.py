"""Usage: what the keys of a plan used each day, and extensions of what is left.

The data plane counts; here the counters of the `usage` table are read, and grants are added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Select, select, update

from gateway.control.api import patch
from gateway.control.api.api_keys import UNKNOWN
from gateway.control.api.lookups import AnyRow
from gateway.control.api.patch import PatchTable, Working, rule
from gateway.control.api.protocol import (
    Answer,
    Call,
    Served,
    decode_position,
    encode_position,
    limit_of,
)
from gateway.control.api.shapes import PATCH
from gateway.control.api.usage_plans import usage_plan_of
from gateway.definitions.usage_plan import QuotaPeriod, QuotaSettings
from gateway.definitions.usage_validation import COUNT_MAX
from gateway.errors import bad_request, not_found
from gateway.store.tables import API_KEY, USAGE, USAGE_PLAN_KEY
from gateway.store.transaction import Transaction
from gateway.throttle.quota import DayUsage, days_of, first_day

DAYS_MAX: Final = 90
"""Days of one GetUsage."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OLDEST: Final = date(2000, 1, 1)
_NEWEST: Final = date(9000, 1, 1)


def get_usage(transaction: Transaction, call: Call) -> Answer:
    """Serve GetUsage: pairs of used and remaining, one for each day, by key."""
    plan = usage_plan_of(transaction, call.label("usageplanId"))
    first, last = _day(call, "startDate"), _day(call, "endDate")
    if first > last:
        raise bad_request("Invalid date range specified: startDate must not be after endDate")
    if (last - first).days >= DAYS_MAX:
        raise bad_request(f"Invalid date range specified: at most {DAYS_MAX} days")
    query = _members(plan.sequence)
    if key_id := call.text("keyId"):
        query = query.where(API_KEY.c.id == key_id)
    if position := call.text("position"):
        query = query.where(USAGE_PLAN_KEY.c.sequence > decode_position(position))
    limit = limit_of(call)
    rows = transaction.rows(query.order_by(USAGE_PLAN_KEY.c.sequence).limit(limit + 1))
    told: dict[str, Any] = _shown(
        plan.id, first, last, _pairs(transaction, plan, rows[:limit], first, last)
    )
    if len(rows) > limit:
        told["position"] = encode_position(rows[limit - 1].sequence)
    return told


def update_usage(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateUsage: what a key has left of the current period, from now on."""
    plan = usage_plan_of(transaction, call.label("usageplanId"))
    row = transaction.row(_members(plan.sequence).where(API_KEY.c.id == call.label("keyId")))
    if row is None:
        raise not_found(UNKNOWN)
    working: Working = {"remaining": None}
    _PATCHES.apply(patch.operations_of(call.body), working)
    today = datetime.fromtimestamp(transaction.epoch, UTC).date()
    if working["remaining"] is not None:
        quota = _quota(plan)
        if quota is None:
            raise bad_request(f"Usage Plan {plan.id} has no quota that could be extended")
        usage = _usage(transaction, plan.sequence, [row], first_day(quota.period, today), today)
        ((_, left),) = days_of(quota, _joined(row), usage.get(row.api_key, {}), today, today)
        _grant(transaction, plan.sequence, row.api_key, today, working["remaining"] - left)
        transaction.changes.is_usage_changed = True
    return _shown(plan.id, today, today, _pairs(transaction, plan, [row], today, today))


def _members(plan: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            USAGE_PLAN_KEY.c.sequence,
            USAGE_PLAN_KEY.c.api_key,
            USAGE_PLAN_KEY.c.created_epoch,
            API_KEY.c.id,
        )
        .join(API_KEY, API_KEY.c.sequence == USAGE_PLAN_KEY.c.api_key)
        .where(USAGE_PLAN_KEY.c.usage_plan == plan)
    )


def _pairs(
    transaction: Transaction, plan: AnyRow, rows: Sequence[AnyRow], first: date, last: date
) -> dict[str, list[list[int]]]:
    quota = _quota(plan)
    start = first if quota is None else first_day(quota.period, first)
    usage = _usage(transaction, plan.sequence, rows, start, last)
    return {
        row.id: [
            [used, left if quota is None else max(left, 0)]
            for used, left in days_of(quota, _joined(row), usage.get(row.api_key, {}), first, last)
        ]
        for row in rows
    }


def _usage(
    transaction: Transaction, plan: int, rows: Sequence[AnyRow], first: date, last: date
) -> dict[int, dict[date, DayUsage]]:
    """Return what keys used, by key and day; days without any are missing."""
    query = select(USAGE).where(
        USAGE.c.usage_plan == plan,
        USAGE.c.api_key.in_([row.api_key for row in rows]),
        USAGE.c.day.between(first.isoformat(), last.isoformat()),
    )
    found: dict[int, dict[date, DayUsage]] = {}
    for row in transaction.rows(query):
        day = date.fromisoformat(row.day)
        found.setdefault(row.api_key, {})[day] = DayUsage(row.used, row.granted)
    return found


def _grant(transaction: Transaction, plan: int, api_key: int, day: date, granted: int) -> None:
    same = (
        USAGE.c.usage_plan == plan,
        USAGE.c.api_key == api_key,
        USAGE.c.day == day.isoformat(),
    )
    added = {"granted": USAGE.c.granted + granted}
    if not transaction.run(update(USAGE).where(*same).values(added)):
        transaction.insert(
            USAGE, usage_plan=plan, api_key=api_key, day=day.isoformat(), used=0, granted=granted
        )


def _quota(plan: AnyRow) -> QuotaSettings | None:
    if plan.quota is None:
        return None
    return QuotaSettings(
        limit=plan.quota["limit"],
        offset=plan.quota["offset"],
        period=QuotaPeriod(plan.quota["period"]),
    )


def _joined(row: AnyRow) -> date:
    return datetime.fromtimestamp(row.created_epoch, UTC).date()


def _day(call: Call, name: str) -> date:
    text = call.text(name) or ""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not _OLDEST <= day <= _NEWEST:
        raise bad_request(f"Invalid {name} specified: must be a date such as 2026-05-01")
    return day


def _shown(
    plan_id: str, first: date, last: date, values: dict[str, list[list[int]]]
) -> dict[str, Any]:
    return {
        "usagePlanId": plan_id,
        "startDate": first.isoformat(),
        "endDate": last.isoformat(),
        "values": values,
    }


_PATCHES: Final = PatchTable(
    (
        rule(
            "/remaining",
            "replace",
            patch.member(
                "remaining",
                patch.integer(
                    f"Invalid remaining quota specified: must be 0 to {COUNT_MAX}", 0, COUNT_MAX
                ),
            ),
        ),
    ),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "GetUsage": Served(get_usage),
    "UpdateUsage": Served(update_usage, body=PATCH),
}
"""Operations of this family by name."""
