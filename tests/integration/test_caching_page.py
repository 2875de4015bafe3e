"""docs/caching.md, line by line, against a gateway that was just started."""

from __future__ import annotations

import shutil

import pytest

from tests.console import Shell, examples, here, matches, reader_environment, sample_files
from tests.integration.conftest import StartGateway
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend


def test_every_line_of_the_page_on_caching_does_what_it_says(start_gateway: StartGateway) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    page = ROOT / "docs/caching.md"
    guide = examples(page)
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend), "--workers", "2")
        shell = Shell(gateway.config.parent, reader_environment())
        for example in guide:
            answer = shell.run(here(example.command, gateway, backend))

            assert matches(answer, here(example.expected, gateway, backend)), (
                f"line {example.line}: $ {example.command}\n{answer}"
            )

    assert len(guide) == page.read_text("utf-8").count("\n$ ")
