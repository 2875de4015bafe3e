"""`stagegate plan`: what a reload would change."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from gateway.cli.inputs import load_files, problem_json
from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Output
from gateway.control.persist import last_good_release
from gateway.reload import Difference, differences
from gateway.reload.differences import Change

_STYLES: Final[Mapping[Change, str]] = {
    Change.MADE: "green",
    Change.REUSED: "green",
    Change.REMOVED: "red",
    Change.MOVED: "yellow",
    Change.CHANGED: "yellow",
}


def plan(arguments: argparse.Namespace, output: Output) -> int:
    """Print what a reload would change; return 1 if a file has errors and would be held back."""
    settings = settings_of(arguments)
    served = last_good_release(settings)
    files = load_files(settings, served)
    changes = differences(served if served.revision else None, files.release)
    if arguments.json:
        output.json(
            {
                "revision": served.revision,
                "changes": [_change_json(change) for change in changes],
                "kept": list(files.report.kept),
                "problems": [problem_json(problem) for problem in files.problems],
            }
        )
        return 1 if files.error_count else 0
    if changes:
        output.table(("change", "kind", "name", "detail"), [_cells(change) for change in changes])
    else:
        since = f"revision {served.revision}" if served.revision else "an empty gateway"
        output.line(f"nothing would change against {since}", style="green")
    output.problems(files.problems)
    return 1 if files.error_count else 0


def _cells(change: Difference) -> tuple[tuple[str, str], str, str, str]:
    return (
        (change.change.value, _STYLES[change.change]),
        change.kind,
        change.name,
        change.detail,
    )


def _change_json(change: Difference) -> Mapping[str, str]:
    return {
        "change": change.change.value,
        "kind": change.kind,
        "name": change.name,
        "detail": change.detail,
    }
