"""What the pages say about names and places, held against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.cli.arguments import build_parser
from gateway.clock import SystemClock
from gateway.telemetry.exposition import ControlValues, Exposition
from gateway.telemetry.metrics import table_bytes

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PREFIX = "stagegate_"


def exposed_families() -> set[str]:
    """Names of all families of the gateway's own, as `/metrics` declares them."""
    blocks = 4
    exposition = Exposition(
        memoryview(bytearray(table_bytes(blocks, 1))),
        workers=1,
        block_capacity=blocks,
        clock=SystemClock(),
    )
    exposition.relabel({"petstore/prod/base": 1, "petstore/prod/base/pets#GET": 2})
    values = ControlValues(last_reload_success_epoch=1.0, last_reload_seconds=1.0)
    text = exposition.render(values).decode()
    return {
        name.removeprefix(PREFIX)
        for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
        if name.startswith(PREFIX)
    }


def test_operations_lists_every_metric_and_no_other() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    table = page[page.index("| metric |") :]
    listed = {
        name
        for row in table.splitlines()
        if row.startswith("|")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert listed == exposed_families()


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
