"""Where a worker puts its log lines: gathered for each destination, and written by a thread.

Writing to a regular file waits for the disk whenever the kernel wants it to; a request must not.
The loop's thread gathers lines and hands them over in batches, one queue for all destinations, so
that their order stays. What the writing thread cannot keep up with is dropped and counted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from gateway.scheduling import become_batch
from gateway.telemetry.log_writer import HELD_BYTES, STDOUT_DESCRIPTOR, LogWriter

_log = logging.getLogger(__name__)

FLUSH_BYTES: Final = 65_536
"""A destination with so much gathered is handed over at once."""
QUEUE_BYTES: Final = 16 * 1024 * 1024
"""Most bytes that are handed over and not yet taken up."""
RETRY_SECONDS: Final = 0.25
"""How often the thread tries again what found no room, such as in a full pipe."""
CLOSE_SECONDS: Final = 1.0
"""How long a worker that ends waits for its last lines to be written."""

_Batch = tuple[str, list[bytes], int]
"""Destination, lines, and their bytes."""


class LineSink(Protocol):
    """Where log lines go; batched, and never waited for."""

    __slots__ = ()

    def write(self, destination: str, line: bytes) -> None:
        """Take a line that ends with a newline."""
        ...


class _Gathered:
    """Lines of one destination that are not handed over yet."""

    __slots__ = ("lines", "size")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.size = 0
        """Their bytes."""


class LogSink(LineSink):
    """Takes log lines; never waits for where they go. Single user: the worker's loop."""

    def __init__(
        self,
        data_dir: Path,
        *,
        flush_bytes: int = FLUSH_BYTES,
        held_bytes: int = HELD_BYTES,
        on_dropped: Callable[[int], None] | None = None,
        stdout_descriptor: int = STDOUT_DESCRIPTOR,
    ) -> None:
        # Process
        self._flush_bytes = flush_bytes
        self._on_dropped = on_dropped
        self._gathered: dict[str, _Gathered] = {}
        self._writing = _WriterThread(
            LogWriter(data_dir, held_bytes=held_bytes, stdout_descriptor=stdout_descriptor)
        )
        self._dropped = self._reported = 0
        self._is_behind = False

    def __repr__(self) -> str:
        return f"<LogSink {len(self._gathered)} destinations, {self.dropped} lines dropped>"

    @property
    def dropped(self) -> int:
        """Lines dropped since the start."""
        return self._dropped + self._writing.dropped

    def write(self, destination: str, line: bytes) -> None:
        """Take a line that ends with a newline, for `stdout` or a path; it is written soon."""
        try:
            gathered = self._gathered[destination]
        except KeyError:
            gathered = self._gathered[destination] = _Gathered()
        gathered.lines.append(line)
        gathered.size = size = gathered.size + len(line)
        if size >= self._flush_bytes:
            del self._gathered[destination]
            self._hand_over((destination, gathered.lines, size))

    def flush(self) -> None:
        """Hand over what was gathered, and tell how many lines were dropped."""
        gathered, self._gathered = self._gathered, {}
        for destination, each in gathered.items():
            self._hand_over((destination, each.lines, each.size))
        dropped = self.dropped
        if dropped > self._reported and self._on_dropped is not None:
            self._on_dropped(dropped - self._reported)
        self._reported = dropped

    def reopen(self) -> None:
        """Write what waits to the files as they are, and open them anew by name: after rotation."""
        self.flush()
        self._writing.reopen()

    def close(self) -> None:
        """Write what can be written within `CLOSE_SECONDS`, and give up the rest."""
        self.flush()
        if not self._writing.close(CLOSE_SECONDS):
            _log.warning("the logs are not complete: their destinations are too slow")

    def _hand_over(self, batch: _Batch) -> None:
        if self._writing.waiting_bytes + batch[2] <= QUEUE_BYTES:
            self._writing.put(batch)
            self._is_behind = False
            return
        self._dropped += len(batch[1])
        if not self._is_behind:
            self._is_behind = True
            _log.warning("logs cannot be written fast enough: lines are dropped")


class _WriterThread:
    """Owns the writer. What it is given is written in that order; it ends with the process."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._queue: SimpleQueue[_Batch | Callable[[], None] | None] = SimpleQueue()
        self._runner: threading.Thread | None = None
        # One writer each: a sum of both threads' would get lost updates.
        self._put_bytes = self._taken_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are handed over and not yet taken up."""
        return self._put_bytes - self._taken_bytes

    @property
    def dropped(self) -> int:
        """Lines that the writer dropped."""
        return self._writer.dropped

    def put(self, batch: _Batch) -> None:
        """Hand lines over; the first ones start the thread."""
        if self._runner is None:
            # A daemon: a write that hangs must not keep the process.
            self._runner = threading.Thread(target=self._run, name="logs", daemon=True)
            self._runner.start()
        self._put_bytes += batch[2]
        self._queue.put(batch)

    def reopen(self) -> None:
        """Close the files once everything before is written; the next lines open them anew."""
        if self._runner is not None:
            self._queue.put(self._writer.reopen)

    def close(self, timeout_seconds: float) -> bool:
        """End the thread; return whether everything was taken up in time."""
        if self._runner is None:
            return True
        self._queue.put(None)
        self._runner.join(timeout_seconds)
        return not self._runner.is_alive()

    def _run(self) -> None:
        # It is the loop's thread that wakes it, with requests to go on with.
        become_batch()
        while True:
            try:
                if self._step():
                    return
            except Exception:  # noqa: BLE001 (a bug with some lines must not end all logs)
                _log.exception("log lines are lost: a bug")

    def _step(self) -> bool:
        """Do what is next; return whether that was the end."""
        try:
            order = self._queue.get(timeout=RETRY_SECONDS if self._writer.size else None)
        except Empty:
            self._writer.flush()
            return False
        if order is None:
            self._writer.close()
            return True
        if isinstance(order, tuple):
            destination, lines, size = order
            try:
                self._writer.write(destination, lines)
            finally:
                self._taken_bytes += size
        else:
            order()
        return False
