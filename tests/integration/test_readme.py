"""The README's `console` blocks, line by line: what it promises is what a user sees."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console import Shell, examples, here, matches, reader_environment, sample_files
from tests.integration.conftest import StartGateway
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

EXAMPLES = examples(ROOT / "README.md")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7
    assert all(example.expected.strip() for example in EXAMPLES)


def test_every_line_of_the_readme_does_what_it_says(
    start_gateway: StartGateway,
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend))
        shell = Shell(gateway.config.parent, reader_environment())
        for example in EXAMPLES:
            command = here(example.command, gateway, backend)
            command = command.replace(".venv/bin/stagegate", f"{sys.executable} -m gateway")
            answer = shell.answer(command, example.expected)

            assert matches(answer, example.expected), f"$ {example.command}\n{answer}"


def test_the_sample_files_have_no_error_and_no_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--config", Path("config")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
