from __future__ import annotations

import pytest

from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def patched(handlers: Handlers, op: str, path: str, value: str) -> dict[str, object]:
    operation = {"op": op, "path": path, "value": value}
    told: dict[str, object] = handlers.call("UpdateAccount", {"patchOperations": [operation]})
    return told


def test_features_come_and_go(handlers: Handlers) -> None:
    assert patched(handlers, "remove", "/features", "UsagePlans")["features"] == []
    assert patched(handlers, "add", "/features", "UsagePlans")["features"] == ["UsagePlans"]
    with pytest.raises(ControlError, match="Invalid feature"):
        patched(handlers, "add", "/features", "Other")
    with pytest.raises(ControlError, match="Invalid patch path /apiKeyVersion"):
        patched(handlers, "replace", "/apiKeyVersion", "5")
