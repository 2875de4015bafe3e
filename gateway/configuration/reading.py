"""Files → sources: the only place where configuration touches the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from gateway.configuration.yaml_source import SOURCE_BYTES, Positions, Source, parse
from gateway.errors import Problem

SUFFIXES: Final = (".yaml", ".yml")


def read_source(path: Path) -> Source:
    """Read and parse a YAML file; what cannot be read becomes a problem of the source."""
    try:
        content = read_bounded(path, SOURCE_BYTES + 1)
    except OSError as error:
        problem = Problem("", f"cannot be read: {error.strerror or error}", str(path))
        return Source(None, Positions(None), (problem,))
    return parse(content, str(path))


def read_bounded(path: Path, limit: int) -> bytes:
    """Return at most `limit` bytes of a regular file.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    # Non-blocking, so that a named pipe is refused instead of waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor, not a path)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "is no regular file")
        return file.read(limit)


def warning_of_key(path: Path) -> str:
    """Return what to say of a file that holds a private key and is open to all; empty: nothing."""
    try:
        is_public = bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return ""
    return (
        "can be read by every user of this machine and holds a private key; chmod 600"
        if is_public
        else ""
    )


def is_ignored(name: str) -> bool:
    """Return whether an entry is none of the user's: hidden, an editor's, or a mounted volume's.

    Mounted ConfigMaps keep their content under `..data` and swap that link.
    """
    return name.startswith((".", "#")) or name.endswith(("~", ".swp", ".swx", ".tmp", ".bak"))
