"""Remembers what unchanged API files held: an edit costs the reading of one file, not of all.

A result is kept only if every file behind it was last changed well before it was read: what changes
while it is being read, or within a clock's tick of it, is read again (as git treats its index).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.configuration.api_file import ApiFile, load_api_file

SETTLED_SECONDS: Final = 2.0
"""A file that changed later than so long before it was read is read again next time. Covers coarse
time stamps, and file servers whose clock is a little off."""

_State = tuple[int, int, int, int, int]
"""Device, inode, size, and when content and inode changed, in nanoseconds."""


class ApiFileCache:
    """What API files held when they were read last. One user: the control process's reloads."""

    def __init__(
        self,
        epoch: Callable[[], float],
        load: Callable[[Path, Path], ApiFile] = load_api_file,
    ) -> None:
        """Take the clock (seconds since 1970) and what reads a file."""
        self._epoch = epoch
        self._load = load
        self._kept: dict[Path, tuple[dict[Path, _State], ApiFile]] = {}

    def __repr__(self) -> str:
        return f"<ApiFileCache {len(self._kept)} files>"

    def load_api_file(self, path: Path, directory: Path) -> ApiFile:
        """Return what `configuration.api_file.load_api_file` returns, reading only what changed."""
        kept = self._kept.get(path)
        if kept is not None and all(_state(file) == state for file, state in kept[0].items()):
            return _copy(kept[1])
        start = self._epoch()
        result = self._load(path, directory)
        states = {file: _state(file) for file in {path, *result.files}}
        settled = {
            file: state
            for file, state in states.items()
            if state is not None and max(state[3:]) < (start - SETTLED_SECONDS) * 1e9
        }
        if len(settled) == len(states):
            self._kept[path] = settled, _copy(result)
        else:
            self._kept.pop(path, None)
        return result

    def forget_others(self, paths: set[Path]) -> None:
        """Forget every file but these."""
        self._kept = {path: kept for path, kept in self._kept.items() if path in paths}


def _copy(result: ApiFile) -> ApiFile:
    """Return a copy: `load` adds to a result what is wrong between files."""
    return dataclasses.replace(result, problems=list(result.problems), files=list(result.files))


def _state(file: Path) -> _State | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
