"""What of API keys and usage plans the data plane serves, and what it counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Row, delete, select

from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.store.served import ASIDE
from gateway.store.tables import API_KEY, USAGE, USAGE_PLAN, USAGE_PLAN_KEY, USAGE_PLAN_STAGE
from gateway.store.transaction import Transaction

_ADD: Final = """
    INSERT INTO usage (usage_plan, api_key, day, used, granted)
    SELECT usage_plan.sequence, api_key.sequence, ?, ?, 0 FROM usage_plan, api_key
    WHERE usage_plan.id = ? AND api_key.id = ?
    ON CONFLICT (usage_plan, api_key, day) DO UPDATE SET used = used + excluded.used
    RETURNING 1
"""

_SPENT: Final = """
    SELECT api_key.id, usage_plan_key.created_epoch,
      coalesce(sum(usage.used), 0), coalesce(sum(usage.granted), 0)
    FROM usage_plan
    JOIN usage_plan_key ON usage_plan_key.usage_plan = usage_plan.sequence
    JOIN api_key ON api_key.sequence = usage_plan_key.api_key
    LEFT JOIN usage ON usage.usage_plan = usage_plan.sequence
      AND usage.api_key = api_key.sequence AND usage.day BETWEEN ? AND ?
    WHERE usage_plan.id = ?
    GROUP BY api_key.id, usage_plan_key.created_epoch
"""


_MEMBERS: Final = (
    select(USAGE_PLAN_KEY.c.usage_plan, API_KEY.c.id, API_KEY.c.value, API_KEY.c.enabled)
    .join(API_KEY, API_KEY.c.sequence == USAGE_PLAN_KEY.c.api_key)
    .join(USAGE_PLAN, USAGE_PLAN.c.sequence == USAGE_PLAN_KEY.c.usage_plan)
    .where(API_KEY.c.id.not_like(f"%{ASIDE}"), USAGE_PLAN.c.file.is_(None))
    .order_by(USAGE_PLAN_KEY.c.sequence)
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key used of a plan in one period."""

    joined: date
    """When the key came to the plan."""
    used: int
    granted: int


def served_usage(transaction: Transaction) -> UsageDefinitions:
    """Return the usage plans that clients made, and the keys in them.

    What files define comes from the files; a key of a file may be in a plan of the store.
    """
    stages: dict[int, list[ApiStage]] = {}
    for row in transaction.rows(select(USAGE_PLAN_STAGE).order_by(USAGE_PLAN_STAGE.c.sequence)):
        stages.setdefault(row.usage_plan, []).append(_api_stage(row))
    keys: dict[str, ApiKey] = {}
    members: dict[int, list[str]] = {}
    for row in transaction.rows(_MEMBERS):
        members.setdefault(row.usage_plan, []).append(row.id)
        keys[row.id] = ApiKey(id=row.id, value=row.value, enabled=row.enabled)
    query = (
        select(USAGE_PLAN)
        .where(USAGE_PLAN.c.file.is_(None), USAGE_PLAN.c.id.not_like(f"%{ASIDE}"))
        .order_by(USAGE_PLAN.c.sequence)
    )
    plans = {
        row.id: _plan(row, stages.get(row.sequence, ()), members.get(row.sequence, ()))
        for row in transaction.rows(query)
    }
    return UsageDefinitions(api_keys=keys, usage_plans=plans)


def add_used(
    transaction: Transaction, counts: Iterable[tuple[str, str, date, int]]
) -> set[tuple[str, str]]:
    """Add requests to what keys used: plan id, key id, day and number of each.

    Returns the plans and keys that are in the store; the others are not counted.
    """
    return {
        (plan_id, key_id)
        for plan_id, key_id, day, count in counts
        if transaction.execute(_ADD, (day.isoformat(), count, plan_id, key_id))
    }


def next_flush(transaction: Transaction) -> int:
    """Return the number of the flush that is in this transaction, from 1."""
    ((number,),) = transaction.execute(
        "UPDATE usage_flush SET number = number + 1 RETURNING number"
    )
    return int(number)


def last_flush(transaction: Transaction) -> int:
    """Return the number of the last flush that was committed; 0: none was."""
    ((number,),) = transaction.execute("SELECT number FROM usage_flush")
    return int(number)


def forget_before(transaction: Transaction, day: date) -> int:
    """Forget what was used and granted before a day; return how many rows that were."""
    return transaction.run(delete(USAGE).where(USAGE.c.day < day.isoformat()))


def spent_of(transaction: Transaction, plan_id: str, first: date, last: date) -> dict[str, Spent]:
    """Return what each key of a plan used from one day to another, by key id."""
    rows = transaction.execute(_SPENT, (first.isoformat(), last.isoformat(), plan_id))
    return {
        key_id: Spent(datetime.fromtimestamp(epoch, UTC).date(), used, granted)
        for key_id, epoch, used, granted in rows
    }


def _plan(row: Row[*tuple[Any, ...]], stages: Iterable[ApiStage], keys: Iterable[str]) -> UsagePlan:
    quota = row.quota
    return UsagePlan(
        id=row.id,
        name=row.name,
        api_stages=tuple(stages),
        throttle=None if row.throttle is None else _throttle(row.throttle),
        quota=None
        if quota is None
        else QuotaSettings(
            limit=quota["limit"], offset=quota["offset"], period=QuotaPeriod(quota["period"])
        ),
        api_keys=tuple(keys),
        shadow=row.shadow,
    )


def _api_stage(row: Row[*tuple[Any, ...]]) -> ApiStage:
    throttles: Mapping[str, Any] = row.throttle or {}
    return ApiStage(
        api_id=row.api_id,
        stage=row.stage_name,
        throttle={key: _throttle(each) for key, each in throttles.items()},
    )


def _throttle(shown: Mapping[str, Any]) -> ThrottleSettings:
    return ThrottleSettings(rate_limit=shown.get("rateLimit"), burst_limit=shown.get("burstLimit"))
