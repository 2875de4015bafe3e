from __future__ import annotations

from typing import Any

import pytest

from loadtests.bench.micro import CASES, decisive, per_call, worse


def figures(**fields: Any) -> dict[str, Any]:
    return {
        "environment": {"python": "3.11"},
        "ratios": {"serve": 10.0},
        "instructions": {"serve": 1000},
    } | fields


@pytest.mark.parametrize("name", CASES)
def test_a_case_can_be_called_again_and_again(name: str) -> None:
    call = CASES[name]()

    assert [call() for _ in range(3)] != []


def test_counts_are_what_is_between_once_and_twice_the_calls() -> None:
    # Start, 10 calls with 5 of overhead, 20 calls with 5 of overhead; and a second case.
    totals = [99_999, 1005, 2005, 77, 505, 1005]

    assert per_call(totals, ("a", "b"), 10) == {"a": 100.0, "b": 50.0}


def test_a_missing_count_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="2 counts for 1 cases"):
        per_call([1, 2], ("a",), 10)


def test_a_few_more_instructions_are_tolerated_and_more_are_not() -> None:
    recorded = figures()

    assert worse(figures(instructions={"serve": 1020}), recorded) == []
    assert len(worse(figures(instructions={"serve": 1050}), recorded)) == 1


def test_instructions_decide_where_both_have_them() -> None:
    assert worse(figures(ratios={"serve": 99.0}), figures()) == []


def test_ratios_decide_between_different_versions() -> None:
    recorded = figures(environment={"python": "3.12"}, instructions={"serve": 1})

    assert decisive(figures(), recorded) == "ratios"
    assert worse(figures(), recorded) == []
    assert len(worse(figures(ratios={"serve": 13.0}), recorded)) == 1


def test_a_new_case_is_not_worse() -> None:
    assert worse(figures(instructions={"other": 5}), figures()) == []
