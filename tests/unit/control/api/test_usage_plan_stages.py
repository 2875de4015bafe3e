from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.control.api.usage_plan_stages import (
    check_stage,
    forget_stages,
    refuse_second_plan,
    stage_key,
    stages_of,
    write_stages,
)
from gateway.errors import ControlError
from gateway.store.tables import API_KEY, USAGE_PLAN, USAGE_PLAN_KEY
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers


def plans(handlers: Handlers, *names: str) -> dict[str, str]:
    return {name: handlers.call("CreateUsagePlan", {"name": name})["id"] for name in names}


def sequence_of(transaction: Transaction, plan_id: str) -> int:
    return int(transaction.value(select(USAGE_PLAN.c.sequence).where(USAGE_PLAN.c.id == plan_id)))


@pytest.mark.parametrize("text", [None, "", ":", "a", "a:", ":b"])
def test_a_stage_has_an_api_and_a_name(text: str | None) -> None:
    with pytest.raises(ControlError, match="Invalid API Stage specified"):
        stage_key(text)


def test_stages_are_kept_in_order_with_their_throttles(handlers: Handlers) -> None:
    plan_id = plans(handlers, "gold")["gold"]

    def work(transaction: Transaction) -> None:
        plan = sequence_of(transaction, plan_id)
        stages = {"b:prod": None, "a:prod": {"/x/GET": {"burstLimit": 1}}}
        write_stages(transaction, plan, stages)
        assert list(stages_of(transaction, plan).items()) == list(stages.items())
        forget_stages(transaction, "c")
        assert not transaction.changes
        forget_stages(transaction, "b", "other")
        forget_stages(transaction, "b", "prod")
        assert transaction.changes.is_usage_changed
        assert list(stages_of(transaction, plan)) == ["a:prod"]

    assert handlers.store.run(work).error is None


def test_a_stage_belongs_to_its_api(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    other = handlers.api()["id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)

    def work(transaction: Transaction) -> None:
        check_stage(transaction, f"{api}:prod", "p")
        with pytest.raises(ControlError, match=f"api: {other}, stage: prod"):
            check_stage(transaction, f"{other}:prod", "p")

    assert handlers.store.run(work).error is None


def test_only_keys_with_a_common_stage_conflict(handlers: Handlers) -> None:
    ids = plans(handlers, "gold", "free")
    keys = [handlers.call("CreateApiKey")["id"] for _ in range(2)]

    def work(transaction: Transaction) -> None:
        gold, free = (sequence_of(transaction, ids[name]) for name in ("gold", "free"))
        found = [
            transaction.value(select(API_KEY.c.sequence).where(API_KEY.c.id == key)) for key in keys
        ]
        for plan, key in ((gold, found[0]), (free, found[0]), (gold, found[1])):
            transaction.insert(USAGE_PLAN_KEY, usage_plan=plan, api_key=key, created_epoch=0.0)
        write_stages(transaction, gold, {"a:prod": None})
        write_stages(transaction, free, {"a:test": None, "b:prod": None})
        refuse_second_plan(transaction, gold)
        write_stages(transaction, free, {"a:prod": None})
        refuse_second_plan(transaction, gold, found[1])
        for plan in (gold, free):
            with pytest.raises(ControlError, match=f"API Key {keys[0]} has API Stage a:prod"):
                refuse_second_plan(transaction, plan)

    assert handlers.store.run(work).error is None
