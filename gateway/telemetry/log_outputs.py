"""What log lines are written to: files, pipes, terminals, sockets. Opening and writing never wait.

Only a regular file takes its time, which the kernel does not let anybody refuse.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path, PurePosixPath
from select import PIPE_BUF
from typing import Final, Protocol

from gateway.telemetry.destinations import is_canary_file, is_own_file

_OPEN_FLAGS: Final = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
)
"""O_NONBLOCK: a named pipe without a reader is an error, and is not waited for."""
_FILE_MODE: Final = 0o640
_DIRECTORY_MODE: Final = 0o750


class Output(Protocol):
    """An open destination."""

    most_bytes: int | None
    """Most bytes of one write; None: a batch is one write."""

    def write(self, data: bytes) -> int:
        """Write what can be written at once; return how many bytes that was.

        Raises:
            BlockingIOError: nothing can be written now.
            OSError: it failed.
        """
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class _Descriptor:
    """A file, pipe or terminal by its descriptor, which this object owns."""

    __slots__ = ("_descriptor", "most_bytes")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        # Up to PIPE_BUF bytes go into a pipe whole or not at all (pipe(7)), whoever else writes.
        self.most_bytes: int | None = None if is_file else PIPE_BUF

    def write(self, data: bytes) -> int:
        return os.write(self._descriptor, data)

    def close(self) -> None:
        os.close(self._descriptor)


class _Socket:
    """Standard output that is a socket, as under systemd."""

    __slots__ = ("_socket", "most_bytes")

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self.most_bytes: int | None = None

    def write(self, data: bytes) -> int:
        return self._socket.send(data, socket.MSG_DONTWAIT)

    def close(self) -> None:
        self._socket.close()


def standard_output(descriptor: int) -> Output:
    """Open standard output so that writes do not wait, without touching it for other processes.

    O_NONBLOCK belongs to the open file, which a shell or a supervisor shares with us; a pipe or a
    terminal is therefore opened anew.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return _Socket(os.dup(descriptor))
    if stat.S_ISREG(mode):
        return _Descriptor(os.dup(descriptor))
    try:
        again = os.open(f"/proc/self/fd/{descriptor}", _OPEN_FLAGS & ~os.O_CREAT)
    except OSError:
        # Not ours to open (another user's pipe): writes may then wait for its reader.
        again = os.dup(descriptor)
    return _Descriptor(again)


def _is_own(data_dir: Path, path: Path) -> bool:
    return path.is_relative_to(data_dir) and is_own_file(PurePosixPath(path.relative_to(data_dir)))


def open_file(data_dir: Path, destination: str) -> Output:
    """Open a file for appending: by absolute path, or below the data directory.

    Raises:
        OSError: it cannot be opened; it is a directory, a pipe without a reader, or a file of the
            gateway's own, by whatever name.
    """
    if "\0" in destination:
        raise OSError(errno.EINVAL, "a path cannot hold the character NUL")
    path = data_dir / destination
    if _is_own(data_dir.resolve(), path.resolve()):
        raise OSError(errno.EACCES, "it is a file of the gateway's own")
    if not Path(destination).is_absolute():
        if ".." in Path(destination).parts:
            raise OSError(errno.EACCES, "a relative path cannot leave the data directory")
        for parent in reversed(path.relative_to(data_dir).parents[:-1]):
            (data_dir / parent).mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    elif is_canary_file(path):
        # Beside the stage's own file, which says that somebody wants logs here.
        path.parent.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    return _Descriptor(os.open(path, _OPEN_FLAGS, _FILE_MODE))
