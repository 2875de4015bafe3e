"""How log lines reach their destinations: together, in order, whole, and bounded.

Lines of one destination are written together. Files are opened for appending, so that several
workers share one; the kernel keeps each batch whole. A pipe whose reader is slow takes what it can
take at once, in pieces that the kernel does not tear apart; the rest waits for the next flush.
When too much waits, the oldest lines are dropped and counted.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.telemetry.destinations import STDOUT
from gateway.telemetry.log_outputs import Output, open_file, standard_output

_log = logging.getLogger(__name__)

HELD_BYTES: Final = 4 * 1024 * 1024
"""Most bytes that wait for one destination."""
HELD_BYTES_IN_ALL: Final = 64 * 1024 * 1024
"""Most bytes that wait for all destinations together."""
OPEN_FILES: Final = 256
"""Files kept open; the one that was written longest ago makes room."""

STDOUT_DESCRIPTOR: Final = 1
_NEWLINE: Final = ord("\n")


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


class LogWriter:
    """Writes lines in batches and holds back what cannot be written yet. Single user."""

    def __init__(
        self,
        data_dir: Path,
        *,
        held_bytes: int = HELD_BYTES,
        stdout_descriptor: int = STDOUT_DESCRIPTOR,
    ) -> None:
        # Process
        self._data_dir = data_dir
        self._held_bytes = held_bytes
        self._stdout_descriptor = stdout_descriptor
        self._batches: dict[str, _Batch] = {}
        self._outputs: OrderedDict[str, Output] = OrderedDict()
        self.size = 0
        """Bytes that wait for all destinations."""
        self.dropped = 0
        """Lines dropped since the start."""

    def __repr__(self) -> str:
        return (
            f"<LogWriter {self.size} bytes for {len(self._batches)} destinations,"
            f" {len(self._outputs)} open, {self.dropped} lines dropped>"
        )

    def write(self, destination: str, lines: Sequence[bytes]) -> None:
        """Write lines, each ended by a newline, to `stdout` or a path; keep what finds no room."""
        batch = self._batches.get(destination)
        if batch is None:
            batch = self._batches[destination] = _Batch()
        size = sum(map(len, lines))
        batch.lines.extend(lines)
        batch.size += size
        self.size += size
        self._write(destination, batch)

    def flush(self) -> None:
        """Write what waits, as far as that is possible without waiting."""
        for destination, batch in list(self._batches.items()):
            self._write(destination, batch)

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

    def _write(self, destination: str, batch: _Batch) -> None:
        self._flush(destination, batch)
        self._bound(destination, batch)
        if not batch.size:
            # Destinations come and go with reloads: keep no trace of an empty one.
            del self._batches[destination]

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
        self.size += batch.size - before

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
        elif self.size > HELD_BYTES_IN_ALL:
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
        self.size += batch.size - before
        self.dropped += count
        if count and not batch.is_dropping:
            batch.is_dropping = True
            _log.warning("the log %s cannot keep up: the oldest lines are dropped", destination)

    def _output(self, destination: str) -> Output:
        output = self._outputs.get(destination)
        if output is not None:
            self._outputs.move_to_end(destination)
            return output
        if destination == STDOUT:
            output = standard_output(self._stdout_descriptor)
        else:
            output = open_file(self._data_dir, destination)
        self._outputs[destination] = output
        if len(self._outputs) > OPEN_FILES:
            self._outputs.popitem(last=False)[1].close()
        return output
