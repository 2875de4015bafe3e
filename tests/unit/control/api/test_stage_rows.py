from __future__ import annotations

import pytest

from gateway.control.api.stage_rows import (
    canary_of,
    check_variables,
    merged_variables,
    target_of_stage,
    with_cache_size,
)
from gateway.errors import ControlError


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_a_share_is_a_percentage(percent: float) -> None:
    with pytest.raises(ControlError, match="percentTraffic"):
        canary_of({"deploymentId": "a", "percentTraffic": percent})


def test_a_canary_is_kept_complete_but_for_overrides() -> None:
    assert canary_of({"deploymentId": "a", "stageVariableOverrides": {}}) == {
        "deploymentId": "a",
        "percentTraffic": 0.0,
        "useStageCache": False,
    }


@pytest.mark.parametrize(
    "variables",
    [
        {"a-b": "x"},
        {"": "x"},
        {"a" * 65: "x"},
        {"a": "<"},
        {"a": ""},
        {"a": "x" * 513},
        {"a": None},
        {f"v{number}": "x" for number in range(101)},
    ],
)
def test_bad_variables_are_refused(variables: dict[str, str | None]) -> None:
    with pytest.raises(ControlError, match="BadRequestException"):
        check_variables(variables)


def test_variables_merge() -> None:
    assert merged_variables({"a": "1", "b": "1"}, {"b": "2"}) == {"a": "1", "b": "2"}


def test_a_size_is_only_chosen_for_a_cache() -> None:
    off = {"cache_cluster_enabled": False, "cache_cluster_size": None}

    assert with_cache_size(off) == off


def test_a_stage_has_a_target_below_its_api() -> None:
    assert target_of_stage("a", "prod") == "/restapis/a/stages/prod"
