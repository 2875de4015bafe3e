"""What one setting may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.configuration.setting_values import SETTINGS, checked, from_text
from gateway.settings import Address


def test_settings_are_known_by_dotted_names() -> None:
    assert {"listen", "limits.body_bytes", "throttle.account_rate_limit"} <= set(SETTINGS)
    assert "limits" not in SETTINGS


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("listen", ":80", Address("", 80)),
        ("listen", Address("a", 1), Address("a", 1)),
        ("data", "/var/lib", Path("/var/lib")),
        ("data", Path("x"), Path("x")),
        ("workers", 4, 4),
        ("limits.connection_seconds", 5, 5.0),
        ("debug.server_timing", True, True),
        ("throttle.account_rate_limit", None, None),
        ("throttle.account_burst_limit", 0, 0),
        ("trusted_proxies", ["10.0.0.0/8", "::1"], ("10.0.0.0/8", "::1/128")),
        ("region", "eu-central-1", "eu-central-1"),
        ("account", "123456789012", "123456789012"),
    ],
)  # fmt: skip
def test_values_of_the_right_type_and_range_pass(name: str, value: Any, expected: Any) -> None:
    result = checked(SETTINGS[name], value)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("listen", "8080", "must be HOST:PORT"),
        ("listen", 8080, "must be text in quotes"),
        ("data", "", "path of a directory"),
        ("data", 5, "must be text in quotes"),
        ("workers", "4", "must be a whole number, without quotes"),
        ("workers", True, "must be a whole number"),
        ("workers", 1.5, "must be a whole number"),
        ("workers", -1, "must be 0 to 512"),
        ("workers", None, "must be a whole number"),
        ("limits.header_bytes", 10, "must be 1024 to 1048576"),
        ("limits.connection_seconds", float("nan"), "must be 1 to"),
        ("limits.connection_seconds", "5", "must be a number, without quotes"),
        ("debug.server_timing", "true", "must be true or false"),
        ("trusted_proxies", "10.0.0.0/8", "must be a list"),
        ("trusted_proxies", ["10.0.0.1/8"], "without host bits"),
        ("trusted_proxies", [5], "must be networks"),
        ("region", "US East", "must look like us-east-1"),
        ("account", "123", "12 digits"),
        ("account", 123456789012, "must be text in quotes"),
    ],
)
def test_others_are_refused_with_a_way_out(name: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked(SETTINGS[name], value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("workers", "4", 4),
        # Too low, and so refused for its range.
        ("workers", "-1", -1),
        ("limits.connection_seconds", "2.5", 2.5),
        ("debug.server_timing", "TRUE", True),
        ("debug.server_timing", "0", False),
        ("trusted_proxies", "10.0.0.0/8, ::1,", ["10.0.0.0/8", "::1"]),
        ("trusted_proxies", "", []),
        ("throttle.account_rate_limit", "", None),
        ("region", "a", "a"),
    ],
)
def test_text_is_read_by_the_settings_type(name: str, text: str, expected: Any) -> None:
    assert from_text(SETTINGS[name], text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [("workers", ""), ("workers", "four"), ("workers", "1.5"), ("workers", "--1"),
     ("workers", "1_0"), ("workers", "１"), ("workers", "1" * 17),
     ("limits.connection_seconds", "1e5"), ("debug.server_timing", "yes"),
     ("debug.server_timing", "")],
)  # fmt: skip
def test_other_text_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        from_text(SETTINGS[name], text)
