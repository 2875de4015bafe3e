from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api import usage_plans
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def test_numbers_are_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    api = handlers.method()["restapi_id"]
    for stage_name in ("a", "b"):
        handlers.call("CreateDeployment", {"stageName": stage_name}, restapi_id=api)
    monkeypatch.setattr(usage_plans, "STAGES_MAX", 1)
    monkeypatch.setattr(usage_plans, "PLANS_MAX", 1)

    stages = [{"apiId": api, "stage": stage_name} for stage_name in ("a", "b")]
    with pytest.raises(ControlError, match="at most 1 API stages"):
        handlers.call("CreateUsagePlan", {"name": "gold", "apiStages": stages})
    plan = handlers.call("CreateUsagePlan", {"name": "gold", "apiStages": stages[:1]})["id"]
    with pytest.raises(ControlError, match="at most 1 API stages"):
        patched(handlers, plan, {"op": "add", "path": "/apiStages", "value": f"{api}:b"})
    with pytest.raises(ControlError, match="At most 1 usage plans"):
        handlers.call("CreateUsagePlan", {"name": "free"})


def patched(handlers: Handlers, plan: str, *operations: dict[str, str]) -> Any:
    return handlers.call("UpdateUsagePlan", {"patchOperations": [*operations]}, usageplanId=plan)


def test_null_members_are_absent_ones(handlers: Handlers) -> None:
    body = {"name": "gold", "throttle": None, "quota": None, "apiStages": None}

    assert handlers.call("CreateUsagePlan", body).keys() == {"id", "name", "apiStages"}


def test_a_stage_given_twice_is_there_once(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "a"}, restapi_id=api)
    stage = {"apiId": api, "stage": "a"}

    told = handlers.call("CreateUsagePlan", {"name": "gold", "apiStages": [stage, stage]})

    assert told["apiStages"] == [stage]


def test_what_did_not_change_is_not_written(handlers: Handlers) -> None:
    quota = {"limit": 1, "offset": 2, "period": "WEEK"}
    plan = handlers.call("CreateUsagePlan", {"name": "gold", "quota": quota})["id"]

    assert patched(handlers, plan)["quota"] == quota
