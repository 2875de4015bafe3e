"""The processes' own log: standard logging to stderr, one line a record, whatever it holds.

Nothing here blocks a request on purpose; what could repeat with traffic goes through `RateLimited`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TextIO

from gateway.telemetry.escaping import visible

_KEYS_KEPT: Final = 1024
"""Keys that a `RateLimited` remembers; the one that was used longest ago makes room."""


class _LineFormatter(logging.Formatter):
    """`2026-11-22T12:00:00.123Z INFO worker-0 message`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        return _one_line(
            f"{_timestamp(record)} {record.levelname} {self._process} {_message(self, record)}"
        )


class _JsonFormatter(logging.Formatter):
    """One JSON object with `time`, `level`, `process`, `logger`, `message` and `traceback`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, str] = {
            "time": _timestamp(record),
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        # ASCII only: neither a line separator nor a lone surrogate gets through.
        return json.dumps(told)


def _timestamp(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + formatter.formatException(record.exc_info)
    return text


def _one_line(text: str) -> str:
    """Return text with its newlines shown as ` | `, so that tracebacks still read."""
    return " | ".join(visible(line) for line in text.splitlines())


def set_up(
    process: str,
    *,
    level: int = logging.INFO,
    is_json: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Send all records of `level` and above to stderr, under the name of this process.

    May be called again: the former set-up goes.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_JsonFormatter(process) if is_json else _LineFormatter(process))
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    # A reader of stderr that went away must not print tracebacks to that very stderr.
    logging.raiseExceptions = False


@dataclass(slots=True)
class _Allowance:
    window_end: float
    used: int = 0
    suppressed: int = 0


class RateLimited:
    """Logs at most `most` messages per key and interval; the next one tells how many were left out.

    Keys are for what must not drown one another, such as a backend's origin.
    """

    __slots__ = ("_allowances", "_interval_seconds", "_log", "_most", "_now")

    def __init__(
        self,
        log: logging.Logger,
        now: Callable[[], float],
        *,
        most: int = 1,
        interval_seconds: float = 10.0,
    ) -> None:
        self._log = log
        self._now = now
        self._most = most
        self._interval_seconds = interval_seconds
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()

    def __repr__(self) -> str:
        return (
            f"<RateLimited {self._most} per {self._interval_seconds:g} s,"
            f" {len(self._allowances)} keys>"
        )

    def warning(self, key: str, message: str, *arguments: object) -> None:
        """Log a warning, unless `key` had its share."""
        self.log(logging.WARNING, key, message, *arguments)

    def error(self, key: str, message: str, *arguments: object) -> None:
        """Log an error, unless `key` had its share."""
        self.log(logging.ERROR, key, message, *arguments)

    def log(self, level: int, key: str, message: str, *arguments: object) -> None:
        """Log at `level`, unless `key` had its share."""
        suppressed = self._admit(key)
        if suppressed is None:
            return
        if suppressed:
            self._log.log(level, message + " (%d like it left out)", *arguments, suppressed)
        else:
            self._log.log(level, message, *arguments)

    def _admit(self, key: str) -> int | None:
        """Return how many messages were left out before this one; None: leave this one out too."""
        now = self._now()
        allowance = self._allowances.get(key)
        suppressed = 0
        if allowance is None or now >= allowance.window_end:
            suppressed = 0 if allowance is None else allowance.suppressed
            allowance = self._allowances[key] = _Allowance(now + self._interval_seconds)
            if len(self._allowances) > _KEYS_KEPT:
                self._allowances.popitem(last=False)
        self._allowances.move_to_end(key)
        if allowance.used >= self._most:
            allowance.suppressed += 1
            return None
        allowance.used += 1
        return suppressed
