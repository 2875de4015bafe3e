from __future__ import annotations

import io

from loadtests.bench.lines import Line
from loadtests.bench.table import cells, number, print_table, remarks

LINES = [
    Line(
        row="P1",
        work="pass-through",
        anchor="nginx",
        ours=120.0,
        theirs=57.5,
        unit="kcycles",
        value=2.09,
        must=2.5,
        moonshot=2.0,
        notes=("a note",),
    ),
    Line(row="P2", work="hit", skipped="nginx is not installed"),
    Line(row="P3", work="429", voided=("ours: 3 errors",), value=1.0),
]


def test_figures_have_three_digits_and_units() -> None:
    assert number(None) == ""
    assert number(0.0, "requests") == "0 requests"
    assert number(1234.5, "KB") == "1,234 KB"
    assert number(2.0912, "×") == "2.09×"
    assert number(0.06612, "%") == "0.0661 %"


def test_a_line_shows_figures_target_and_verdict() -> None:
    assert cells(LINES[0]) == (
        "P1",
        "pass-through",
        "120 kcycles",
        "nginx",
        "57.5 kcycles",
        "2.09×",
        "≤ 2.5×",
        "≤ 2×",
        "met",
    )


def test_what_is_void_or_missing_says_why() -> None:
    assert remarks(LINES) == [
        "P1 pass-through / nginx: a note",
        "P2 hit: nginx is not installed",
        "P3 429: ours: 3 errors",
    ]


def test_the_table_has_a_row_for_each_line_without_a_terminal() -> None:
    output = io.StringIO()
    print_table(LINES, output, about=["some machine"])
    text = output.getvalue()

    assert [line.split()[0] for line in text.splitlines()] == [
        "row", "P1", "P2", "P3", "-", "-", "-", "-",
    ]  # fmt: skip
    assert "skipped" in text
    assert "VOID" in text


def test_a_line_of_another_build_says_so() -> None:
    assert cells(Line(row="P1", work="pass-through", build="compiled"))[1] == (
        "pass-through, compiled"
    )
