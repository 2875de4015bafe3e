"""docs/stage-variables.md, line by line, against a gateway that was just started."""

from __future__ import annotations

from tests.integration.conftest import StartGateway
from tests.pages import play, steps
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

PAGE = ROOT / "docs/stage-variables.md"


def test_every_line_of_the_page_does_what_it_says(start_gateway: StartGateway) -> None:
    with running_backend() as backend:
        play(PAGE, start_gateway({}, "--workers", "2"), backend)


def test_the_page_has_files_and_commands() -> None:
    kinds = [isinstance(step, tuple) for _, step in steps(PAGE)]

    assert kinds.count(True) == 1
    assert kinds.count(False) == PAGE.read_text("utf-8").count("\n$ ")
