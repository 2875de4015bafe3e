"""What the commands read: settings, files, and the release that the files make."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gateway import configuration
from gateway.cli.merged_settings import settings_of
from gateway.clock import SystemClock
from gateway.configuration.keyring import Keyring
from gateway.errors import ConfigurationError, Problem
from gateway.release import Release
from gateway.reload import Reloader, ReloadReport
from gateway.reload.report import Capacities
from gateway.settings import Settings

_UNLIMITED: Final = Capacities(buckets=2**31, blocks=2**31, series=2**31)
"""Tables that no set of files fills: what fits a running gateway is said when it reloads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the configuration directory holds, as a gateway that starts with it would serve it."""

    release: Release
    """Without the APIs that have errors."""
    problems: tuple[Problem, ...]
    """Errors and warnings."""
    report: ReloadReport

    @property
    def error_count(self) -> int:
        """How many problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)


def load_files(settings: Settings, start: Release) -> Files:
    """Load and compile the files, on top of the release `start`, as a reload would."""
    directory = settings.config
    loaded = configuration.load(directory)
    # Whether there will be a TLS listener, a flag may say.
    keyring = Keyring(settings, SystemClock().epoch, None, is_listening=True)
    reloader = Reloader(start, _UNLIMITED, certify=keyring.certify)
    report = reloader.apply(loaded, may_be_absent=True)
    problems = report.problems
    if loaded.is_absent:
        problems = (*problems, _absent(directory))
    return Files(release=reloader.release, problems=problems, report=report)


def empty_release(settings: Settings) -> Release:
    """Return the release of a gateway that never served anything."""
    return Release(
        revision=0,
        digest="",
        region=settings.region,
        account=settings.account,
        account_rate_limit=settings.throttle.account_rate_limit,
        account_burst_limit=settings.throttle.account_burst_limit,
        throttle_shadow=settings.throttle.shadow,
    )


def served_files(arguments: argparse.Namespace) -> tuple[Settings, Files]:
    """Return the settings and what the files make, for commands that need all of it to be right.

    Raises:
        ConfigurationError: something in the settings is wrong.
    """
    settings = settings_of(arguments)
    return settings, load_files(settings, empty_release(settings))


def settings_problems(arguments: argparse.Namespace) -> tuple[Settings, tuple[Problem, ...]]:
    """Return the settings and what is wrong with them.

    Wrong ones are replaced by the defaults, but for the configuration directory.
    """
    try:
        return settings_of(arguments), ()
    except ConfigurationError as error:
        default = Settings()
        directory = arguments.config or os.environ.get("STAGEGATE_CONFIG") or default.config
        return replace(default, config=Path(directory)), error.problems


def problem_json(problem: Problem) -> Mapping[str, object]:
    """Return a problem for `--json`."""
    return {
        "severity": problem.severity,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
    }


def _absent(directory: Path) -> Problem:
    return Problem(
        "",
        f"{directory} is absent or holds no APIs, so none would be served; "
        "name another directory with --config",
        severity="warning",
    )
