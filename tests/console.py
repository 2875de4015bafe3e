"""The `console` and `pycon` blocks of pages: what they show is what a reader gets.

A command stands behind `$ `, goes on after a `\\` at the end of a line, and is followed by what it
prints. Nothing is changed in it but the addresses, which are free ports here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.running_gateway import ROOT, RunningGateway

BACKEND: Final = "127.0.0.1:9000"
"""Where pages and the sample files have the sample backend."""
COMMAND_SECONDS: Final = 60.0
"""After this a command is ended, and its test fails."""

METRICS_SECONDS: Final = 20.0
"""For so long metrics are read again, until they are what a page says."""

_BLOCK: Final = re.compile(r"(?<=```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_EXAMPLE: Final = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a page, and what the page says that it prints."""

    command: str
    expected: str
    line: int
    """Where the command stands in the page; the first is 1."""


def examples(page: Path) -> list[Example]:
    """Return the commands of a page's `console` blocks, in order."""
    text = page.read_text("utf-8")
    return [
        Example(found[1], found[2], text.count("\n", 0, block.start() + found.start()) + 1)
        for block in _BLOCK.finditer(text)
        for found in _EXAMPLE.finditer(block[0])
    ]


def python_session(page: Path) -> str:
    """Return a page as doctest reads it: its `pycon` blocks, everything else as empty lines."""
    lines: list[str] = []
    is_inside = False
    for line in page.read_text("utf-8").splitlines():
        if line.startswith("```"):
            is_inside = line == "```pycon"
        lines.append(line if is_inside and not line.startswith("```") else "")
    return "\n".join(lines) + "\n"


def here(text: str, gateway: RunningGateway, backend: str) -> str:
    """Replace the addresses that pages name by those of this gateway and this backend."""
    return (
        text.replace("127.0.0.1:8080", gateway.listen)
        .replace("127.0.0.1:8081", gateway.admin)
        .replace("127.0.0.1:8443", gateway.listen_tls or "127.0.0.1:8443")
        .replace(BACKEND, backend)
    )


def sample_files(backend: str) -> dict[str, str]:
    """Return what `make run` serves: `config/`, with the backend where it is."""
    sample = ROOT / "config"
    return {
        str(path.relative_to(sample)): path.read_text("utf-8").replace(BACKEND, backend)
        for path in sample.rglob("*")
        if path.is_file()
    }


def matches(answer: str, expected: str) -> bool:
    """Whether an answer is the expected one; `…` stands for anything, to the end of all lines."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, answer.strip(), re.DOTALL) is not None


def reader_environment() -> dict[str, str]:
    """Return the environment of a reader who has installed the clients and configured nothing."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "STAGEGATE_")) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


class Shell:
    """A reader's shell: what one command sets, the next one sees."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._variables = directory / "variables"
        self._variables.touch()

    def answer(self, command: str, expected: str) -> str:
        """Run a command; one that reads metrics again and again, until it prints what is expected.

        A worker counts a request once it is answered, and a server knows of it a scrape later.
        """
        deadline = time.monotonic() + METRICS_SECONDS
        is_asked_again = "/metrics" in command or "promtool query" in command
        while True:
            answer = self.run(command)
            if not is_asked_again or matches(answer, expected) or time.monotonic() > deadline:
                return answer

    def run(self, command: str) -> str:
        """Run a command; return what it writes to stdout and stderr, in the order of writing."""
        script = f"set -a\n. '{self._variables}'\n{command}\nexport -p >'{self._variables}'\n"
        return subprocess.run(
            ["sh", "-c", script],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            text=True,
            check=False,
        ).stdout
