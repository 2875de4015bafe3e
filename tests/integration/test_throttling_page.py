"""docs/throttling.md, line by line: its files are written where it says, its commands are run."""

from __future__ import annotations

from tests.console import sample_files
from tests.integration.conftest import StartGateway
from tests.pages import play, steps
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

PAGE = ROOT / "docs" / "throttling.md"


def test_every_line_of_the_page_does_what_it_says(start_gateway: StartGateway) -> None:
    with running_backend() as backend:
        play(PAGE, start_gateway(sample_files(backend)), backend)


def test_the_page_has_files_and_commands() -> None:
    kinds = [isinstance(step, tuple) for _, step in steps(PAGE)]

    assert kinds.count(True) == 3
    assert kinds.count(False) > 15
