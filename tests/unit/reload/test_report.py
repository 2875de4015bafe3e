"""Facts about what a reload tells."""

from __future__ import annotations

from gateway.errors import Problem
from gateway.reload.report import ReloadReport

WARNING = Problem("stages.dev", "odd", severity="warning")
ERROR = Problem("stages.dev", "wrong")


def report(*problems: Problem) -> ReloadReport:
    return ReloadReport(is_changed=False, revision=1, digest="", problems=problems)


def test_a_warning_holds_nothing_back() -> None:
    assert report(WARNING).is_ok
    assert report(WARNING).errors == ()


def test_an_error_does_and_is_named() -> None:
    assert not report(WARNING, ERROR).is_ok
    assert report(WARNING, ERROR).errors == (ERROR,)
