"""An open-loop load: requests leave when they are due, whether or not earlier ones are answered.

Latency counts from the moment a request was due, so that a server which stalls is charged for all
that would have arrived meanwhile (no coordinated omission). A kernel timer wakes the generator for
each due time: the event loop's own timers have steps of a millisecond.

`python -m loadtests.bench.open_loop http://127.0.0.1:8080/path --rate 2000 --seconds 10`
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import re
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import uvloop

from loadtests.bench.histogram import Histogram

GRACE_SECONDS: Final = 5.0
"""For answers that are outstanding when the last request has left."""
OUTSTANDING_MAX: Final = 1_000_000
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOCK_MONOTONIC: Final = 1
_TFD_NONBLOCK: Final = 0o4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send, and how often."""

    host: str
    port: int
    request: bytes
    rate: float
    """Requests per second."""
    seconds: float
    connections: int


def request_bytes(method: str, target: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return a request without a body."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Connection(asyncio.Protocol):
    """A client connection with at most one request in flight."""

    def __init__(self, owner: Generator) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._due = 0.0
        self._received = b""
        self.is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, due: float) -> None:
        """Send the request that was due then."""
        assert self._transport is not None
        self._due = due
        self.is_busy = True
        self._transport.write(self._owner.load.request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        status = complete_answer(received)
        if status is None:
            return
        self._received = b""
        if not self.is_busy:
            self._owner.failed("an answer that nobody asked for")
            return
        self.is_busy = False
        self._owner.answered(self, status, self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.lost(self, self._due if self.is_busy else None, exc)

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


def complete_answer(received: bytes) -> int | None:
    """Return the status of an answer that is complete, else None."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    status = int(received[9:12])
    if status in (204, 304):
        return status
    head = received[: end + 2]
    length = _LENGTH.search(head)
    if length is not None:
        return status if len(received) >= end + 4 + int(length[1]) else None
    if _CHUNKED.search(head):
        return status if received.endswith(b"0\r\n\r\n") else None
    return status


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """Send a request on a connection that waits, and return its whole answer.

    Raises:
        OSError: there is none.
    """
    connection.sendall(request)
    received = b""
    while complete_answer(received) is None:
        more = connection.recv(65_536)
        if not more:
            raise ConnectionError("the connection ended before an answer")
        received += more
    return received


class Generator:
    """Sends one load and keeps count."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.latencies = Histogram()
        self.lags = Histogram()
        """How late the generator itself was, where a connection was free."""
        self.statuses: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()
        self.first = self.last = 0.0
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._waiting: deque[float] = deque()
        self._sent = 0
        self._is_over = False
        self._done = asyncio.get_running_loop().create_future()
        self._dials: set[asyncio.Task[None]] = set()

    async def run(self) -> dict[str, Any]:
        """Send everything; return the counts and percentiles as JSON values."""
        for _ in range(self.load.connections):
            await self._dial()
        loop = asyncio.get_running_loop()
        timer = _timer(1 / self.load.rate)
        self._start = time.monotonic() + 0.01
        self._total = max(1, round(self.load.rate * self.load.seconds))
        loop.add_reader(timer, self._tick, timer)
        try:
            await asyncio.wait_for(self._done, self.load.seconds + GRACE_SECONDS)
        except TimeoutError:
            self.failures["no answer in time"] += self._outstanding()
        finally:
            loop.remove_reader(timer)
            os.close(timer)
            self._is_over = True
            for connection in tuple(self._open):
                connection.close()
        return self._report()

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self), self.load.host, self.load.port
            )
        except OSError as error:
            self.failed(f"connect: {error.strerror or error}")
            return
        self._open.add(connection)
        self._free(connection)

    def _tick(self, timer: int) -> None:
        os.read(timer, 8)
        now = time.monotonic()
        while self._sent < self._total:
            due = self._start + self._sent / self.load.rate
            if due > now:
                return
            self._sent += 1
            self.last = now
            self.first = self.first or now
            if self._idle:
                self.lags.record(now - due)
                self._idle.pop().send(due)
            elif len(self._waiting) < OUTSTANDING_MAX:
                self._waiting.append(due)
            else:
                self.failed("too many outstanding")
        self._finish_if_over()

    def _free(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def answered(self, connection: Connection, status: int, due: float) -> None:
        """Count an answer."""
        self.latencies.record(time.monotonic() - due)
        self.statuses[status] += 1
        self._free(connection)
        self._finish_if_over()

    def failed(self, why: str) -> None:
        """Count a failure."""
        self.failures[why] += 1

    def lost(self, connection: Connection, due: float | None, error: Exception | None) -> None:
        """Replace a connection that ended; a request on it has failed."""
        if self._is_over:
            return
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if due is not None:
            self.latencies.record(time.monotonic() - due)
            self.failed(f"connection lost: {error or 'closed'}")
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._dial())
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)
        self._finish_if_over()

    def _outstanding(self) -> int:
        return len(self._waiting) + sum(connection.is_busy for connection in self._open)

    def _finish_if_over(self) -> None:
        if self._sent >= self._total and not self._outstanding() and not self._done.done():
            self._done.set_result(None)

    def _report(self) -> dict[str, Any]:
        return {
            "sent": self._sent,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "failures": dict(self.failures),
            "first": self.first,
            "last": self.last,
            "latency_seconds": self.latencies.percentiles() | {"max": self.latencies.longest},
            "generator_lag_seconds": self.lags.percentiles() | {"max": self.lags.longest},
        }


def _timer(period_seconds: float) -> int:
    """Return a descriptor that can be read each time a period has passed.

    Python itself has these timers from 3.13 on.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    seconds, nanoseconds = divmod(max(50_000, round(period_seconds * 1e9)), 1_000_000_000)
    period = struct.pack("@4l", seconds, nanoseconds, seconds, nanoseconds)
    if libc.timerfd_settime(descriptor, 0, period, None) < 0:
        raise OSError(ctypes.get_errno(), "timerfd_settime")
    return descriptor


async def _run(load: Load) -> dict[str, Any]:
    return await Generator(load).run()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no header; write 'Name: value'")
    return name, value.strip()


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0 and below 1e7")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a load and print its report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.open_loop")
    parser.add_argument("url")
    parser.add_argument("--rate", type=_positive, default=2000.0, help="requests per second")
    parser.add_argument("--seconds", type=_positive, default=10.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("-H", "--header", type=_header, action="append", default=[])
    given = parser.parse_args(arguments)
    url = urlsplit(given.url)
    if url.scheme != "http" or not url.hostname:
        parser.error(f"{given.url!r}: only http://HOST:PORT/PATH can be loaded")
    names = {name.lower() for name, _ in given.header}
    host = [] if "host" in names else [("Host", url.netloc)]
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    load = Load(
        host=url.hostname,
        port=url.port or 80,
        request=request_bytes("GET", target, [*host, *given.header]),
        rate=given.rate,
        seconds=given.seconds,
        connections=given.connections,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(runner.run(_run(load)), sys.stdout)
    return 0


if __name__ == "__main__":
    # A collection would be charged to whoever is asked; a load is bounded, and so is its garbage.
    gc.disable()
    sys.exit(main())
