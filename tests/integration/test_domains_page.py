"""docs/domains.md, line by line, against a gateway that was just started."""

from __future__ import annotations

from tests.integration.conftest import StartGateway
from tests.pages import play, steps
from tests.running_gateway import ROOT

PAGE = ROOT / "docs/domains.md"


def test_every_line_of_the_page_does_what_it_says(start_gateway: StartGateway) -> None:
    play(PAGE, start_gateway({}, "--workers", "2"))


def test_the_page_has_files_and_commands() -> None:
    kinds = [isinstance(step, tuple) for _, step in steps(PAGE)]

    assert kinds.count(True) == 3
    assert kinds.count(False) == PAGE.read_text("utf-8").count("\n$ ")
