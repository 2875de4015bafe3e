from __future__ import annotations

from xml.etree import ElementTree as ET

from loadtests.bench.chart import bars_of, chart
from loadtests.bench.lines import ITSELF, Line


def line(row: str, anchor: str, value: float | None, **fields: object) -> Line:
    figures = {"row": row, "work": "work", "anchor": anchor, "value": value, "ours": 120.0}
    return Line(**(figures | {"theirs": 55.0, "unit": "kcycles"} | fields))  # type: ignore[arg-type]


LINES = [
    line("P1", "nginx", 2.0),
    line("P1", "naive & slow", 0.25),
    line("P1", "Caddy", None, skipped="not there"),
    line("P3", "nginx return 403", 2.5),
]


def test_bars_are_sorted_and_leave_out_what_was_not_measured() -> None:
    assert [(bar.name, bar.value) for bar in bars_of(LINES, "P1")] == [
        ("nginx", 60.0),
        ("Stagegate, full pipeline", 120.0),
        ("naive & slow", 480.0),
    ]


def test_a_void_line_is_not_drawn() -> None:
    assert bars_of([line("P1", "nginx", 2.0, voided=("a 500",))], "P1") == []


def test_the_chart_is_well_formed_and_has_a_bar_for_each() -> None:
    root = ET.fromstring(chart(LINES, "measured <here>"))
    names = [child.tag.rpartition("}")[2] for child in root]
    texts = [child.text for child in root]

    assert names.count("rect") == 5
    assert "naive & slow" in texts
    assert "measured <here>" in texts


def test_a_chart_of_nothing_says_so() -> None:
    assert "Nothing was measured." in chart([], "")


COMPILED = [
    line("P1", ITSELF, 0.75, build="compiled", ours=90.0, theirs=120.0),
    line("P1", "nginx", 1.5, build="compiled", ours=90.0),
    line("P3", ITSELF, 0.8, build="compiled", ours=96.0, theirs=120.0),
    line("P3", "nginx return 403", 2.0, build="compiled", ours=96.0),
]


def test_another_build_of_ours_is_one_bar_beside_the_default_one() -> None:
    pass_through = {bar.name: bar.value for bar in bars_of(LINES + COMPILED, "P1")}
    short = {bar.name: bar.value for bar in bars_of(LINES + COMPILED, "P3")}

    assert pass_through == {
        "nginx": 60.0,
        "Stagegate, compiled": 90.0,
        "Stagegate, full pipeline": 120.0,
        "naive & slow": 480.0,
    }
    assert short == {
        "nginx return 403": 55.0,
        "Stagegate, work, compiled": 96.0,
        "Stagegate, work": 120.0,
    }
