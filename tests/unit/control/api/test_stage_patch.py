from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api.patch import PatchOperation
from gateway.control.api.stage_patch import SETTING_DEFAULTS, patch_stage
from gateway.errors import ControlError, bad_request


def stage(**columns: Any) -> dict[str, Any]:
    return {
        "deployment_id": "d1",
        "description": None,
        "variables": {},
        "access_log_settings": None,
        "canary_settings": None,
        "settings": {},
        **columns,
    }


def known(id_: str | None) -> str:
    if id_ not in ("d1", "d2"):
        raise bad_request("Deployment id does not exist")
    return id_


def patched(working: dict[str, Any], *operations: tuple[str, str, str | None]) -> dict[str, Any]:
    made = [PatchOperation(op=op, path=path, value=value) for op, path, value in operations]
    patch_stage(made, working, known)
    return working


def test_an_entry_begins_as_a_copy_of_the_default_at_that_moment() -> None:
    settings = patched(
        stage(),
        ("replace", "/*/*/caching/ttlInSeconds", "7"),
        ("replace", "/a~1b/GET/metrics/enabled", "true"),
        ("replace", "/*/*/caching/ttlInSeconds", "8"),
    )["settings"]

    assert settings["*/*"] == {**SETTING_DEFAULTS, "cache_ttl_in_seconds": 8}
    assert settings["a/b/GET"] == {
        **SETTING_DEFAULTS,
        "cache_ttl_in_seconds": 7,
        "metrics_enabled": True,
    }


def test_a_canary_is_built_up_by_replacing() -> None:
    canary = patched(
        stage(),
        ("replace", "/canarySettings/percentTraffic", "25"),
        ("replace", "/canarySettings/deploymentId", "d2"),
        ("replace", "/canarySettings/useStageCache", "true"),
        ("replace", "/canarySettings/stageVariableOverrides", '{"a": "1"}'),
        ("replace", "/canarySettings/stageVariableOverrides/b", "2"),
    )["canary_settings"]

    assert canary == {
        "deploymentId": "d2",
        "percentTraffic": 25.0,
        "useStageCache": True,
        "stageVariableOverrides": {"a": "1", "b": "2"},
    }


@pytest.mark.parametrize(
    "operation",
    [
        ("move", "/description", "x"),
        ("test", "/description", "x"),
        ("replace", "", "x"),
        ("replace", "description", "x"),
        ("replace", "/", "x"),
        ("add", "/description", "x"),
        ("add", "/*/*/metrics/enabled", "true"),
        ("remove", "/description", None),
        ("remove", "/variables/none", None),
        ("remove", "", None),
        ("replace", "/canarySettings/stageVariableOverrides", "[]"),
        ("replace", "/canarySettings/stageVariableOverrides", "{"),
        ("replace", "/*/GET/metrics/enabled", "true"),
        ("replace", "/a/BREW/metrics/enabled", "true"),
        ("replace", "/a/GET/metrics/enabled/more", "true"),
        ("copy", "/variables", None),
        ("replace", "/accessLogSettings/destinationArn", "/etc/cron.d/x"),
        ("add", "/accessLogSettings/destinationArn", "store.sqlite"),
        ("add", "/accessLogSettings/format", "$context.status"),
        ("replace", "/*/*/throttling/rateLimit", "1_000"),
        ("replace", "/*/*/throttling/burstLimit", "\u0661"),
        ("replace", "/*/*/caching/ttlInSeconds", "6_0"),
        ("replace", "/canarySettings/percentTraffic", "\u0665"),
    ],
)
def test_other_operations_are_refused(operation: tuple[str, str, str | None]) -> None:
    with pytest.raises(ControlError, match="BadRequestException"):
        patched(stage(), operation)


def test_minus_one_means_not_limited() -> None:
    settings = patched(stage(), ("replace", "/*/*/throttling/rateLimit", "-1"))["settings"]

    assert settings["*/*"]["throttling_rate_limit"] == -1.0
