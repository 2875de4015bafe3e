from __future__ import annotations

import json
from typing import Any

import pytest

from loadtests.bench.lines import Line, Verdict, is_failure, paired


def line(**fields: Any) -> Line:
    usual: dict[str, Any] = {"row": "P1", "work": "pass", "must": 2.5, "moonshot": 2.0}
    return Line(**(usual | fields))


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"value": 2.4}, Verdict.MET),
        ({"value": 2.5}, Verdict.MET),
        ({"value": 2.0}, Verdict.MOONSHOT),
        ({"value": 2.51}, Verdict.MISSED),
        ({"value": 2.51, "must": None}, Verdict.SHOWN),
        ({"value": 1.0, "voided": ("a 500",)}, Verdict.VOID),
        ({"skipped": "no nginx"}, Verdict.SKIPPED),
    ],
)
def test_verdicts(fields: dict[str, Any], verdict: Verdict) -> None:
    assert line(**fields).verdict is verdict


def test_only_missed_and_void_lines_make_the_bench_fail() -> None:
    assert is_failure(line(value=3.0))
    assert is_failure(line(value=1.0, voided=("a 500",)))
    assert not is_failure(line(value=1.0))
    assert not is_failure(line(skipped="no Caddy"))


def test_the_median_is_taken_of_ratios_within_rounds() -> None:
    # The second round ran at half the speed for both: that must not show.
    assert paired([10, 20, 12], [5, 10, 5]) == 2.0


def test_a_round_with_nothing_to_divide_by_has_no_ratio() -> None:
    assert paired([1.0], [0.0]) is None
    assert paired([], []) is None


def test_a_line_goes_into_the_result_file() -> None:
    value = json.loads(json.dumps(line(value=2.4, rounds=({"ours": 1.0},)).to_json()))

    assert value["verdict"] == "met"
    assert value["rounds"] == [{"ours": 1.0}]
