"""`stagegate check`: every problem of the files, with its place."""

from __future__ import annotations

import argparse

from gateway.cli.inputs import (
    empty_release,
    load_files,
    problem_json,
    settings_problems,
)
from gateway.cli.output import Output, counted
from gateway.release import Release


def check(arguments: argparse.Namespace, output: Output) -> int:
    """Print every error and warning; return 1 if there is an error."""
    settings, wrong_settings = settings_problems(arguments)
    files = load_files(settings, empty_release(settings))
    problems = (*wrong_settings, *files.problems)
    errors = sum(problem.severity == "error" for problem in problems)
    if arguments.json:
        output.json(
            {
                "errors": errors,
                "warnings": len(problems) - errors,
                "problems": [problem_json(problem) for problem in problems],
                **{kind.lower(): count for kind, count in _counts(files.release).items()},
            }
        )
        return 1 if errors else 0
    output.problems(problems)
    counts = ", ".join(counted(count, kind) for kind, count in _counts(files.release).items())
    if errors:
        output.line(f"{counted(errors, 'errors')}; without them: {counts}", style="bold red")
        return 1
    output.line(f"fine: {counts}", style="green")
    return 0


def _counts(release: Release) -> dict[str, int]:
    return {
        "APIs": len(release.stages),
        "stages": sum(len(stages) for stages in release.stages.values()),
        "methods": sum(
            len(resource.methods)
            for deployment in release.deployments.values()
            for resource in deployment.definition.resources
        ),
        "domains": len(release.domains),
    }
