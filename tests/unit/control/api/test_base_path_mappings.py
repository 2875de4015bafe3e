from __future__ import annotations

import pytest

from gateway.control.api import base_path_mappings
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers

NAME = "a.example.com"


@pytest.fixture
def api(handlers: Handlers) -> str:
    handlers.call("CreateDomainName", {"domainName": NAME})
    return str(handlers.api()["id"])


def test_the_number_of_mappings_is_bounded(
    handlers: Handlers, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_path_mappings, "MAPPINGS_MAX", 1)
    handlers.call("CreateBasePathMapping", {"restApiId": api}, domain_name=NAME)

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call(
            "CreateBasePathMapping", {"restApiId": api, "basePath": "b"}, domain_name=NAME
        )


def test_a_mapping_needs_an_api(handlers: Handlers, api: str) -> None:
    assert api
    with pytest.raises(ControlError, match="Invalid REST API identifier specified"):
        handlers.call("CreateBasePathMapping", {}, domain_name=NAME)


def test_a_stage_that_is_none_is_left_out(handlers: Handlers, api: str) -> None:
    for base_path, stage in (("a", "(none)"), ("b", "")):
        told = handlers.call(
            "CreateBasePathMapping",
            {"restApiId": api, "basePath": base_path, "stage": stage},
            domain_name=NAME,
        )
        assert told == {"basePath": base_path, "restApiId": api}


def test_many_domains_are_not_all_named(handlers: Handlers, api: str) -> None:
    for number in range(12):
        name = f"{number:02}.example.com"
        handlers.call("CreateDomainName", {"domainName": name})
        handlers.call("CreateBasePathMapping", {"restApiId": api}, domain_name=name)

    with pytest.raises(ControlError, match=r"00\.example\.com, .*09\.example\.com$"):
        handlers.call("DeleteRestApi", restapi_id=api)
