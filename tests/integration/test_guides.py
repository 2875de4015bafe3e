"""The guides, line by line, with AWS's own clients against a gateway that was just started."""

from __future__ import annotations

import doctest
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console import (
    Shell,
    examples,
    here,
    matches,
    python_session,
    reader_environment,
    sample_files,
)
from tests.integration.conftest import StartGateway
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

GUIDES = ROOT / "docs/guides"
SESSION_SECONDS = 120.0

CALLS = 400
FEWEST, MOST = 150, 250
"""Of `CALLS` at 50 percent: five standard deviations off; a fair draw is outside once in 10^6."""


def shares(counted: str) -> dict[str, int]:
    """Return what `uniq -c` counted, by line."""
    pairs = (line.split(maxsplit=1) for line in counted.splitlines())
    return {text: int(count) for count, text in pairs}


def test_every_line_of_the_guide_to_the_aws_cli_does_what_it_says(
    start_gateway: StartGateway,
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    guide = examples(GUIDES / "aws-cli.md")
    drawn = []
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend))
        shell = Shell(gateway.config.parent, reader_environment())
        for example in guide:
            # What one worker was seen to serve, the other may not serve yet.
            gateway.wait_revision(gateway.status()["revision"])
            expected = here(example.expected, gateway, backend)
            answer = shell.answer(here(example.command, gateway, backend), expected)

            assert matches(answer, expected), f"line {example.line}: $ {example.command}\n{answer}"
            if f"[1-{CALLS}]" in example.command:
                drawn.append(shares(answer))

    assert len(guide) == (GUIDES / "aws-cli.md").read_text("utf-8").count("\n$ ")
    assert [sum(each.values()) for each in drawn] == [CALLS]
    assert FEWEST < drawn[0]["new pets, bold"] < MOST


def test_every_line_of_the_page_on_tls_does_what_it_says(start_gateway: StartGateway) -> None:
    if shutil.which("curl") is None or shutil.which("openssl") is None:
        pytest.skip("curl or openssl is not installed on this machine")
    page = ROOT / "docs/tls.md"
    guide = examples(page)
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend), "--listen-tls", "127.0.0.1:0")
        shell = Shell(gateway.config.parent, reader_environment())
        for example in guide:
            # What one worker was seen to serve, the other may not serve yet.
            gateway.wait_revision(gateway.status()["revision"])
            expected = here(example.expected, gateway, backend)
            answer = shell.answer(here(example.command, gateway, backend), expected)

            assert matches(answer, expected), f"line {example.line}: $ {example.command}\n{answer}"

    assert len(guide) == page.read_text("utf-8").count("\n$ ")


def test_every_line_of_the_guide_to_boto3_does_what_it_says(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    session = python_session(GUIDES / "boto3.md")
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend))
        page = tmp_path / "boto3.txt"
        page.write_text(here(session, gateway, backend), "utf-8")

        done = subprocess.run(
            [sys.executable, "-m", "doctest", "-f", "-o", "ELLIPSIS", page],
            env=reader_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SESSION_SECONDS,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout
    told = (GUIDES / "boto3.md").read_text("utf-8").count("\n>>> ")
    assert len(doctest.DocTestParser().get_examples(session)) == told > 0
