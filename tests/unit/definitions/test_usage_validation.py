"""What a file may say of usage plans and API keys."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.definitions import codec
from gateway.definitions.usage_plan import UsageDefinitions
from gateway.definitions.usage_validation import complete, normalise_method_key
from gateway.errors import Problem

VALUE = "0123456789-0123456789"
STAGE = {"apiId": "pets", "stage": "prod"}


def completed(value: Any) -> tuple[UsageDefinitions, list[str]]:
    problems: list[Problem] = []
    decoded = codec.decode(UsageDefinitions, value, problems=problems)
    assert decoded is not None, problems
    usage = complete(decoded, problems)
    return usage, [str(problem) for problem in problems]


def problems_of(plan: Any = None, keys: Any = None) -> list[str]:
    whole = {"apiKeys": keys or {"k": {"value": VALUE}}, "usagePlans": {"p": plan or {}}}
    return completed(whole)[1]


def test_ids_names_and_method_keys_get_their_kept_form() -> None:
    throttle = {"pets/GET": {"rateLimit": 1}, "//GET": {"burstLimit": 2}}
    usage, problems = completed(
        {
            "apiKeys": {"k": {"value": VALUE, "id": "k"}},
            "usagePlans": {"p": {"apiStages": [{**STAGE, "throttle": throttle}], "apiKeys": ["k"]}},
        }
    )
    plan = usage.usage_plans["p"]

    assert problems == []
    assert (usage.api_keys["k"].id, usage.api_keys["k"].enabled) == ("k", True)
    assert (plan.id, plan.name, plan.shadow) == ("p", "p", False)
    assert list(plan.api_stages[0].throttle) == ["/pets/GET", "//GET"]


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("/pets/GET", "/pets/GET"),
        ("pets/ANY", "/pets/ANY"),
        ("//GET", "//GET"),
        ("/GET", "//GET"),
        ("/pets/{id}/PUT", "/pets/{id}/PUT"),
        ("GET", None),
        ("/pets/GOT", None),
        ("/pe ts/GET", None),
    ],
)
def test_method_keys(key: str, kept: str | None) -> None:
    assert normalise_method_key(key) == kept


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ({"id": "q"}, "usagePlans.p.id: must repeat the key it stands under"),
        ({"name": "x" * 1025}, "usagePlans.p.name: must have at most 1024 characters"),
        ({"throttle": {"rateLimit": -1}}, "usagePlans.p.throttle.rateLimit: must be 0 to"),
        ({"throttle": {"burstLimit": 2**31}}, "usagePlans.p.throttle.burstLimit: must be 0 to"),
        ({"quota": {"limit": -1, "period": "DAY"}}, "usagePlans.p.quota.limit: must be 0 to"),
        (
            {"quota": {"limit": 9, "offset": 1, "period": "DAY"}},
            "usagePlans.p.quota.offset: must be 0 where the period is DAY, not 1",
        ),
        (
            {"quota": {"limit": 9, "offset": 7, "period": "WEEK"}},
            "usagePlans.p.quota.offset: must be 0 to 6 where the period is WEEK, not 7",
        ),
        ({"apiKeys": ["j"]}, "usagePlans.p.apiKeys[0]: there is no API key"),
        ({"apiKeys": ["k", "k"]}, "usagePlans.p.apiKeys[1]:"),
        ({"apiStages": [STAGE, STAGE]}, "usagePlans.p.apiStages[1]: the plan has"),
        (
            {"apiStages": [{**STAGE, "throttle": {"x": {}}}]},
            "usagePlans.p.apiStages[0].throttle.x: names no method",
        ),
        (
            {"apiStages": [{**STAGE, "throttle": {"/p/GET": {}, "p/GET": {}}}]},
            "usagePlans.p.apiStages[0].throttle.p/GET: names the same method",
        ),
        (
            {"apiStages": [{**STAGE, "throttle": {"/p/GET": {"rateLimit": -2}}}]},
            "usagePlans.p.apiStages[0].throttle./p/GET.rateLimit: must be 0 to",
        ),
        (
            {"apiStages": [{**STAGE, "throttle": {f"/p{n}/GET": {} for n in range(201)}}]},
            "usagePlans.p.apiStages[0].throttle: at most 200 methods",
        ),
    ],
)
def test_a_plan_that_cannot_be_served(plan: Any, text: str) -> None:
    (problem,) = problems_of(plan)

    assert problem.replace("[/p/GET]", "./p/GET").startswith(text) or text in problem


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"k": {"value": "short"}}, "API Key value should be at least 20 characters"),
        ({"k": {"value": "x" * 129}}, "API Key value exceeds maximum size of 128 characters"),
        ({"k": {"value": f" {VALUE}"}}, "Invalid API Key value specified"),
        ({"a b": {"value": VALUE}}, "may hold letters, digits, _ and -"),
        ({"k": {"value": VALUE}, "l": {"value": VALUE}}, "API Key already exists: k has the same"),
    ],
)
def test_a_key_that_cannot_be_served(keys: Any, text: str) -> None:
    (problem,) = problems_of(keys=keys)

    assert text in problem
    assert VALUE not in problem


def test_a_key_has_a_stage_through_one_plan() -> None:
    plan = {"apiStages": [STAGE], "apiKeys": ["k"]}
    _, (problem,) = completed(
        {"apiKeys": {"k": {"value": VALUE}}, "usagePlans": {"p": plan, "q": plan}}
    )

    assert problem == (
        "usagePlans.q.apiKeys: the API key k has pets:prod through the plan p already: only one "
        "usage plan is allowed for a key and a stage"
    )


def test_a_key_is_in_few_plans() -> None:
    plans = {f"p{number}": {"apiKeys": ["k"]} for number in range(102)}
    _, (problem,) = completed({"apiKeys": {"k": {"value": VALUE}}, "usagePlans": plans})

    assert "the API key k is in more than 100 usage plans" in problem
