from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api import bounds
from gateway.control.api.families import SERVED
from gateway.control.api.shapes import Kind, Shape, check_body
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers

LONG = "x" * 200_000
"""Longer than any text but templates and what a family bounds itself."""


def texts_of(shape: Shape, name: str) -> set[str]:
    """Return the members below a shape that are texts, or hold some."""
    found = {name} if shape.kind is Kind.TEXT and not shape.enum else set()
    if shape.item is not None:
        found |= texts_of(shape.item, name)
    for member, each in shape.members.items():
        found |= texts_of(each, member)
    return found


def test_every_text_that_an_operation_takes_has_a_bound() -> None:
    taken = {
        name
        for served in SERVED.values()
        if served.body is not None
        for name in texts_of(served.body, "")
    }

    unbounded = {name for name in taken if bounds._CHARACTERS.get(name, 0) is None}
    assert unbounded == {
        "body",
        "headers",
        "multiValueHeaders",
        "pathWithQueryString",
        "policy",
        "properties",
        "schema",
        "value",
    }


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("CreateRestApi", {"description": LONG}),
        ("CreateRestApi", {"version": LONG}),
        ("CreateRestApi", {"binaryMediaTypes": [LONG]}),
        ("PutMethod", {"operationName": LONG}),
        ("PutMethod", {"requestParameters": {LONG: True}}),
        ("PutIntegration", {"uri": LONG}),
        ("PutIntegration", {"credentials": LONG}),
        ("PutIntegration", {"requestParameters": {"a": LONG}}),
        ("PutIntegration", {"requestTemplates": {"a/b": LONG * 2}}),
        ("PutIntegrationResponse", {"selectionPattern": LONG}),
        ("PutGatewayResponse", {"responseTemplates": {"a/b": LONG * 2}}),
        ("CreateDeployment", {"description": LONG}),
        ("CreateDeployment", {"stageDescription": LONG}),
        ("CreateStage", {"description": LONG}),
        ("CreateAuthorizer", {"identitySource": LONG}),
        ("UpdateStage", {"patchOperations": [{"op": "replace", "path": LONG}]}),
    ],
)
def test_a_text_that_is_too_long_is_refused(name: str, body: dict[str, Any]) -> None:
    shape = SERVED[name].body
    assert shape is not None

    with pytest.raises(ControlError, match=r"BadRequestException: Invalid \w+ specified: "):
        check_body(shape, body, "input")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("CreateRestApi", {"binaryMediaTypes": ["a/b"] * 501}),
        ("PutMethod", {"requestParameters": {str(each): True for each in range(501)}}),
        ("PutIntegration", {"requestTemplates": {str(each): "x" for each in range(51)}}),
        ("PutIntegration", {"cacheKeyParameters": ["a"] * 501}),
    ],
)
def test_too_many_entries_are_refused(name: str, body: dict[str, Any]) -> None:
    shape = SERVED[name].body
    assert shape is not None

    with pytest.raises(ControlError, match="LimitExceededException"):
        check_body(shape, body, "input")


def test_a_patch_makes_no_text_longer(handlers: Handlers) -> None:
    labels = handlers.method()
    api = labels["restapi_id"]
    deployment = handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)["id"]

    for name, path, more in (
        ("UpdateRestApi", "/description", {"restapi_id": api}),
        ("UpdateMethod", "/operationName", labels),
        ("UpdateIntegration", "/credentials", labels),
        ("UpdateIntegration", "/requestParameters/integration.request.header.x", labels),
        ("UpdateStage", "/description", {"restapi_id": api, "stage_name": "prod"}),
        ("UpdateDeployment", "/description", {"restapi_id": api, "deployment_id": deployment}),
    ):
        operation = {"op": "replace", "path": path, "value": LONG}
        with pytest.raises(ControlError, match=r"BadRequestException: Invalid \w+ specified: at"):
            handlers.call(name, {"patchOperations": [operation]}, **more)


def test_a_patch_adds_no_entry_above_the_bound(handlers: Handlers) -> None:
    api = handlers.api(binaryMediaTypes=[f"a/{number}" for number in range(500)])["id"]

    def patched(path: str, count: int, value: str = "") -> None:
        operations = [
            {"op": "add", "path": path.format(number), "value": value.format(number)}
            for number in range(count)
        ]
        handlers.call("UpdateRestApi", {"patchOperations": operations}, restapi_id=api)

    with pytest.raises(ControlError, match="At most 500 entries of binary_media_types"):
        patched("/binaryMediaTypes/b~1{}", 1)
    with pytest.raises(ControlError, match="At most 500 entries of vpcEndpointIds"):
        patched("/endpointConfiguration/vpcEndpointIds", 501, "vpce-{}")
    with pytest.raises(ControlError, match="At most 50 entries of request_templates"):
        bounds.check_patched({"request_templates": dict.fromkeys(map(str, range(51)), "")})
