from __future__ import annotations

import pytest

from gateway.control.api import rest_apis
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def test_a_clone_has_everything_but_the_id(handlers: Handlers) -> None:
    source = handlers.method()
    child = handlers.call(
        "CreateResource",
        {"pathPart": "{id}"},
        restapi_id=source["restapi_id"],
        parent_id=source["resource_id"],
    )

    clone = handlers.api(cloneFrom=source["restapi_id"])

    listed = handlers.call("GetResources", restapi_id=clone["id"], query={"embed": ["methods"]})[
        "item"
    ]
    assert [(each["path"], each["id"]) for each in listed[1:]] == [("/{id}", child["id"])]
    assert listed[0]["id"] == clone["rootResourceId"] != source["resource_id"]
    assert listed[0]["resourceMethods"]["GET"]["methodIntegration"]["type"] == "MOCK"
    assert listed[1]["parentId"] == clone["rootResourceId"]
    assert "resourceMethods" not in listed[1]


def test_a_clone_keeps_its_resources_when_it_is_cloned(handlers: Handlers) -> None:
    source = handlers.api()
    parent = handlers.call(
        "CreateResource",
        {"pathPart": "a"},
        restapi_id=source["id"],
        parent_id=source["rootResourceId"],
    )
    handlers.call(
        "CreateResource", {"pathPart": "b"}, restapi_id=source["id"], parent_id=parent["id"]
    )

    again = handlers.api(cloneFrom=handlers.api(cloneFrom=source["id"])["id"])

    listed = handlers.call("GetResources", restapi_id=again["id"])["item"]
    assert sorted(each["path"] for each in listed) == ["/", "/a", "/a/b"]


def test_a_clone_is_guarded_like_its_source(handlers: Handlers) -> None:
    guarded = {
        "apiKeySource": "AUTHORIZER",
        "binaryMediaTypes": ["image/png"],
        "minimumCompressionSize": 10,
        "disableExecuteApiEndpoint": True,
        "policy": '{"Statement": []}',
        "endpointConfiguration": {"types": ["PRIVATE"], "ipAddressType": "dualstack"},
        "securityPolicy": "TLS_1_2",
    }
    source = handlers.api(**guarded, description="text", version="1")["id"]

    clone = handlers.api(cloneFrom=source)
    other = handlers.api(cloneFrom=source, minimumCompressionSize=0, policy="{}")

    assert {name: clone[name] for name in guarded} == guarded
    assert {name: other[name] for name in guarded} == {
        **guarded,
        "minimumCompressionSize": 0,
        "policy": "{}",
    }
    assert "description" not in clone


def test_a_clone_of_nothing_is_refused(handlers: Handlers) -> None:
    with pytest.raises(ControlError, match="NotFoundException"):
        handlers.api(cloneFrom="nothing")


@pytest.mark.parametrize("name", ["", "   ", "a" * 1025])
def test_a_name_is_needed(handlers: Handlers, name: str) -> None:
    with pytest.raises(ControlError, match="Invalid REST API name"):
        handlers.api(name=name)


def test_the_number_of_apis_is_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_apis, "APIS_MAX", 2)
    handlers.api()
    handlers.api()

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.api()


def test_a_policy_is_bounded_and_may_be_cleared(handlers: Handlers) -> None:
    api = handlers.api(policy="{}")["id"]

    def patched(value: str) -> dict[str, object]:
        operation = {"op": "replace", "path": "/policy", "value": value}
        told: dict[str, object] = handlers.call(
            "UpdateRestApi", {"patchOperations": [operation]}, restapi_id=api
        )
        return told

    assert "policy" not in patched("")
    for bad in ('{"a": "' + "x" * 8193 + '"}', "Allow all", "[]", "{"):
        with pytest.raises(ControlError, match="Invalid policy document"):
            patched(bad)
        with pytest.raises(ControlError, match="Invalid policy document"):
            handlers.api(policy=bad)


def test_vpc_endpoints_come_and_go(handlers: Handlers) -> None:
    api = handlers.api()["id"]
    operations = [
        {"op": "add", "path": "/endpointConfiguration/vpcEndpointIds", "value": "vpce-1"},
        {"op": "add", "path": "/endpointConfiguration/vpcEndpointIds", "value": "vpce-2"},
        {"op": "remove", "path": "/endpointConfiguration/vpcEndpointIds", "value": "vpce-1"},
    ]

    told = handlers.call("UpdateRestApi", {"patchOperations": operations}, restapi_id=api)

    assert told["endpointConfiguration"]["vpcEndpointIds"] == ["vpce-2"]


@pytest.mark.parametrize("op", ["remove", "replace"])
def test_a_binary_media_type_that_is_not_there_stays_away(handlers: Handlers, op: str) -> None:
    api = handlers.api(binaryMediaTypes=["image/png"])["id"]
    operation = {"op": op, "path": "/binaryMediaTypes/image~1gif", "value": "image/gif"}

    with pytest.raises(ControlError) as error:
        handlers.call("UpdateRestApi", {"patchOperations": [operation]}, restapi_id=api)

    assert error.value.code == "BadRequestException"
    assert error.value.message == "Invalid patch path /binaryMediaTypes/image~1gif"
