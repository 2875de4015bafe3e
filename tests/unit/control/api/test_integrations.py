from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Invalid integration type"),
        ({"type": "MOCK", "httpMethod": "BREW"}, "Invalid HttpMethod"),
        ({"type": "MOCK", "passthroughBehavior": "x"}, "Invalid passthrough behavior"),
        ({"type": "MOCK", "connectionType": "VPC_LINK"}, "A connection ID is required"),
        (
            {"type": "MOCK", "connectionType": "VPC_LINK", "connectionId": "abc123"},
            "NotFoundException: Invalid Vpc Link identifier specified",
        ),
        (
            {"type": "MOCK", "connectionType": "VPC_LINK", "connectionId": "${x}"},
            "Invalid Vpc Link identifier specified",
        ),
        ({"type": "MOCK", "requestTemplates": {"a/b": "ä" * 200_000}}, "template has at most"),
    ],
)
def test_a_bad_integration_is_refused(
    handlers: Handlers, body: dict[str, Any], message: str
) -> None:
    labels = handlers.method()

    with pytest.raises(ControlError, match=message):
        handlers.call("PutIntegration", body, **labels)


def test_a_patch_is_checked_like_a_put(handlers: Handlers) -> None:
    labels = handlers.method()

    def patched(path: str, value: str) -> None:
        operation = {"op": "replace", "path": path, "value": value}
        handlers.call("UpdateIntegration", {"patchOperations": [operation]}, **labels)

    for path, value in (
        ("/httpMethod", "BREW"),
        ("/timeoutInMillis", "1"),
        ("/connectionType", "x"),
        ("/passthroughBehavior", "x"),
        ("/contentHandling", "x"),
        ("/responseTransferMode", "x"),
        ("/requestParameters/integration.request.header.x", "nonsense"),
    ):
        with pytest.raises(ControlError, match="BadRequestException"):
            patched(path, value)


def test_replacing_a_response_keeps_its_place(handlers: Handlers) -> None:
    labels = handlers.method()
    for status in ("200", "400"):
        handlers.call("PutMethodResponse", status_code=status, **labels)
        handlers.call("PutIntegrationResponse", status_code=status, **labels)

    handlers.call("PutIntegrationResponse", {"selectionPattern": "x"}, status_code="200", **labels)

    told = handlers.call("GetIntegration", **labels)["integrationResponses"]
    assert list(told) == ["200", "400"]
    assert told["200"]["selectionPattern"] == "x"


@pytest.mark.parametrize("path", ["/uri", "/httpMethod", "/connectionType"])
def test_a_mock_has_no_endpoint_to_patch(handlers: Handlers, path: str) -> None:
    labels = handlers.method()
    operations = [{"op": "replace", "path": path, "value": "GET"}]

    with pytest.raises(ControlError) as error:
        handlers.call("UpdateIntegration", {"patchOperations": operations}, **labels)

    assert error.value.message == f"Invalid patch path {path}"


@pytest.mark.parametrize(
    ("op", "path", "value"),
    [
        ("remove", "/credentials", None),
        ("add", "/contentHandling", "CONVERT_TO_TEXT"),
        ("remove", "/contentHandling", None),
        ("add", "/tlsConfig/insecureSkipVerification", "true"),
        ("remove", "/tlsConfig/insecureSkipVerification", None),
    ],
)
def test_what_is_no_list_is_only_replaced(
    handlers: Handlers, op: str, path: str, value: str | None
) -> None:
    labels = handlers.method()
    operation = {"op": op, "path": path, **({} if value is None else {"value": value})}

    with pytest.raises(ControlError) as error:
        handlers.call("UpdateIntegration", {"patchOperations": [operation]}, **labels)

    assert error.value.message == f"Invalid patch path {path}"


@pytest.mark.parametrize(
    ("op", "path"),
    [("remove", "/selectionPattern"), ("add", "/contentHandling"), ("remove", "/contentHandling")],
)
def test_what_is_no_list_of_a_response_is_only_replaced(
    handlers: Handlers, op: str, path: str
) -> None:
    labels = {**handlers.method(), "status_code": "200"}
    handlers.call("PutMethodResponse", **labels)
    handlers.call("PutIntegrationResponse", {"selectionPattern": "x"}, **labels)
    operation = {"op": op, "path": path, "value": "CONVERT_TO_TEXT"}

    with pytest.raises(ControlError) as error:
        handlers.call("UpdateIntegrationResponse", {"patchOperations": [operation]}, **labels)

    assert error.value.message == f"Invalid patch path {path}"


def test_an_empty_cache_namespace_is_the_id_of_the_resource(handlers: Handlers) -> None:
    labels = handlers.method()

    for value in ("mine", ""):
        operation = {"op": "replace", "path": "/cacheNamespace", "value": value}
        told = handlers.call("UpdateIntegration", {"patchOperations": [operation]}, **labels)
        assert told["cacheNamespace"] == (value or labels["resource_id"])
