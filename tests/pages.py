"""Pages of docs/, played: their files are written where they say, their commands are run."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.console import Example, Shell, examples, here, matches, reader_environment
from tests.running_gateway import RunningGateway, until

_FILES: Final = re.compile(r"^```yaml\n# config/(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_DATA: Final = ".stagegate/"
"""The data directory of pages: the default."""

Step = Example | tuple[str, str]
"""A command, or a file's name and text."""


def steps(page: Path) -> list[tuple[int, Step]]:
    """Return a page's files and commands in their order, each with its line."""
    text = page.read_text("utf-8")
    files: list[tuple[int, Step]] = [
        (text.count("\n", 0, found.start()), (found[1], found[2]))
        for found in _FILES.finditer(text)
    ]
    commands: list[tuple[int, Step]] = [(one.line, one) for one in examples(page)]
    return sorted([*files, *commands], key=lambda step: step[0])


def play(page: Path, gateway: RunningGateway, backend: str = "") -> None:
    """Do what a page says, and compare what it prints. `backend`: where the sample backend is."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    shell = Shell(gateway.config.parent, reader_environment())
    for line, step in steps(page):
        if isinstance(step, tuple):
            name, text = step
            _save(gateway, lambda: gateway.write(name, here(text, gateway, backend)))  # noqa: B023
            continue
        command = here(step.command, gateway, backend).replace(_DATA, f"{gateway.data}/")
        command = command.replace(".venv/bin/stagegate", f"{sys.executable} -m gateway")
        expected = here(step.expected, gateway, backend)
        answers: list[str] = []
        _save(gateway, lambda: answers.append(shell.answer(command, expected)))  # noqa: B023 (called at once)

        assert matches(answers[0], expected), f"line {line}: $ {step.command}\n{answers[0]}"


def _save(gateway: RunningGateway, action: Callable[[], object]) -> None:
    """Do what may change files; if it changed what is served, wait until every worker serves it.

    A version that no stage serves yet changes nothing: only files of APIs and domains are looked
    at.
    """
    before, revision = _served_text(gateway), gateway.status()["revision"]
    action()
    if _served_text(gateway) != before:
        until(lambda: gateway.status()["revision"] > revision, "the change to be served")
        gateway.wait_revision(revision + 1)


def _served_text(gateway: RunningGateway) -> dict[Path, str]:
    files = [*gateway.config.glob("apis/*.yaml"), *gateway.config.glob("*.yaml")]
    return {path: path.read_text("utf-8") for path in files}
