"""What is said of a directory whose API files are gone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.errors import Problem

_APIS_LISTED: Final = 20
"""Ids that one message names."""


def vanished_directory(directory: Path, api_ids: list[str]) -> Problem:
    """Return the error that the files went while the gateway runs: what was served stays."""
    return Problem(
        "",
        "the directory is absent or holds no APIs any more; what was served stays: "
        f"{_listed(api_ids)}. Bring the files back, or restart to serve none of them",
        str(directory),
    )


def unserved_apis(directory: Path, api_ids: list[str]) -> Problem:
    """Return the warning that a start found no files of what was served before."""
    return Problem(
        "",
        f"the directory is absent or holds no APIs; served no more: {_listed(api_ids)}. What they "
        "were is kept in release/previous below the data directory",
        str(directory),
        severity="warning",
    )


def _listed(api_ids: list[str]) -> str:
    more = len(api_ids) - _APIS_LISTED
    return ", ".join(api_ids[:_APIS_LISTED]) + (f" and {more} more" if more > 0 else "")
