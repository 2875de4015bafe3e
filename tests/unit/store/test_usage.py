"""What the data plane serves of keys and plans, and what it counted, in the store."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsagePlan,
)
from gateway.store.transaction import Transaction
from gateway.store.usage import add_used, last_flush, next_flush, served_usage, spent_of
from tests.unit.control.api.handlers import Handlers

FIRST, LAST = date(2026, 5, 1), date(2026, 5, 31)


def done(handlers: Handlers, work: Any) -> Any:
    outcome = handlers.store.run(work)
    assert outcome.error is None, outcome.error
    return outcome.value


def plan_with_key(handlers: Handlers, **plan: Any) -> tuple[str, str]:
    plan_id = handlers.call("CreateUsagePlan", {"name": "gold", **plan})["id"]
    key_id = handlers.call("CreateApiKey", {"value": "v" * 20, "enabled": True})["id"]
    body = {"keyId": key_id, "keyType": "API_KEY"}
    handlers.call("CreateUsagePlanKey", body, usageplanId=plan_id)
    return plan_id, key_id


def test_plans_and_their_keys_are_served_as_definitions(handlers: Handlers) -> None:
    labels = handlers.method()
    handlers.call("CreateDeployment", {"stageName": "dev"}, restapi_id=labels["restapi_id"])
    stage = {"apiId": labels["restapi_id"], "stage": "dev"}
    plan_id, key_id = plan_with_key(
        handlers,
        apiStages=[{**stage, "throttle": {"//GET": {"rateLimit": 1}}}],
        throttle={"burstLimit": 2},
        quota={"limit": 3, "period": "WEEK"},
    )
    handlers.call("CreateApiKey", {"value": "w" * 20})
    usage = done(handlers, served_usage)

    # A key in no plan opens nothing, and is not served.
    assert usage.api_keys == {key_id: ApiKey(id=key_id, value="v" * 20)}
    assert usage.usage_plans == {
        plan_id: UsagePlan(
            id=plan_id,
            name="gold",
            api_stages=(
                ApiStage(
                    api_id=stage["apiId"],
                    stage="dev",
                    throttle={"//GET": ThrottleSettings(rate_limit=1.0)},
                ),
            ),
            throttle=ThrottleSettings(burst_limit=2),
            quota=QuotaSettings(limit=3, period=QuotaPeriod.WEEK),
            api_keys=(key_id,),
        )
    }


def test_counts_add_up_by_day(handlers: Handlers) -> None:
    plan_id, key_id = plan_with_key(handlers)
    counts = [(plan_id, key_id, FIRST, 2), (plan_id, key_id, LAST, 1), (plan_id, "gone", LAST, 9)]

    for _ in range(2):
        added = done(handlers, lambda transaction: add_used(transaction, counts))
        assert added == {(plan_id, key_id)}
    whole = done(handlers, lambda transaction: spent_of(transaction, plan_id, FIRST, LAST))
    last = done(handlers, lambda transaction: spent_of(transaction, plan_id, LAST, LAST))

    assert {id_: (each.used, each.granted) for id_, each in whole.items()} == {key_id: (6, 0)}
    assert last[key_id].used == 2


def test_flushes_are_numbered_by_those_that_were_kept(handlers: Handlers) -> None:
    def undone(transaction: Transaction) -> None:
        next_flush(transaction)
        raise OSError("disk")

    assert done(handlers, last_flush) == 0
    assert [done(handlers, next_flush), done(handlers, next_flush)] == [1, 2]
    assert handlers.store.run(undone).error
    assert done(handlers, last_flush) == 2


def test_a_key_that_used_nothing_has_spent_nothing(handlers: Handlers) -> None:
    plan_id, key_id = plan_with_key(handlers)
    spent = done(handlers, lambda transaction: spent_of(transaction, plan_id, FIRST, LAST))

    assert (spent[key_id].used, spent[key_id].granted) == (0, 0)
    assert done(handlers, lambda transaction: spent_of(transaction, "gone", FIRST, LAST)) == {}
