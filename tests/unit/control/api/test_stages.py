from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api import stage_rows, stages
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


@pytest.fixture
def api(handlers: Handlers) -> str:
    made: str = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=made)
    return made


def patched(handlers: Handlers, api: str, *operations: dict[str, str]) -> dict[str, object]:
    told: dict[str, object] = handlers.call(
        "UpdateStage", {"patchOperations": [*operations]}, restapi_id=api, stage_name="prod"
    )
    return told


def test_every_change_is_published(handlers: Handlers, api: str) -> None:
    patched(handlers, api, {"op": "replace", "path": "/description", "value": "x"})
    assert handlers.changes.apis == {api}
    handlers.call("DeleteStage", restapi_id=api, stage_name="prod")
    assert handlers.changes.apis == {api}


def test_a_cache_without_a_size_is_the_smallest(handlers: Handlers, api: str) -> None:
    told = patched(
        handlers, api, {"op": "replace", "path": "/cacheClusterEnabled", "value": "true"}
    )

    assert (told["cacheClusterSize"], told["cacheClusterStatus"]) == ("0.5", "AVAILABLE")


def test_numbers_are_bounded(handlers: Handlers, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "SETTINGS_MAX", 1)
    monkeypatch.setattr(stage_rows, "STAGES_MAX", 1)

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("CreateDeployment", {"stageName": "other"}, restapi_id=api)
    with pytest.raises(ControlError, match="at most 1 method settings"):
        patched(
            handlers,
            api,
            {"op": "replace", "path": "/*/*/metrics/enabled", "value": "true"},
            {"op": "replace", "path": "/a/GET/metrics/enabled", "value": "true"},
        )


def test_a_stage_keeps_its_entries_when_nothing_changes(handlers: Handlers, api: str) -> None:
    setting = {"op": "replace", "path": "/*/*/metrics/enabled", "value": "true"}
    before = patched(handlers, api, setting)["methodSettings"]

    assert patched(handlers, api)["methodSettings"] == before


def test_a_documentation_version_must_be_there(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    deployment = handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)["id"]
    other = handlers.api()["id"]
    handlers.call("CreateDocumentationVersion", {"documentationVersion": "1"}, restapi_id=other)

    def made(name: str) -> Any:
        body = {"stageName": name, "deploymentId": deployment, "documentationVersion": "1"}
        return handlers.call("CreateStage", body, restapi_id=api)

    def patched(value: str) -> Any:
        operation = {"op": "replace", "path": "/documentationVersion", "value": value}
        body = {"patchOperations": [operation]}
        return handlers.call("UpdateStage", body, restapi_id=api, stage_name="prod")

    told = "Invalid Documentation version specified"
    with pytest.raises(ControlError, match=told):
        made("a")
    with pytest.raises(ControlError, match=told):
        patched("1")
    handlers.call("CreateDocumentationVersion", {"documentationVersion": "1"}, restapi_id=api)

    assert made("a")["documentationVersion"] == "1"
    assert patched("1")["documentationVersion"] == "1"
    assert "documentationVersion" not in patched("")
