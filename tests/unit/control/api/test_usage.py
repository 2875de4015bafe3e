from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select

from gateway.errors import ControlError
from gateway.store.tables import USAGE
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers


@pytest.fixture
def member(handlers: Handlers) -> dict[str, Any]:
    """The labels that name a key in a plan of 10 requests a month."""
    quota = {"limit": 10, "period": "MONTH"}
    plan = handlers.call("CreateUsagePlan", {"name": "gold", "quota": quota})["id"]
    key = handlers.call("CreateApiKey")["id"]
    handlers.call("CreateUsagePlanKey", {"keyId": key, "keyType": "API_KEY"}, usageplanId=plan)
    return {"usageplanId": plan, "keyId": key}


def today(handlers: Handlers) -> date:
    outcome = handlers.store.run(lambda transaction: transaction.epoch)
    return datetime.fromtimestamp(outcome.value, UTC).date()


def count(handlers: Handlers, day: date, used: int) -> None:
    def work(transaction: Transaction) -> None:
        row = {"usage_plan": 1, "api_key": 1, "day": day.isoformat(), "used": used, "granted": 0}
        transaction.run(insert(USAGE).values(row))

    assert handlers.store.run(work).error is None


def remaining(handlers: Handlers, member: dict[str, Any], value: str) -> Any:
    operation = {"op": "replace", "path": "/remaining", "value": value}
    told = handlers.call("UpdateUsage", {"patchOperations": [operation]}, **member)
    return told["values"][member["keyId"]]


def test_a_grant_adds_to_the_counter_of_the_day(handlers: Handlers, member: dict[str, Any]) -> None:
    count(handlers, today(handlers), 15)

    assert remaining(handlers, member, "3") == [[15, 3]]
    assert remaining(handlers, member, "0") == [[15, 0]]

    def work(transaction: Transaction) -> list[tuple[int, int]]:
        query = select(USAGE.c.used, USAGE.c.granted)
        return [(row.used, row.granted) for row in transaction.rows(query)]

    assert handlers.store.run(work).value == [(15, 5)]


def test_a_call_without_operations_shows_today(handlers: Handlers, member: dict[str, Any]) -> None:
    told = handlers.call("UpdateUsage", **member)

    assert told["values"] == {member["keyId"]: [[0, 10]]}
    assert not handlers.changes


def test_what_was_used_outlives_the_membership(handlers: Handlers, member: dict[str, Any]) -> None:
    count(handlers, today(handlers), 4)
    body = {"keyId": member["keyId"], "keyType": "API_KEY"}

    handlers.call("DeleteUsagePlanKey", **member)
    handlers.call("CreateUsagePlanKey", body, usageplanId=member["usageplanId"])

    told = handlers.call("UpdateUsage", **member)
    assert told["values"] == {member["keyId"]: [[4, 6]]}


def test_the_first_period_is_that_of_the_keys_coming(handlers: Handlers) -> None:
    quota = {"limit": 10, "offset": 4, "period": "MONTH"}
    plan = handlers.call("CreateUsagePlan", {"name": "gold", "quota": quota})["id"]
    key = handlers.call("CreateApiKey")["id"]
    handlers.call("CreateUsagePlanKey", {"keyId": key, "keyType": "API_KEY"}, usageplanId=plan)
    day = today(handlers).isoformat()
    dates = {"startDate": [day], "endDate": [day]}

    told = handlers.call("GetUsage", query=dates, usageplanId=plan)

    assert told["values"][key] == [[0, 6]]


@pytest.mark.parametrize("missing", ["startDate", "endDate"])
def test_both_dates_are_needed(handlers: Handlers, member: dict[str, Any], missing: str) -> None:
    query = {"startDate": ["2026-05-01"], "endDate": ["2026-05-01"]}
    del query[missing]

    with pytest.raises(ControlError, match=f"Invalid {missing} specified"):
        handlers.call("GetUsage", query=query, usageplanId=member["usageplanId"])
