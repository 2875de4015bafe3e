from __future__ import annotations

import pytest

from gateway.control.api import deployments
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def test_without_a_stage_nothing_is_published(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]

    handlers.call("CreateDeployment", restapi_id=api)
    assert not handlers.changes
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    assert handlers.changes.apis == {api}


def test_a_private_api_with_a_policy_is_deployed(handlers: Handlers) -> None:
    private = {"endpointConfiguration": {"types": ["PRIVATE"]}, "policy": "{}"}

    handlers.call("CreateDeployment", restapi_id=handlers.method(**private)["restapi_id"])


def test_a_second_canary_replaces_the_first_wholly(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    first = {"percentTraffic": 10.0, "stageVariableOverrides": {"a": "b"}, "useStageCache": True}
    handlers.call(
        "CreateDeployment", {"stageName": "prod", "canarySettings": first}, restapi_id=api
    )

    made = handlers.call(
        "CreateDeployment",
        {"stageName": "prod", "canarySettings": {"percentTraffic": 20.0}},
        restapi_id=api,
    )["id"]

    stage = handlers.call("GetStage", restapi_id=api, stage_name="prod")
    assert stage["canarySettings"] == {
        "deploymentId": made,
        "percentTraffic": 20.0,
        "useStageCache": False,
    }


def test_the_number_of_deployments_is_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "DEPLOYMENTS_MAX", 1)
    api = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", restapi_id=api)

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("CreateDeployment", restapi_id=api)


def test_deployments_of_another_api_are_unknown(handlers: Handlers) -> None:
    one, other = handlers.method()["restapi_id"], handlers.method()["restapi_id"]
    made = handlers.call("CreateDeployment", restapi_id=one)["id"]

    with pytest.raises(ControlError, match="NotFoundException"):
        handlers.call("GetDeployment", restapi_id=other, deployment_id=made)
    with pytest.raises(ControlError, match="Deployment id does not exist"):
        handlers.call("CreateStage", {"stageName": "a", "deploymentId": made}, restapi_id=other)
    listed = handlers.call("GetDeployments", restapi_id=one)["item"]
    assert [each["id"] for each in listed] == [made]
