from __future__ import annotations

import pytest

from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


@pytest.mark.parametrize("type_", ["", "none", "SOMETHING"])
def test_an_authorization_type_is_needed(handlers: Handlers, type_: str) -> None:
    labels = {**handlers.method(), "http_method": "PUT"}

    with pytest.raises(ControlError, match="Invalid authorization type"):
        handlers.call("PutMethod", {"authorizationType": type_}, **labels)


def test_an_authorizer_that_nobody_asks_for_is_forgotten(handlers: Handlers) -> None:
    labels = {**handlers.method(), "http_method": "PUT"}

    told = handlers.call("PutMethod", {"authorizationType": "NONE", "authorizerId": "x"}, **labels)

    assert "authorizerId" not in told


def test_scopes_come_and_go(handlers: Handlers) -> None:
    labels = handlers.method()
    operations = [
        {"op": "add", "path": "/authorizationScopes", "value": "a"},
        {"op": "add", "path": "/authorizationScopes", "value": "b"},
        {"op": "remove", "path": "/authorizationScopes", "value": "a"},
        {"op": "remove", "path": "/authorizationScopes", "value": "never there"},
    ]

    told = handlers.call("UpdateMethod", {"patchOperations": operations}, **labels)

    assert told["authorizationScopes"] == ["b"]


def test_a_null_flag_is_false(handlers: Handlers) -> None:
    labels = {**handlers.method(), "http_method": "PUT"}
    body = {
        "authorizationType": "NONE",
        "requestParameters": {"method.request.header.a": None},
    }

    told = handlers.call("PutMethod", body, **labels)

    assert told["requestParameters"] == {"method.request.header.a": False}
