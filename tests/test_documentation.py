"""What the pages say about names and places, held against the code."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.arguments import build_parser
from gateway.clock import SystemClock
from gateway.telemetry.exposition import ControlValues, Exposition
from gateway.telemetry.metrics import SERIES_PER_BLOCK, table_bytes
from tests.observability import rules
from tests.prometheus import named_metrics

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PREFIX = "stagegate_"
CLOUDWATCH: Final = {
    "Count", "4XXError", "5XXError", "Latency", "IntegrationLatency", "CacheHitCount",
    "CacheMissCount",
}  # fmt: skip
"""What CloudWatch has of a REST API."""


def exposed_families() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of all families of the gateway's own, as `/metrics` tells them.

    Everything has been counted and is known here, so that no family is without samples.
    """
    blocks = 4
    table = memoryview(bytearray(table_bytes(blocks, 1)))
    exposition = Exposition(table, workers=1, block_capacity=blocks, clock=SystemClock())
    exposition.relabel({"petstore/prod/base": 1, "petstore/prod/base/pets#GET": 2})
    cells = table.cast("d")
    for cell in range(len(cells)):
        cells[cell] = 1.0
    known = {
        field.name: 1.0 if field.default_factory is MISSING else {"one": 1.0}
        for field in fields(ControlValues)
    }
    text = exposition.render(ControlValues(**known)).decode()  # type: ignore[arg-type]
    return {
        sample_name(family): (family.type, labels_of(family))
        for family in text_string_to_metric_families(text)
        if family.name.startswith(PREFIX)
    }


def sample_name(family: Metric) -> str:
    return family.name.removeprefix(PREFIX) + ("_total" if family.type == "counter" else "")


def labels_of(family: Metric) -> set[str]:
    return set(family.samples[0].labels) - {"le"}


def table_rows(page: str, head: str) -> list[list[str]]:
    """Return the cells of the table that begins with this head."""
    rows = page[page.index(head) :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]


def test_the_page_on_metrics_lists_each_with_its_type_and_labels_and_no_other() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    listed = {
        row[0].strip("`"): (row[1], set(row[2].split(", ")) - {""})
        for row in table_rows(page, "| metric |")
    }
    exposed = exposed_families()

    assert listed == exposed
    assert f"Each takes {SERIES_PER_BLOCK} time series" in page


def test_the_page_on_metrics_has_all_of_cloudwatch_s() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    exposed = {PREFIX + name for name in exposed_families()}
    rows = {row[0]: row for row in table_rows(page, "| CloudWatch |")}

    assert set(rows) == CLOUDWATCH
    for row in rows.values():
        read = {re.sub("_bucket$", "", name) for name in named_metrics(row[2].strip("`"))}
        assert len(read) == 1
        assert read <= exposed
        assert next(iter(read)) in row[1]
    listed = {name for row in table_rows(page, "| metric |") for name in row[3].split(", ")}
    assert listed - {""} == CLOUDWATCH


def test_the_page_on_metrics_names_every_alert() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    table = " ".join(row[1] for row in table_rows(page, "| about |"))

    assert re.findall(r"Stagegate\w+", table) == [
        rule["alert"] for rule in rules() if "alert" in rule
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_list_is_not_torn_apart(page: Path) -> None:
    """A blank line between items makes two lists of one, or a loose one."""
    text = page.read_text("utf-8")

    assert re.findall(r"^- .+\n\n(?=- )", text, re.MULTILINE) == []


def test_every_decision_is_in_the_index() -> None:
    directory = ROOT / "docs/decisions"
    index = (directory / "README.md").read_text("utf-8")

    assert [path.name for path in directory.glob("[0-9]*.md") if path.name not in index] == []


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    usage = build_parser().format_help()
    commands = re.findall(r"^    (\w+) ", usage, re.MULTILINE)

    assert commands == [
        *("run", "check", "plan", "explain", "routes", "status", "user", "audit", "export")
    ]
    assert [name for name in commands if f"stagegate {name}" not in readme] == []
