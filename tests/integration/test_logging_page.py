"""docs/logging.md, line by line: its files are written where it says, its commands are run."""

from __future__ import annotations

import re
import shutil

import pytest

from gateway.context import KNOWN
from tests.console import Example, Shell, examples, here, matches, reader_environment, sample_files
from tests.integration.conftest import StartGateway
from tests.integration.test_throttling_page import FILES, write
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

PAGE = ROOT / "docs" / "logging.md"


def steps() -> list[tuple[int, Example | tuple[str, str]]]:
    """Return the page's files and commands in their order, each with its line."""
    text = PAGE.read_text("utf-8")
    files = [
        (text.count("\n", 0, found.start()), (found[1], found[2])) for found in FILES.finditer(text)
    ]
    commands = [(example.line, example) for example in examples(PAGE)]
    return sorted([*files, *commands], key=lambda step: step[0])


def test_every_line_of_the_page_on_logs_does_what_it_says(start_gateway: StartGateway) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend))
        shell = Shell(gateway.config.parent, reader_environment())
        for line, step in steps():
            if isinstance(step, tuple):
                write(gateway, step[0], here(step[1], gateway, backend))
                continue
            command = here(step.command, gateway, backend).replace(".stagegate/", "data/")
            answer = shell.run(command)

            assert matches(answer, here(step.expected, gateway, backend)), (
                f"line {line}: $ {step.command}\n{answer}"
            )


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
