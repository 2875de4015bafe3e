"""Facts about the control port's connections, and about the private API of aiohttp they stand on.

Clients are streams on real sockets; time-outs are set so short that nobody has to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.clock import SystemClock
from gateway.control.admin_bounds import AdminBounds
from gateway.control.admin_listener import AdminListener
from gateway.control.api.service import error_answer

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Port:
    """A control port with one path, `/healthz`, and one that waits, `/wait`."""

    def __init__(self) -> None:
        self.address = ("", 0)
        self.waits = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def connect(self) -> Peer:
        return await asyncio.open_connection(*self.address)

    async def ask(self, data: bytes) -> bytes:
        """Return all that comes until the end of the connection."""
        reader, writer = await self.connect()
        writer.write(data)
        return await read_all((reader, writer))


async def read_all(peer: Peer) -> bytes:
    reader, writer = peer
    answer = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            answer += chunk
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


@contextlib.asynccontextmanager
async def serving(bounds: AdminBounds | None = None) -> AsyncIterator[Port]:
    port = Port()

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="fine")

    async def wait(_request: web.Request) -> web.Response:
        port.waits.set()
        await port.may_answer.wait()
        return web.Response(text="waited")

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(32 * 2**20))

    async def broken(_request: web.Request) -> web.Response:
        raise ValueError("a bug")

    application = web.Application()
    application.router.add_route("*", "/healthz", healthz)
    application.router.add_get("/wait", wait)
    application.router.add_get("/large", large)
    application.router.add_get("/broken", broken)
    listener = AdminListener(application, error_answer, SystemClock(), bounds)
    listening = socket.create_server(("127.0.0.1", 0))
    port.address = listening.getsockname()
    await listener.start(listening)
    try:
        yield port
    finally:
        port.may_answer.set()
        await listener.close()


def test_aiohttp_has_the_private_api_that_this_relies_on() -> None:
    parameters = inspect.signature(web.RequestHandler._handle_request).parameters

    assert [*parameters] == ["self", "request", "start_time", "request_handler"]
    assert "_request_count" in web.RequestHandler.__slots__


async def test_requests_of_one_connection_are_answered_in_order() -> None:
    async with serving() as port:
        answer = await port.ask(2 * (HEAD + b"\r\n") + HEAD + b"Connection: close\r\n\r\n")

        assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_head_that_does_not_end_is_answered_408() -> None:
    async with serving(AdminBounds(header_seconds=0.05)) as port:
        answer = await port.ask(HEAD)

        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"x-amzn-ErrorType: RequestTimeoutException\r\n" in answer
        assert answer.endswith(b'{"message":"The head came too slowly"}')


async def test_further_bytes_do_not_buy_a_head_more_time() -> None:
    async with serving(AdminBounds(header_seconds=0.3, idle_seconds=20)) as port:
        reader, writer = await port.connect()
        asking = asyncio.ensure_future(read_all((reader, writer)))  # noqa: TID251 (no gateway here)
        writer.write(HEAD + b"X: ")
        while not asking.done():
            writer.write(b"y")
            await asyncio.sleep(0.01)

        # What it sent after the answer may have taken the answer's place.
        answer = await asking
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


async def test_who_says_nothing_is_closed_without_a_word() -> None:
    async with serving(AdminBounds(idle_seconds=0.05)) as port:
        assert await port.ask(b"") == b""


async def test_who_asks_no_more_is_closed() -> None:
    async with serving(AdminBounds(keep_alive_seconds=0.05)) as port:
        answer = await port.ask(HEAD + b"\r\n")

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"fine")


async def test_a_second_head_is_timed_too() -> None:
    async with serving(AdminBounds(header_seconds=0.05)) as port:
        reader, writer = await port.connect()
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"fine")
        writer.write(HEAD)

        assert (await read_all((reader, writer))).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with serving(AdminBounds(stall_seconds=0.05)) as port:
        reader, writer = await port.connect()
        writer.write(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # Nothing is read until the server has given up: the stream's buffer is soon full.
        transport = writer.transport
        while not transport.is_closing():
            writer.write(b"\r\n")
            await asyncio.sleep(0.01)

        answer = await read_all((reader, writer))
        assert len(answer) < 32 * 2**20


async def test_a_body_that_nobody_wants_is_not_waited_for_long() -> None:
    async with serving(AdminBounds(linger_seconds=0.05)) as port:
        head = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        answer = await port.ask(head + b"x" * 70_000)

        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.endswith(b"fine")


@pytest.mark.parametrize(
    "more",
    [
        b"".join(b"X-%d: %s\r\n" % (index, b"x" * 900) for index in range(80)),
        b"X: " + b"x" * 17_000 + b"\r\n\r\n",
        b"X: y\r\n" * 101 + b"\r\n",
    ],
    ids=["in all", "one", "many"],
)
async def test_a_head_that_is_too_large_is_answered_431(more: bytes) -> None:
    async with serving() as port:
        reader, writer = await port.connect()
        for start in range(0, len(HEAD + more), 8192):
            writer.write((HEAD + more)[start : start + 8192])
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        answer = await read_all((reader, writer))

        assert answer[:8] in (b"HTTP/1.0", b"HTTP/1.1")
        assert answer[8:].startswith(b" 431 Request Header Fields Too Large\r\n")
        assert b"x-amzn-ErrorType: RequestHeaderSectionTooLargeException\r\n" in answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
async def test_what_is_malformed_is_400_and_no_traceback(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as port:
        answer = await port.ask(data)

    # aiohttp answers in the version that it could read: none.
    assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n"), answer
    assert b"x-amzn-ErrorType: BadRequestException\r\n" in answer
    records = [each for each in caplog.records if each.levelno >= logging.INFO]
    assert [each.exc_info for each in records] == [None]
    assert "well-formed" in records[0].getMessage()


async def test_a_bug_is_500_without_detail_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as port:
        answer = await port.ask(b"GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.endswith(b'{"message":"Internal server error"}')
    assert "ValueError: a bug" in caplog.text


async def test_over_the_bound_the_one_that_waited_longest_goes() -> None:
    async with serving(AdminBounds(connections=2)) as port:
        first, second = await port.connect(), await port.connect()
        first[1].write(HEAD + b"\r\n")
        await first[0].readuntil(b"fine")
        third = await port.connect()
        third[1].write(HEAD + b"\r\n")
        await third[0].readuntil(b"fine")

        assert await read_all(second) == b""
        first[1].write(HEAD + b"Connection: close\r\n\r\n")
        assert (await read_all(first)).endswith(b"fine")
        third[1].close()


async def test_when_all_are_busy_the_newest_is_refused() -> None:
    async with serving(AdminBounds(connections=1)) as port:
        busy = await port.connect()
        busy[1].write(b"GET /wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await port.waits.wait()

        assert await port.ask(HEAD + b"\r\n") == b""
        port.may_answer.set()
        assert (await read_all(busy)).endswith(b"waited")
