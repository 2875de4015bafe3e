"""A finished exchange, as `record` sees it; every part can be replaced."""

from __future__ import annotations

from typing import Any

from multidict import CIMultiDict

from gateway.messages import Derived, Exchange, InvocationRequest, MethodIdentity

REQUEST_ID = "5a1c9a4e-0d3f-4b5e-9f3e-0123456789ab"
EXTENDED_REQUEST_ID = "AbCdEfGhIjKlMn8="
EPOCH = 1_795_348_800.25  # 2026-11-22T12:00:00.250Z


def identity(**changes: Any) -> MethodIdentity:
    """Return GET /pets/{petId} of stage prod."""
    fields: dict[str, Any] = {
        "account_id": "000000000000",
        "region": "us-east-1",
        "api_id": "petstore",
        "api_name": "Pet store",
        "stage": "prod",
        "deployment_id": "abcdefghij",
        "resource_id": "abc123",
        "resource_path": "/pets/{petId}",
        "http_method": "GET",
        "stage_variables": {},
    }
    return MethodIdentity(**(fields | changes))


def request(*, headers: tuple[tuple[str, str], ...] = (), **changes: Any) -> InvocationRequest:
    """Return GET /prod/pets/7 with the headers given."""
    fields: dict[str, Any] = {
        "method": "GET",
        "target": "/prod/pets/7",
        "path": "/prod/pets/7",
        "query": "",
        "host": "petstore.execute-api.localhost",
        "headers": tuple((name.encode(), value.encode()) for name, value in headers),
        "fields": CIMultiDict(headers),
        "body": None,
        "source_ip": "203.0.113.9",
    } | changes
    line = fields.pop("method"), fields.pop("target"), fields.pop("path"), fields.pop("query")
    body = fields.pop("body")
    return InvocationRequest(line, Derived(**fields), body)


def exchange(request_: InvocationRequest | None = None, **changes: Any) -> Exchange:
    """Return an exchange that ended with 200 and 192 bytes after 12 ms."""
    fields: dict[str, Any] = {
        "context_path": "/prod/pets/7",
        "identity": identity(),
        "path_parameters": {"petId": "7"},
        "status": 200,
        "response_length": 192,
        "response_latency": 0.012,
    }
    built = Exchange(request_ or request(), REQUEST_ID, EXTENDED_REQUEST_ID, 100.0, EPOCH)
    for name, value in (fields | changes).items():
        setattr(built, name, value)
    return built
