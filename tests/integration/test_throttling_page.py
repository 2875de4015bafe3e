"""docs/throttling.md, line by line: its files are written where it says, its commands are run."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from tests.console import Example, Shell, examples, here, matches, reader_environment, sample_files
from tests.integration.conftest import StartGateway
from tests.running_gateway import ROOT, RunningGateway, until
from tests.sample_backend import running_backend

PAGE = ROOT / "docs" / "throttling.md"
FILES = re.compile(r"^```yaml\n# config/(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def steps() -> list[tuple[int, Example | tuple[str, str]]]:
    """Return the page's files and commands in their order, each with its line."""
    text = PAGE.read_text("utf-8")
    files = [
        (text.count("\n", 0, found.start()), (found[1], found[2])) for found in FILES.finditer(text)
    ]
    commands = [(example.line, example) for example in examples(PAGE)]
    return sorted([*files, *commands], key=lambda step: step[0])


def write(gateway: RunningGateway, name: str, text: str) -> None:
    """Save a file, and wait until every worker serves it."""
    before = gateway.status()["revision"]
    gateway.write(name, text)
    until(lambda: gateway.status()["revision"] > before, f"{name} to be served")
    gateway.wait_revision(before + 1)


def test_every_line_of_the_page_does_what_it_says(start_gateway: StartGateway) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend))
        shell = Shell(gateway.config.parent, reader_environment())
        for line, step in steps():
            if isinstance(step, tuple):
                write(gateway, *step)
                continue
            command = here(step.command, gateway, backend)
            answer = shell.run(
                command.replace(".venv/bin/stagegate", f"{sys.executable} -m gateway")
            )

            assert matches(answer, step.expected), f"line {line}: $ {step.command}\n{answer}"


def test_the_page_has_files_and_commands() -> None:
    kinds = [type(step) for _, step in steps()]

    assert kinds.count(tuple) == 3
    assert kinds.count(Example) > 15
