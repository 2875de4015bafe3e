"""docs/logging.md, line by line: its files are written where it says, its commands are run."""

from __future__ import annotations

import re

from gateway.context import KNOWN
from tests.console import sample_files
from tests.integration.conftest import StartGateway
from tests.pages import play
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

PAGE = ROOT / "docs" / "logging.md"


def test_every_line_of_the_page_on_logs_does_what_it_says(start_gateway: StartGateway) -> None:
    with running_backend() as backend:
        play(PAGE, start_gateway(sample_files(backend)), backend)


def test_the_page_lists_every_variable_once() -> None:
    table = PAGE.read_text("utf-8").partition("| of | `$context.` |")[2].partition("\n\n")[0]
    cells = [row.split(" | ")[1] for row in table.splitlines()[2:]]
    named = [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]

    assert sorted(named) == sorted(KNOWN)


def test_what_the_page_calls_missing_is_missing() -> None:
    rows = re.findall(r"^\| always `-`: .*? \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    missing = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}

    assert len(missing) > 30
    assert all(KNOWN[name].is_reserved for name in missing)
