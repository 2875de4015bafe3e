"""Plans and keys of the file in the store: shown, changed in place, gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.control.mirror_usage import mirror_usage
from gateway.definitions.usage_plan import (
    NO_USAGE,
    ApiKey,
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.store.tables import API_KEY, USAGE, USAGE_PLAN
from gateway.store.transaction import Changes
from gateway.store.usage import served_usage
from tests.unit.control.api.handlers import Handlers

VALUE, OTHER = "v" * 20, "w" * 20
STAGE = ApiStage(
    api_id="pets", stage="prod", throttle={"/pets/GET": ThrottleSettings(rate_limit=1.0)}
)
PLAN = UsagePlan(
    id="gold",
    name="Gold",
    api_stages=(STAGE,),
    throttle=ThrottleSettings(burst_limit=2),
    quota=QuotaSettings(limit=3, period=QuotaPeriod.DAY),
    api_keys=("mobile",),
    shadow=True,
)


def usage(*plans: UsagePlan, **values: str) -> UsageDefinitions:
    return UsageDefinitions(
        api_keys={id_: ApiKey(id=id_, value=value) for id_, value in values.items()},
        usage_plans={plan.id: plan for plan in plans},
    )


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Handlers]:
    made = Handlers(tmp_path)
    yield made
    made.close()


def show(handlers: Handlers, definitions: UsageDefinitions) -> Changes:
    outcome = handlers.store.run(lambda transaction: mirror_usage(transaction, definitions))
    assert outcome.error is None, outcome.error
    assert outcome.changes is not None
    return outcome.changes


def keys(handlers: Handlers) -> dict[str, str]:
    shown = handlers.call("GetApiKeys", query={"includeValues": ["true"]})
    return {each["id"]: each["value"] for each in shown["item"]}


def rows(handlers: Handlers, *columns: Any) -> list[tuple[Any, ...]]:
    outcome = handlers.store.run(lambda transaction: transaction.rows(select(*columns)))
    return [tuple(row) for row in outcome.value]


def test_they_are_shown_as_aws_would(handlers: Handlers) -> None:
    assert show(handlers, usage(PLAN, mobile=VALUE)).is_usage_changed

    assert handlers.call("GetUsagePlan", usageplanId="gold") == {
        "id": "gold",
        "name": "Gold",
        "apiStages": [
            {"apiId": "pets", "stage": "prod", "throttle": {"/pets/GET": {"rateLimit": 1.0}}}
        ],
        "throttle": {"burstLimit": 2},
        "quota": {"limit": 3, "offset": 0, "period": "DAY"},
        "tags": {},
    }
    assert keys(handlers) == {"mobile": VALUE}
    (member,) = handlers.call("GetUsagePlanKeys", usageplanId="gold")["item"]
    assert member["id"] == "mobile"
    assert rows(handlers, USAGE_PLAN.c.file, USAGE_PLAN.c.shadow) == [("usage.yaml", True)]
    assert not show(handlers, usage(PLAN, mobile=VALUE)).is_usage_changed


def test_what_files_define_is_not_served_from_the_store(handlers: Handlers) -> None:
    show(handlers, usage(PLAN, mobile=VALUE))
    outcome = handlers.store.run(served_usage)

    assert outcome.value == NO_USAGE


def test_changes_keep_what_was_used(handlers: Handlers) -> None:
    show(handlers, usage(PLAN, mobile=VALUE, second=OTHER))
    handlers.store.run(
        lambda transaction: transaction.insert(
            USAGE, usage_plan=1, api_key=1, day="2026-05-01", used=4, granted=0
        )
    )
    # The two keys change their values.
    changed = UsagePlan(id="gold", name="New", api_keys=("mobile", "second"))
    assert show(handlers, usage(changed, mobile=OTHER, second=VALUE)).is_usage_changed

    assert keys(handlers) == {"mobile": OTHER, "second": VALUE}
    assert rows(handlers, USAGE.c.used) == [(4,)]
    assert handlers.call("GetUsagePlan", usageplanId="gold")["name"] == "New"
    show(handlers, usage(UsagePlan(id="gold", name="New"), mobile=OTHER))
    assert handlers.call("GetUsagePlanKeys", usageplanId="gold")["item"] == []
    assert rows(handlers, USAGE.c.used) == [(4,)]
    show(handlers, NO_USAGE)
    assert rows(handlers, API_KEY.c.id) == rows(handlers, USAGE.c.used) == []


def test_what_clients_made_is_set_aside_and_comes_back(handlers: Handlers) -> None:
    plan_id = handlers.call("CreateUsagePlan", {"name": "theirs", "tags": {"a": "b"}})["id"]
    by_value = handlers.call("CreateApiKey", {"value": VALUE, "tags": {"c": "d"}})["id"]
    by_id = handlers.call("CreateApiKey", {"value": "x" * 20})["id"]
    mine = UsagePlan(id=plan_id, name="mine", api_keys=("mobile",))

    assert show(handlers, usage(mine, **{"mobile": VALUE, by_id: OTHER})).is_usage_changed
    assert keys(handlers) == {
        "mobile": VALUE,
        by_id: OTHER,
        f"{by_value}.aside": f"{VALUE}.aside",
        f"{by_id}.aside": "x" * 20 + ".aside",
    }
    names = [plan["name"] for plan in handlers.call("GetUsagePlans")["item"]]
    assert sorted(names) == ["mine", "theirs"]
    assert not show(handlers, usage(mine, **{"mobile": VALUE, by_id: OTHER})).is_usage_changed
    show(handlers, NO_USAGE)

    assert keys(handlers) == {by_value: VALUE, by_id: "x" * 20}
    assert handlers.call("GetUsagePlan", usageplanId=plan_id)["tags"] == {"a": "b"}
    assert handlers.call("GetApiKey", api_Key=by_value)["tags"] == {"c": "d"}
