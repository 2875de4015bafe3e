"""Method settings: materialise and copy, keys, lookup."""

from __future__ import annotations

import pytest

from gateway.definitions.method_settings import (
    effective_setting,
    materialise,
    normalise_key,
    setting_key,
)
from gateway.definitions.stage import LoggingLevel, MethodSetting
from gateway.errors import Problem


def test_an_entry_is_always_complete() -> None:
    settings = materialise({"pets/GET": {"throttlingBurstLimit": 7}}, "", [])

    assert settings == {"pets/GET": MethodSetting(throttling_burst_limit=7)}


def test_an_entry_starts_as_a_copy_of_all_methods_wherever_that_stands() -> None:
    own: dict[str, dict[str, object]] = {"pets/GET": {"throttlingBurstLimit": 7}}
    all_methods: dict[str, dict[str, object]] = {
        "*/*": {"throttlingRateLimit": 3, "loggingLevel": "INFO"}
    }
    expected = MethodSetting(
        throttling_burst_limit=7, throttling_rate_limit=3.0, logging_level=LoggingLevel.INFO
    )

    assert materialise(own | all_methods, "", [])["pets/GET"] == expected
    assert materialise(all_methods | own, "", [])["pets/GET"] == expected


@pytest.mark.parametrize(
    ("key", "normalised"),
    [
        ("*/*", "*/*"),
        ("/*/*", "*/*"),
        ("pets/GET", "pets/GET"),
        ("/pets/GET", "pets/GET"),
        ("~1pets/GET", "pets/GET"),
        ("~1pets~1{petId}/DELETE", "pets/{petId}/DELETE"),
        ("pets/{petId}/ANY", "pets/{petId}/ANY"),
        ("{proxy+}/ANY", "{proxy+}/ANY"),
        ("//GET", "//GET"),
        ("/GET", "//GET"),
        ("~1/GET", "//GET"),
        ("/~1/GET", "//GET"),
        ("", None),
        ("/", None),
        ("GET", None),
        ("pets", None),
        ("pets/get", None),
        ("pets/*", None),
        ("*/GET", None),
        ("*", None),
    ],
)
def test_keys_are_normalised(key: str, normalised: str | None) -> None:
    assert normalise_key(key) == normalised


def test_normalised_keys_are_what_lookup_uses() -> None:
    for path in ("/", "/pets", "/pets/{petId}", "/{proxy+}"):
        key = setting_key(path, "GET")
        assert normalise_key(key) == key


def test_lookup_prefers_the_methods_own_entry() -> None:
    own, all_methods = MethodSetting(throttling_burst_limit=1), MethodSetting()
    settings = {"*/*": all_methods, "pets/GET": own, "//GET": own}

    assert effective_setting(settings, "/pets", "GET") is own
    assert effective_setting(settings, "/", "GET") is own
    assert effective_setting(settings, "/pets", "POST") is all_methods
    assert effective_setting({"pets/GET": own}, "/pets", "POST") is None


def test_problems_carry_the_key_as_written() -> None:
    problems: list[Problem] = []
    materialise(
        {
            "pets/get": {},
            "pets": {},
            "pets/GET": {"throttlingBurstLimit": "many"},
            "/pets/GET": {},
            "*/*": {"cacheTtl": 3},
        },
        "stages.prod.methodSettings",
        problems,
    )

    assert [problem.path.removeprefix("stages.prod.methodSettings.") for problem in problems] == [
        "pets/get",
        "pets",
        "/pets/GET",
        "*/*.cacheTtl",
        "pets/GET.throttlingBurstLimit",
    ]
    assert 'did you mean "GET"?' in problems[0].message
    assert "the root path" in problems[1].message
    assert 'names the same method as "pets/GET"' in problems[2].message
