"""A backend that sends exactly the bytes it is told to, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from gateway.driver import Drive

T = TypeVar("T")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""What it answers when its script has ended."""


class Move(Enum):
    """What it does besides sending bytes."""

    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"
    """Nothing more, until the other side closes."""
    BYTEWISE = "bytewise"
    """Send the bytes that follow one by one."""


Step = bytes | Move | asyncio.Event
"""Bytes to send, a move, or an event to wait for."""


@dataclass
class RawBackend:
    """Answers the nth request, over all connections, with the nth script; then always with OK."""

    scripts: list[tuple[Step, ...]] = field(default_factory=list)
    reads_bodies: bool = True
    """Whether it waits for the request's body before it answers."""
    head_end: bytes = b"\r\n\r\n"
    """What ends the head of a request."""
    received: list[bytearray] = field(default_factory=list)
    """Everything that came, by connection."""
    requests: int = 0
    port: int = 0
    ended: list[asyncio.Event] = field(default_factory=list)
    """By connection: set when the gateway's side has closed it."""
    _server: asyncio.Server | None = None
    _tasks: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def start(self) -> RawBackend:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close everything."""
        assert self._server is not None
        # A connection just made gets its handler in the loop's next turns. Python 3.11 would leak
        # it if the server were closed before that.
        await _turns()
        self._server.close()
        for task in self._tasks:
            if task is not None:
                task.cancel()
        for ended in self.ended:
            await ended.wait()
        # So do aborted transports get their end.
        await _turns()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        received = bytearray()
        self.received.append(received)
        ended = asyncio.Event()
        self.ended.append(ended)
        try:
            while await self._exchange(reader, writer, received):
                pass
            received += await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # It ends here in any case; a cancelled stream task would be logged.
        finally:
            writer.transport.abort()
            ended.set()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray
    ) -> bool:
        head = await reader.readuntil(self.head_end)
        received += head
        if self.reads_bodies:
            received += await _body(reader, head)
        script = self.scripts[self.requests] if self.requests < len(self.scripts) else (OK,)
        self.requests += 1
        is_bytewise = False
        for step in script:
            match step:
                case asyncio.Event():
                    await step.wait()
                case Move.CLOSE:
                    writer.close()
                    return False
                case Move.RESET:
                    _linger_not(writer)
                    writer.transport.abort()
                    return False
                case Move.HANG:
                    received += await reader.read()
                    return False
                case Move.BYTEWISE:
                    is_bytewise = True
                case bytes():
                    for piece in _pieces(step) if is_bytewise else (step,):
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
        return True


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _pieces(raw: bytes) -> Iterable[bytes]:
    return (raw[i : i + 1] for i in range(len(raw)))


def _linger_not(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Read the body that a head announces, raw."""
    if length := re.search(rb"(?i)content-length: *([0-9]+)", head):
        return await reader.readexactly(int(length[1]))
    if re.search(rb"(?i)transfer-encoding: *chunked", head):
        return await reader.readuntil(b"0\r\n\r\n")
    return b""


def drive(work: Awaitable[T]) -> asyncio.Future[T]:
    """Run work as the server does, by hand; the future gets its result."""
    return driven(work)[1]


def driven(work: Awaitable[T]) -> tuple[Drive[T], asyncio.Future[T]]:
    """Do what `drive` does, and return what can close it, too."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    # A test may end without asking: asyncio would complain of that whenever garbage is collected.
    future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    run = Drive(_result(work), future.set_result, future.set_exception)
    run.step()
    return run, future


async def _result(work: Awaitable[T]) -> T:
    return await work


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; a test that waits in vain ends by its time-out."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 (what it waits for knows no events)
            await asyncio.sleep(0.001)


def run(
    scenario: Callable[[], Awaitable[None]], loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Run a scenario on a loop of a kind, with a bound on its time."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(bounded())
