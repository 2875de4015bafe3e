"""The README's `console` blocks, line by line: what it promises is what a user sees."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running_gateway import ROOT, RunningGateway

EXAMPLES = [
    (command, answer)
    for block in re.findall(
        r"```console\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    for command, answer in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@contextmanager
def sample_backend() -> Iterator[str]:
    """Run `make backend`'s program on a free port; yield its address."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "loadtests.backend", "--listen", "127.0.0.1:0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:\d+", told)
            assert found is not None, told
            yield found[0]
        finally:
            process.terminate()


def matches(answer: str, expected: str) -> bool:
    """Whether an answer is the expected one; `…` stands for anything, to the end of all lines."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, answer.strip(), re.DOTALL) is not None


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7
    assert all(answer.strip() for _, answer in EXAMPLES)


def test_every_line_of_the_readme_does_what_it_says(
    start_gateway: Callable[..., RunningGateway],
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    sample = ROOT / "config"
    with sample_backend() as backend:
        files = {
            str(path.relative_to(sample)): path.read_text("utf-8").replace(
                "127.0.0.1:9000", backend
            )
            for path in sample.rglob("*")
            if path.is_file()
        }
        gateway = start_gateway(files)
        for command, expected in EXAMPLES:
            here = (
                command.replace("127.0.0.1:8080", gateway.listen)
                .replace("127.0.0.1:8081", gateway.admin)
                .replace(".venv/bin/stagegate", f"{sys.executable} -m gateway")
            )
            done = subprocess.run(
                ["sh", "-c", here],
                cwd=gateway.config.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )

            assert matches(done.stdout, expected), f"$ {command}\n{done.stdout}{done.stderr}"


def test_the_sample_files_have_no_error_and_no_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--config", Path("config")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
