"""For tests of the client side: a transport, a loop and a service that are moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from gateway.clock import IdMinter
from gateway.driver import Waiter
from gateway.errors import Fault
from gateway.messages import Exchange, InvocationRequest, InvocationResponse
from gateway.server.connection import ClientConnection
from gateway.server.deadlines import Deadlines
from gateway.server.edge import Edge
from gateway.settings import Limits, Timeouts
from gateway.streams import BodyError, BodyStream
from tests.builders import FakeClock

HOST = b"Host: api.execute-api.localhost\r\n"
GET = b"GET /prod/pets HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"POST /prod/pets HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


def post(body: bytes) -> bytes:
    """Return a request with a Content-Length."""
    return (
        b"POST /prod/pets HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


class FakeTimer(asyncio.TimerHandle):
    """A call that a `FakeLoop` makes when its clock has come so far."""


class FakeLoop:
    """A loop whose time is moved by hand. Only what connections use."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.timers: list[FakeTimer] = []
        self.soon: list[Callable[[], object]] = []

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This, as what it pretends to be."""
        return cast("asyncio.AbstractEventLoop", self)

    def get_debug(self) -> bool:
        return False

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> FakeTimer:
        timer = FakeTimer(self.clock.time + delay, callback, args, self.as_loop)
        self.timers.append(timer)
        return timer

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        self.soon.append(lambda: callback(*args))
        return asyncio.Handle(callback, args, self.as_loop)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self.timers = [timer for timer in self.timers if timer is not handle]

    def advance(self, seconds: float) -> None:
        """Let time pass, and call what becomes due, in order."""
        end = self.clock.time + seconds
        while True:
            due = [timer for timer in self.timers if timer.when() <= end]
            if not due:
                break
            first = min(due, key=FakeTimer.when)
            self.timers.remove(first)
            self.clock.time = max(self.clock.time, first.when())
            first._run()
        self.clock.time = end

    def run_soon(self) -> None:
        """Call what was asked to be called soon, until nothing is left."""
        while self.soon:
            self.soon.pop(0)()


class FakeTransport(asyncio.Transport):
    """Keeps what is written, and whether reading is paused."""

    def __init__(self, peer: str = "192.0.2.7") -> None:
        super().__init__({"peername": (peer, 50_000), "sockname": ("127.0.0.1", 8080)})
        self.written = bytearray()
        self.writes = 0
        self.unsent = 0
        self.reads = True
        self.is_eof_written = False
        self.is_closed = False
        self.is_aborted = False
        self.limits: tuple[int | None, int | None] = (None, None)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_eof_written, "written after the end"
        if not self.is_closing():
            self.written += data
            self.writes += 1

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_eof_written = True

    def pause_reading(self) -> None:
        assert self.reads, "paused twice"
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.reads, "resumed twice"
        self.reads = True

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class Collected:
    """What a sink got."""

    def __init__(self) -> None:
        self.data = b""
        self.is_finished = False
        self.error: BodyError | None = None

    def body_chunk(self, chunk: bytes) -> None:
        self.data += chunk

    def body_finished(self) -> None:
        self.is_finished = True

    def body_failed(self, error: BodyError) -> None:
        self.error = error


@dataclass
class FakeService:
    """Answers each request with what it saw: method, target, host and body, one line each.

    `reply` replaces that answer; `gate` makes every answer wait.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    reply: Callable[[Exchange], InvocationResponse] | None = None
    gate: Waiter[None] | None = None
    reads_body: bool = True
    requests: list[InvocationRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    recorded: list[Exchange] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    cut_short: int = 0
    """Answers that were stopped before they were made."""

    def open(self, request: InvocationRequest) -> Exchange:
        self.requests.append(request)
        number = len(self.requests)
        return Exchange(request, f"request-{number}", f"extended-{number}=", self.clock.now(), 0.0)

    def refuse(self, exchange: Exchange, fault: Fault) -> InvocationResponse:
        return InvocationResponse(502, b"", f"{exchange.request_id}: {fault}".encode())

    async def _answer(self, exchange: Exchange) -> InvocationResponse:
        request = exchange.request
        try:
            if self.gate is not None:
                await self.gate
            body = b""
            if request.body is not None and self.reads_body:
                body = await request.body.collect(100_000_000)
        except GeneratorExit:
            self.cut_short += 1
            raise
        self.bodies.append(body)
        if self.reply is not None:
            return self.reply(exchange)
        seen = f"{request.method} {request.target} {request.host} ".encode() + body
        return InvocationResponse(200, b"Content-Type: text/plain\r\n", seen)

    def answer(self, exchange: Exchange) -> Coroutine[Any, Any, InvocationResponse]:
        return self._answer(exchange)

    def record(self, exchange: Exchange) -> None:
        assert exchange not in self.recorded, "recorded twice"
        self.recorded.append(exchange)

    def refused(self, reason: str) -> None:
        self.refusals.append(reason)


class Client:
    """One client of an `Edge` of its own: bytes in, bytes out, no socket."""

    def __init__(
        self,
        service: FakeService | None = None,
        *,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        trusted_proxies: tuple[str, ...] = (),
        peer: str = "192.0.2.7",
    ) -> None:
        self.service = service or FakeService()
        self.clock = self.service.clock
        self.loop = FakeLoop(self.clock)
        self.edge = Edge(
            service=self.service,
            limits=limits or Limits(connections=100),
            timeouts=timeouts or Timeouts(),
            trusted_proxies=trusted_proxies,
            clock=self.clock,
            ids=IdMinter(bytes),
            loop=self.loop.as_loop,
            deadlines=Deadlines(self.loop.as_loop, self.clock),
        )
        self.transport = FakeTransport(peer)
        self.connection = ClientConnection(self.edge)
        self.connection.connection_made(self.transport)

    def send(self, *segments: bytes) -> bytes:
        """Deliver segments, as long as the connection reads; return what was written then."""
        start = len(self.transport.written)
        for segment in segments:
            if not self.transport.is_closing():
                self.connection.data_received(segment)
        return bytes(self.transport.written[start:])

    def lose(self) -> None:
        """End the connection, as the transport does."""
        self.connection.connection_lost(None)

    @property
    def is_open(self) -> bool:
        """Whether another request would be served."""
        return not self.transport.is_closing() and not self.transport.is_eof_written


def bytewise(data: bytes) -> list[bytes]:
    """Return one segment per byte."""
    return [data[index : index + 1] for index in range(len(data))]


@dataclass
class Answer:
    """An answer, taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes


def answers(data: bytes) -> list[Answer]:
    """Take apart answers that follow each other; fails on anything that is not one."""
    found: list[Answer] = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, f"no whole head in {head!r}"
        status_line, *lines = head.decode().split("\r\n")
        assert status_line.startswith("HTTP/1.1 ")
        status = int(status_line.split(" ")[1])
        names = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        assert len(names) == len(lines), "a header came twice"
        body = b""
        if names.get("transfer-encoding") == "chunked":
            while True:
                size, _, data = data.partition(b"\r\n")
                piece, data = data[: int(size, 16)], data[int(size, 16) :]
                assert data.startswith(b"\r\n")
                data = data[2:]
                body += piece
                if not piece:
                    break
        elif "content-length" in names:
            length = int(names["content-length"])
            body, data = data[:length], data[length:]
            assert len(body) == length
        elif status >= 200 and status != 204:
            body, data = data, b""
        found.append(Answer(status, names, body))
    return found


class Feeding:
    """A BodyStream that a test feeds, and what its producer was told."""

    def __init__(self, length: int | None = None) -> None:
        self.calls: list[str] = []
        self.stream = BodyStream(self, length)

    def pause_body(self) -> None:
        self.calls.append("pause")

    def resume_body(self) -> None:
        self.calls.append("resume")

    def abandon_body(self) -> None:
        self.calls.append("abandon")
