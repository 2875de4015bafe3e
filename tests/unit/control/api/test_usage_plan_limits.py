from __future__ import annotations

import math
from typing import Any

import pytest

from gateway.control.api import usage_plan_limits
from gateway.control.api.usage_plan_limits import (
    checked_method_throttles,
    checked_quota,
    checked_throttle,
    method_key,
    throttle_shown,
)
from gateway.errors import ControlError


def test_a_missing_limit_stays_missing() -> None:
    assert checked_throttle({}) == {}
    assert checked_throttle({"burstLimit": 0}) == {"burstLimit": 0}
    assert checked_throttle({"rateLimit": 1}) == {"rateLimit": 1.0}


@pytest.mark.parametrize(
    "given",
    [
        {"rateLimit": -1.0},
        {"rateLimit": math.inf},
        {"rateLimit": math.nan},
        {"rateLimit": 2e9},
        {"burstLimit": -1},
        {"burstLimit": 2**31},
    ],
)
def test_a_limit_that_is_none_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="limit must be"):
        checked_throttle(given)


def test_a_quota_is_complete() -> None:
    assert checked_quota({"limit": 0, "period": "DAY"}) == {
        "limit": 0,
        "offset": 0,
        "period": "DAY",
    }
    # Named by what it must be, not by what it is.
    with pytest.raises(ControlError, match=r"\[DAY, WEEK, MONTH\]"):
        checked_quota({"limit": 1, "period": "YEAR"})


@pytest.mark.parametrize(("period", "highest"), [("DAY", 0), ("WEEK", 6), ("MONTH", 27)])
def test_an_offset_is_bounded_by_its_period(period: str, highest: int) -> None:
    quota = {"limit": 1, "offset": highest, "period": period}
    allowed = "zero" if period == "DAY" else f"between 0 and {highest} inclusive"

    assert checked_quota(quota) == quota
    with pytest.raises(ControlError) as error:
        checked_quota({**quota, "offset": highest + 1})
    assert error.value.message == (
        f"Usage Plan quota offset must be {allowed} in the {period} period"
    )


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("/pets/GET", "/pets/GET"),
        ("pets/GET", "/pets/GET"),
        ("//pets/GET", "/pets/GET"),
        ("/pets/{petId}/ANY", "/pets/{petId}/ANY"),
        ("//GET", "//GET"),
        ("/GET", "//GET"),
    ],
)
def test_a_method_has_one_key(written: str, kept: str) -> None:
    assert method_key(written) == kept


@pytest.mark.parametrize("key", ["", "/", "GET", "/pets", "/pets/get", "/pets/*", "/a b/GET"])
def test_another_text_names_no_method(key: str) -> None:
    with pytest.raises(ControlError, match="Invalid method"):
        method_key(key)


def test_no_throttles_are_none() -> None:
    assert checked_method_throttles({}) is None
    assert checked_method_throttles({"/a/GET": None}) == {"/a/GET": {}}


def test_throttles_of_methods_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_plan_limits, "METHOD_THROTTLES_MAX", 1)

    with pytest.raises(ControlError, match="LimitExceededException"):
        checked_method_throttles({"/a/GET": {}, "/b/GET": {}})


def test_a_rate_is_shown_as_a_double() -> None:
    assert throttle_shown(None) is None
    assert throttle_shown({"rateLimit": 1}) == {"rateLimit": 1.0}
    assert throttle_shown({"burstLimit": 1}) == {"burstLimit": 1}
