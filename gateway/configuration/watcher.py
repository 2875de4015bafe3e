"""Tells when the files of a config directory have changed.

inotify (through watchfiles) says when to look; what the files look like decides whether something
changed: editors' rename-on-save, swapped symlinks and a directory that goes and comes back all show
there. A look every second finds what inotify misses (network mounts, files outside the directory).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final

from watchfiles import awatch

from gateway.configuration.reading import is_ignored

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""How often to look when inotify is silent."""

QUIET_MILLISECONDS: Final = 60
"""A burst of changes has ended when nothing happened for so long."""

BURST_MILLISECONDS: Final = 400
"""A burst that does not end is looked at all the same."""

FILES_MAX: Final = 20_000
DEPTH_MAX: Final = 8

_NOT_THERE: Final = (0, 0, 0)
_LEADS_NOWHERE: Final = -1
"""In place of a size, which is never negative."""

Fingerprint = frozenset[tuple[str, int, int, int]]
"""Path, inode, size and time of change in nanoseconds of every file."""


class Watcher:
    """Watches one config directory. `extra` files, anywhere, are looked at too."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.extra: tuple[Path, ...] = ()
        """Files that were read and may lie outside the directory. Written by whoever loads."""
        self._seen = self._look()

    def __repr__(self) -> str:
        return f"<Watcher {self._directory}, {len(self._seen)} files>"

    async def changes(self) -> AsyncIterator[None]:
        """Yield once after each burst of changes, for ever."""
        while True:
            async for _ in self._moments():
                seen = await asyncio.to_thread(self._look)
                if seen != self._seen:
                    self._seen = seen
                    yield

    def _look(self) -> Fingerprint:
        return fingerprint(self._directory, self.extra)

    async def _moments(self) -> AsyncIterator[None]:
        """Yield whenever it is time to look; ends when the directory is another than before."""
        identity = _identity_if_there(self._directory)
        if identity is None:
            await asyncio.sleep(LOOK_SECONDS)
            yield
            return
        try:
            async for _ in awatch(
                self._directory,
                watch_filter=None,
                debounce=BURST_MILLISECONDS,
                step=QUIET_MILLISECONDS,
                rust_timeout=int(LOOK_SECONDS * 1000),
                yield_on_timeout=True,
                recursive=True,
            ):
                yield
                if _identity_if_there(self._directory) != identity:
                    return
        except Exception as error:  # noqa: BLE001 (the library raises groups of its own kinds)
            # It vanished meanwhile, a name in it is no text, or the system has no more watches.
            _log.debug("cannot watch %s: %s", self._directory, error)
            await asyncio.sleep(LOOK_SECONDS)
            yield


def fingerprint(directory: Path, extra: Iterable[Path] = ()) -> Fingerprint:
    """Return what the files look like from outside; symbolic links count as what they lead to."""
    found: set[tuple[str, int, int, int]] = set()
    for path in _files(str(directory), DEPTH_MAX, set()):
        _add(path, found)
        if len(found) >= FILES_MAX:
            _log.warning(
                "%s holds more than %d files; the rest is not watched", directory, FILES_MAX
            )
            break
    for each in extra:
        _add(str(each), found)
    return frozenset(found)


def _add(path: str, found: set[tuple[str, int, int, int]]) -> None:
    try:
        status = os.stat(path)  # noqa: PTH116 (thousands a second: no object for each)
    except OSError:
        found.add((path, *_without_target(path)))
    else:
        found.add((path, status.st_ino, status.st_size, status.st_mtime_ns))


def _without_target(path: str) -> tuple[int, int, int]:
    """Tell what leads to nowhere, which is a broken file, from what is not there at all."""
    try:
        status = os.lstat(path)
    except OSError:
        return _NOT_THERE
    return status.st_ino, _LEADS_NOWHERE, status.st_mtime_ns


def _files(directory: str, depth: int, visited: set[tuple[int, int]]) -> Iterator[str]:
    """Yield every file below a directory; directories that links lead to again count once."""
    try:
        identity = _identity(directory)
        entries = [] if identity in visited else list(os.scandir(directory))
    except OSError:
        return
    visited.add(identity)
    for entry in entries:
        if is_ignored(entry.name):
            continue
        if not _is_directory(entry):
            yield entry.path
        elif depth:
            yield from _files(entry.path, depth - 1, visited)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """A link in a loop, or to where nobody may look, is a broken file like any other."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 (as above)
    return status.st_dev, status.st_ino


def _identity_if_there(directory: Path) -> tuple[int, int] | None:
    try:
        return _identity(str(directory))
    except OSError:
        return None
