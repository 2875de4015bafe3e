from __future__ import annotations

import pytest

from gateway.control.api import usage_plan_keys
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def test_plans_of_a_key_are_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_plan_keys, "PLANS_OF_KEY_MAX", 1)
    key = handlers.call("CreateApiKey")["id"]
    plans = [handlers.call("CreateUsagePlan", {"name": "p"})["id"] for _ in range(2)]
    body = {"keyId": key, "keyType": "API_KEY"}
    handlers.call("CreateUsagePlanKey", body, usageplanId=plans[0])

    with pytest.raises(ControlError, match="at most 1 usage plans"):
        handlers.call("CreateUsagePlanKey", body, usageplanId=plans[1])


@pytest.mark.parametrize("body", [{}, {"keyId": "x"}, {"keyType": "API_KEY"}])
def test_both_members_are_needed(handlers: Handlers, body: dict[str, str]) -> None:
    plan = handlers.call("CreateUsagePlan", {"name": "p"})["id"]

    with pytest.raises(ControlError, match="Invalid"):
        handlers.call("CreateUsagePlanKey", body, usageplanId=plan)
