"""Notices a changed `gateway.toml`: it is reported, and needs a restart to act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.configuration.settings_file import FILE, load_settings
from gateway.errors import ConfigurationError, Problem
from gateway.inheritance import pack_settings


def settings_problems(directory: Path, started_with: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what is wrong with `gateway.toml` now, or what a restart would change.

    `started_with` are the settings, packed, that the file alone made when the gateway started.
    """
    try:
        present = load_settings(directory, {}, {})
    except ConfigurationError as error:
        return error.problems
    before, after = dict(_leaves(started_with)), dict(_leaves(pack_settings(present)))
    return tuple(
        Problem(
            name,
            f"changed from {before.get(name)} to {after.get(name)}; "
            "restart the gateway to apply it",
            str(directory / FILE),
            severity="warning",
        )
        # An address that is unset has another name than its host and port.
        for name in dict.fromkeys((*after, *before))
        if after.get(name) != before.get(name)
    )


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
