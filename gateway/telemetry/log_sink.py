"""Where log lines wait and how they reach their files: batched, bounded, never waited for.

Lines of one destination are written together. Files are opened for appending, so that several
workers share one; the kernel keeps each batch whole. A pipe whose reader is slow takes what it can
take at once, in pieces that the kernel does not tear apart; the rest waits for the next flush.
When too much waits, the oldest lines are dropped and counted.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from select import PIPE_BUF
from typing import Final, Protocol

from gateway.telemetry.destinations import STDOUT

_log = logging.getLogger(__name__)

FLUSH_BYTES: Final = 65_536
"""A destination with so much waiting is written at once."""
HELD_BYTES: Final = 4 * 1024 * 1024
"""Most bytes that wait for one destination."""
HELD_BYTES_IN_ALL: Final = 64 * 1024 * 1024
"""Most bytes that wait for all destinations together."""
OPEN_FILES: Final = 256
"""Files kept open; the one that was written longest ago makes room."""

_OPEN_FLAGS: Final = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
)
_FILE_MODE: Final = 0o640
_STDOUT_DESCRIPTOR: Final = 1
_NEWLINE: Final = ord("\n")


class _Output(Protocol):
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

    def close(self) -> None: ...


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


def _standard_output(descriptor: int) -> _Output:
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


class _Batch:
    """What waits for one destination."""

    __slots__ = ("is_dropping", "is_failing", "lines", "rest", "size")

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.rest = b""
        """The unwritten end of a line whose begin is written: never dropped."""
        self.size = 0
        """Bytes of `rest` and `lines`."""
        self.is_dropping = False
        self.is_failing = False

    def take(self, most_bytes: int | None) -> bytes:
        """Return whole lines for one write, at least one, at most `most_bytes` if more than one.

        They still count until `settle` says what became of them.
        """
        lines = self.lines
        if most_bytes is None:
            data = self.rest + b"".join(lines)
            lines.clear()
            return data
        pieces = [self.rest or lines.popleft()]
        room = most_bytes - len(pieces[0])
        while lines and len(lines[0]) <= room:
            room -= len(lines[0])
            pieces.append(lines.popleft())
        return b"".join(pieces)

    def settle(self, data: bytes, written: int) -> None:
        """Forget the first `written` bytes of `data`, which `take` returned; keep the others."""
        self.size -= written
        rest, self.rest = self.rest, b""
        if written == len(data):
            return
        line_start = len(rest)
        if written < line_start:
            self.rest = rest[written:]
        elif written and data[written - 1] != _NEWLINE:
            line_start = data.index(b"\n", written) + 1
            self.rest = data[written:line_start]
        else:
            line_start = written
        lines = data[line_start:].split(b"\n")[:-1]
        self.lines.extendleft(line + b"\n" for line in reversed(lines))


class LogSink:
    """Takes log lines and writes them in batches. Single user: the worker's thread."""

    def __init__(
        self,
        data_dir: Path,
        *,
        flush_bytes: int = FLUSH_BYTES,
        held_bytes: int = HELD_BYTES,
        on_dropped: Callable[[int], None] | None = None,
        stdout_descriptor: int = _STDOUT_DESCRIPTOR,
    ) -> None:
        # Process
        self._data_dir = data_dir
        self._flush_bytes = flush_bytes
        self._held_bytes = held_bytes
        self._on_dropped = on_dropped
        self._stdout_descriptor = stdout_descriptor
        self._batches: dict[str, _Batch] = {}
        self._outputs: OrderedDict[str, _Output] = OrderedDict()
        self._size = 0
        self.dropped = 0
        """Lines dropped since the start."""

    def __repr__(self) -> str:
        return (
            f"<LogSink {self._size} bytes for {len(self._batches)} destinations,"
            f" {len(self._outputs)} open, {self.dropped} lines dropped>"
        )

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait for all destinations."""
        return self._size

    def write(self, destination: str, line: bytes) -> None:
        """Take a line that ends with a newline, for `stdout` or a path; it is written soon."""
        batch = self._batches.get(destination)
        if batch is None:
            batch = self._batches[destination] = _Batch()
        batch.lines.append(line)
        size = len(line)
        before = batch.size
        batch.size = before + size
        self._size += size
        # Once each `flush_bytes`, not at each line, so that a stuck reader costs few system calls.
        if before // self._flush_bytes != batch.size // self._flush_bytes:
            self._flush(destination, batch)
            self._bound(destination, batch)

    def flush(self) -> None:
        """Write what waits, as far as that is possible without waiting."""
        for destination, batch in list(self._batches.items()):
            if batch.size:
                self._flush(destination, batch)
                self._bound(destination, batch)
            if not batch.size:
                # Destinations come and go with reloads: keep no trace of an empty one.
                del self._batches[destination]

    def reopen(self) -> None:
        """Write what waits to the files as they are, and open them anew by name: after rotation."""
        self.flush()
        self._close_all()

    def close(self) -> None:
        """Write what can be written, and give up the rest."""
        self.flush()
        for destination, batch in self._batches.items():
            self._drop(destination, batch, down_to=0)
        self._batches.clear()
        self._close_all()

    def _close_all(self) -> None:
        while self._outputs:
            self._outputs.popitem()[1].close()

    def _flush(self, destination: str, batch: _Batch) -> None:
        before = batch.size
        try:
            output = self._output(destination)
            while batch.size:
                data = batch.take(output.most_bytes)
                written = 0
                try:
                    written = output.write(data)
                finally:
                    batch.settle(data, written)
                if written < len(data):
                    break
            batch.is_failing = False
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(destination, batch, error)
        self._size += batch.size - before

    def _failed(self, destination: str, batch: _Batch, error: OSError) -> None:
        """Say so once; the lines wait until the destination works again or too many wait."""
        output = self._outputs.pop(destination, None)
        if output is not None:
            output.close()
        if not batch.is_failing:
            batch.is_failing = True
            _log.error(
                "cannot write the log %s: %s; lines wait, up to %d bytes",
                destination,
                error.strerror or error,
                self._held_bytes,
            )

    def _bound(self, destination: str, batch: _Batch) -> None:
        if batch.size > self._held_bytes:
            # An eighth at once, so that a stuck reader does not cost a system call a line.
            self._drop(destination, batch, down_to=self._held_bytes * 7 // 8)
        elif self._size > HELD_BYTES_IN_ALL:
            self._drop(destination, batch, down_to=0)
        elif batch.is_dropping and batch.size < self._held_bytes // 2:
            batch.is_dropping = False
            _log.warning(
                "the log %s is complete again; lines dropped: %d", destination, self.dropped
            )

    def _drop(self, destination: str, batch: _Batch, *, down_to: int) -> None:
        before = batch.size
        count = 0
        while batch.lines and batch.size > down_to:
            batch.size -= len(batch.lines.popleft())
            count += 1
        self._size += batch.size - before
        self.dropped += count
        if count and self._on_dropped is not None:
            self._on_dropped(count)
        if count and not batch.is_dropping:
            batch.is_dropping = True
            _log.warning("the log %s cannot keep up: the oldest lines are dropped", destination)

    def _output(self, destination: str) -> _Output:
        output = self._outputs.get(destination)
        if output is not None:
            self._outputs.move_to_end(destination)
            return output
        if destination == STDOUT:
            output = _standard_output(self._stdout_descriptor)
        else:
            output = _Descriptor(self._open_file(destination))
        self._outputs[destination] = output
        if len(self._outputs) > OPEN_FILES:
            self._outputs.popitem(last=False)[1].close()
        return output

    def _open_file(self, destination: str) -> int:
        path = self._data_dir / destination
        if not Path(destination).is_absolute():
            if ".." in Path(destination).parts:
                raise OSError(errno.EACCES, "a relative path cannot leave the data directory")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        return os.open(path, _OPEN_FLAGS, _FILE_MODE)
