from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api import sizes
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers

LARGE = "x" * 300_000


def templates(count: int) -> dict[str, str]:
    return {f"application/x-{number}": LARGE for number in range(count)}


def test_a_method_is_bounded_however_it_grows(handlers: Handlers) -> None:
    labels = handlers.method()
    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call(
            "PutIntegration", {"type": "MOCK", "requestTemplates": templates(15)}, **labels
        )
    handlers.call("PutIntegration", {"type": "MOCK", "requestTemplates": templates(10)}, **labels)
    operations = [
        {"op": "add", "path": f"/requestTemplates/a~1{number}", "value": LARGE}
        for number in range(5)
    ]

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("UpdateIntegration", {"patchOperations": operations}, **labels)

    shown = handlers.call("GetIntegration", **labels)
    assert len(shown["requestTemplates"]) == 10


def test_responses_count_too(handlers: Handlers) -> None:
    labels = handlers.method()
    for status in ("200", "400"):
        handlers.call("PutMethodResponse", status_code=status, **labels)
    body: dict[str, Any] = {"responseTemplates": templates(10)}
    handlers.call("PutIntegrationResponse", body, status_code="200", **labels)

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("PutIntegrationResponse", body, status_code="400", **labels)
    more = [
        {"op": "add", "path": f"/responseTemplates/a~1{number}", "value": LARGE}
        for number in range(5)
    ]
    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call(
            "UpdateIntegrationResponse", {"patchOperations": more}, status_code="200", **labels
        )


def test_what_a_method_declares_counts_too(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = handlers.method()
    monkeypatch.setattr(sizes, "METHOD_BYTES", 1000)
    requested = {f"method.request.header.h{number}": True for number in range(50)}
    body = {"authorizationType": "NONE", "requestParameters": requested}
    returned = {f"method.response.header.h{number}": True for number in range(50)}

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("PutMethod", body, **{**labels, "http_method": "POST"})
    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call(
            "PutMethodResponse", {"responseParameters": returned}, status_code="200", **labels
        )


def test_a_deployment_is_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    api = handlers.method()["restapi_id"]
    monkeypatch.setattr(sizes, "DEPLOYMENT_BYTES", 100)

    with pytest.raises(ControlError, match="A deployment has at most 100 bytes"):
        handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)

    assert handlers.call("GetDeployments", restapi_id=api)["item"] == []


def test_what_travels_at_once_is_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gateway responses and models belong to no method, and travel in one piece."""
    api = handlers.method()["restapi_id"]
    monkeypatch.setattr(sizes, "FRAME_BYTES_MAX", 200_000)
    handlers.call("CreateDeployment", restapi_id=api)
    handlers.call(
        "PutGatewayResponse",
        {"responseTemplates": {"application/json": LARGE}},
        restapi_id=api,
        response_type="THROTTLED",
    )

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("CreateDeployment", restapi_id=api)
