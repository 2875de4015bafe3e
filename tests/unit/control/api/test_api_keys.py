from __future__ import annotations

import pytest

from gateway.control.api import api_keys
from gateway.control.api.api_keys import check_description, check_name, check_value
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


@pytest.mark.parametrize("value", ["a" * 20, "a" * 128, "a b-c_d.e/f+g=h,i;j:k!"])
def test_a_value_that_fits_in_a_header_is_kept(value: str) -> None:
    assert check_value(value) == value


@pytest.mark.parametrize(
    "value", ["a" * 19, "a" * 129, "é" * 20, "a" * 20 + "\n", " " + "a" * 20, "a\x00" * 10]
)
def test_another_value_is_refused_without_telling_it(value: str) -> None:
    with pytest.raises(ControlError, match="API Key value") as error:
        check_value(value)

    assert value not in error.value.message


def test_names_and_descriptions_are_bounded() -> None:
    assert check_name("") is None
    assert check_name("n" * 1024) == "n" * 1024
    assert check_description("d" * 125_000) == "d" * 125_000
    with pytest.raises(ControlError, match="at most 1024"):
        check_name("n" * 1025)
    with pytest.raises(ControlError, match="description"):
        check_description("d" * 125_001)


def test_numbers_are_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "API_KEYS_MAX", 1)
    monkeypatch.setattr(api_keys, "STAGE_KEYS_MAX", 0)
    handlers.call("CreateApiKey")

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("CreateApiKey")
    labels = handlers.method()
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=labels["restapi_id"])
    stage = {"restApiId": labels["restapi_id"], "stageName": "prod"}
    with pytest.raises(ControlError, match="at most 0 stage keys"):
        handlers.call("CreateApiKey", {"stageKeys": [stage]})


def test_a_customer_id_is_bounded(handlers: Handlers) -> None:
    with pytest.raises(ControlError, match="Invalid customer id"):
        handlers.call("CreateApiKey", {"customerId": "c" * 1025})


def test_an_id_is_never_the_value(handlers: Handlers) -> None:
    made = handlers.call("CreateApiKey", {"generateDistinctId": False, "value": "v" * 20})

    assert made["id"] != made["value"]


def test_a_new_key_is_not_published_for_no_plan_has_it(handlers: Handlers) -> None:
    key = handlers.call("CreateApiKey")["id"]
    assert not handlers.changes

    handlers.call("UpdateApiKey", {"patchOperations": []}, api_Key=key)
    assert not handlers.changes


def test_stage_keys_are_kept_once(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    stage = {"restApiId": api, "stageName": "prod"}
    made = handlers.call("CreateApiKey", {"stageKeys": [stage, stage]})
    again = {"op": "add", "path": "/stages", "value": f"{api}/prod"}

    told = handlers.call("UpdateApiKey", {"patchOperations": [again]}, api_Key=made["id"])

    assert made["stageKeys"] == told["stageKeys"] == [f"{api}/prod"]


def test_labels_are_not_among_what_can_change(handlers: Handlers) -> None:
    key = handlers.call("CreateApiKey")["id"]
    operation = {"op": "add", "path": "/nothing", "value": "x"}

    with pytest.raises(ControlError, match=r"Must be one of: \[/stages\]"):
        handlers.call("UpdateApiKey", {"patchOperations": [operation]}, api_Key=key)
