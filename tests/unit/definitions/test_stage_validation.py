"""Stages and domain names whose values have the right types but make no sense."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.stage import CanarySettings, MethodSetting, Stage
from gateway.definitions.stage_validation import (
    problem_of_reference,
    problems_of_domain,
    problems_of_stage,
)
from gateway.errors import Problem

DEFINITION = ApiDefinition(
    rest_api=RestApi(name="a"), resources=(Resource(path="/pets", methods={"GET": Method()}),)
)


def of_stage(stage: Stage) -> list[Problem]:
    return problems_of_stage(stage, [DEFINITION], "stages.prod")


def with_variables(variables: Mapping[str, str]) -> Stage:
    return Stage(
        stage_name="prod",
        variables=variables,
        canary_settings=CanarySettings(stage_variable_overrides=variables),
    )


def test_a_sound_stage_has_no_problem() -> None:
    stage = Stage(
        stage_name="prod-1_A",
        variables={"backend_1": "http://a.b:1/c?d=e&f,g~h#i_j"},
        canary_settings=CanarySettings(percent_traffic=100),
        cache_cluster_size="0.5",
        method_settings={
            "*/*": MethodSetting(throttling_rate_limit=0, throttling_burst_limit=0),
            "pets/GET": MethodSetting(cache_ttl_in_seconds=3600),
        },
    )

    assert of_stage(stage) == []


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "a" * 129, "a/b"])
def test_stage_names_have_awss_grammar(name: str) -> None:
    (problem,) = of_stage(Stage(stage_name=name))

    assert "Stage name only allows a-zA-Z0-9_-" in problem.message


@pytest.mark.parametrize(
    "variables",
    [{"a-b": "x"}, {"": "x"}, {"a" * 65: "x"}, {"a": ""}, {"a": "x y"}, {"a": "x" * 513},
     {"a": "x\n"}, {"a": "é"}, {"a": '"'}],
)  # fmt: skip
def test_variables_have_awss_grammar_in_stage_and_canary(variables: Mapping[str, str]) -> None:
    first, second = of_stage(with_variables(variables))

    assert first.path.startswith("stages.prod.variables")
    assert second.path.startswith("stages.prod.canarySettings.stageVariableOverrides")


def test_a_stage_has_at_most_100_variables() -> None:
    variables = {f"v{index}": "x" for index in range(101)}

    assert "at most 100" in of_stage(with_variables(variables))[0].message


@pytest.mark.parametrize("percent", [-0.1, 100.1])
def test_a_canary_takes_0_to_100_percent(percent: float) -> None:
    stage = Stage(stage_name="a", canary_settings=CanarySettings(percent_traffic=percent))

    assert [problem.path for problem in of_stage(stage)] == [
        "stages.prod.canarySettings.percentTraffic"
    ]


def test_cache_sizes_are_awss() -> None:
    assert of_stage(Stage(stage_name="a", cache_cluster_size="1")) != []


@pytest.mark.parametrize(
    ("setting", "member"),
    [
        (MethodSetting(cache_ttl_in_seconds=3601), "cacheTtlInSeconds"),
        (MethodSetting(cache_ttl_in_seconds=-1), "cacheTtlInSeconds"),
        (MethodSetting(throttling_rate_limit=-1), "throttlingRateLimit"),
        (MethodSetting(throttling_rate_limit=1e10), "throttlingRateLimit"),
        (MethodSetting(throttling_burst_limit=-1), "throttlingBurstLimit"),
    ],
)
def test_method_settings_have_ranges(setting: MethodSetting, member: str) -> None:
    (problem,) = of_stage(Stage(stage_name="a", method_settings={"*/*": setting}))

    assert problem.path == f"stages.prod.methodSettings.*/*.{member}"


def test_a_key_that_names_no_method_is_a_warning() -> None:
    (problem,) = of_stage(Stage(stage_name="a", method_settings={"pet/GET": MethodSetting()}))

    assert problem.severity == "warning"
    assert 'did you mean "pets/GET"?' in problem.message


@pytest.mark.parametrize("name", ["api.example.com", "*.example.org", "a-b.c_d.e", "xn--a.de"])
def test_host_names_pass(name: str) -> None:
    assert problems_of_domain(DomainName(domain_name=name)) == []


@pytest.mark.parametrize(
    "name",
    ["", "localhost", "API.example.com", "a.*.com", "a*.example.com", "*.*.com", "*", "*.com",
     "a..b", ".a.b", "a.b.", "a b.c", "a.b:80", "a/b.c", "-a.b", "a-.b", "é.de", "a" * 64 + ".b",
     ".".join(["a" * 60] * 5)],
)  # fmt: skip
def test_other_host_names_do_not(name: str) -> None:
    (problem,) = problems_of_domain(DomainName(domain_name=name), "here")

    assert problem.path == "here"


@pytest.mark.parametrize("base_path", ["(none)", "store", "orders/v1", "a$-_.+!*'()b"])
def test_base_paths_pass(base_path: str) -> None:
    mapping = BasePathMapping(rest_api_id="a", base_path=base_path)

    assert problems_of_domain(DomainName(domain_name="a.b", base_path_mappings=(mapping,))) == []


@pytest.mark.parametrize(
    "base_path", ["", "/", "/a", "a/", "a//b", "a b", "é", "a/../b", ".", "a%2f", "a" * 301, "a\n"]
)
def test_other_base_paths_do_not(base_path: str) -> None:
    mapping = BasePathMapping(rest_api_id="a", base_path=base_path)
    domain = DomainName(domain_name="a.b", base_path_mappings=(mapping,))

    assert [problem.path for problem in problems_of_domain(domain, "a.b")] == [
        "a.b.basePathMappings[0].basePath"
    ]


def test_a_base_path_twice_is_refused() -> None:
    mapping = BasePathMapping(rest_api_id="a")
    domain = DomainName(domain_name="a.b", base_path_mappings=(mapping, mapping))
    (problem,) = problems_of_domain(domain)

    assert "Base path already exists" in problem.message


@pytest.mark.parametrize(
    ("mapping", "path", "words", "severity"),
    [
        (BasePathMapping(rest_api_id="pet"), "x.restApiId", 'did you mean "pets"?', "error"),
        (
            BasePathMapping(rest_api_id="pets", stage="pro"),
            "x.stage",
            'did you mean "prod"?',
            "error",
        ),
        (BasePathMapping(rest_api_id="empty", stage="a"), "x.stage", "it has none", "error"),
        (BasePathMapping(rest_api_id="torn"), "x.restApiId", "last good form", "warning"),
    ],
)
def test_references_must_lead_somewhere(
    mapping: BasePathMapping, path: str, words: str, severity: str
) -> None:
    problem = problem_of_reference(mapping, {"pets": ["prod"], "empty": []}, {"torn"}, "x")

    assert problem is not None
    assert problem.path == path
    assert words in problem.message
    assert problem.severity == severity


@pytest.mark.parametrize("stage", ["prod", "(none)"])
def test_references_that_do_pass(stage: str) -> None:
    mapping = BasePathMapping(rest_api_id="pets", stage=stage)

    assert problem_of_reference(mapping, {"pets": ["prod"]}, (), "x") is None


def test_with_no_api_at_all_nothing_is_suggested() -> None:
    problem = problem_of_reference(BasePathMapping(rest_api_id="pets"), {}, (), "x")

    assert problem is not None
    assert "there is no API at all" in problem.message
