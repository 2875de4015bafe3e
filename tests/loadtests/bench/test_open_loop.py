from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from loadtests.bench.open_loop import Generator, Load, complete_answer, main, request_bytes

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (ANSWER, 200),
        (ANSWER[:-1], None),
        (ANSWER[:20], None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 429 Slow\r\ncontent-length:0\r\n\r\n", 429),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
    ],
)
def test_an_answer_is_complete_when_its_framing_says_so(
    received: bytes, status: int | None
) -> None:
    assert complete_answer(received) == status


def test_a_request_ends_with_an_empty_line() -> None:
    assert request_bytes("GET", "/a?b", [("Host", "x")]) == b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"


class Server(asyncio.Protocol):
    """Answers each request by a function of how many came before it on any connection."""

    def __init__(self, answer: Callable[[Server, int], None], count: list[int]) -> None:
        self._answer = answer
        self._count = count
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._count[0] += 1
        self._answer(self, self._count[0])


async def run(answer: Callable[[Server, int], None], *, connections: int = 2) -> Generator:
    """Send 100 requests within 0.2 seconds."""
    count = [0]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(answer, count), "127.0.0.1", 0)
    load = Load(
        host="127.0.0.1",
        port=server.sockets[0].getsockname()[1],
        request=request_bytes("GET", "/", [("Host", "x")]),
        rate=500.0,
        seconds=0.2,
        connections=connections,
    )
    generator = Generator(load)
    report = await generator.run()
    server.close()
    await server.wait_closed()
    assert report["sent"] == 100
    return generator


def at_once(server: Server, _number: int) -> None:
    assert server.transport is not None
    server.transport.write(ANSWER)


async def test_every_request_is_sent_and_counted() -> None:
    generator = await run(at_once)

    assert generator.statuses == {200: 100}
    assert generator.failures == {}
    assert generator.latencies.count == 100


async def test_a_stall_is_charged_to_all_that_were_due_meanwhile() -> None:
    held: list[Server] = []
    loop = asyncio.get_running_loop()

    def release() -> None:
        at_once(held.pop(), 0)

    def stall_first(server: Server, number: int) -> None:
        if number == 1:
            held.append(server)
            loop.call_later(0.15, release)
        else:
            at_once(server, number)

    generator = await run(stall_first, connections=1)

    assert generator.statuses == {200: 100}
    # Half of all requests were due while the only connection was held up.
    assert generator.latencies.percentile(50) > 0.03


async def test_lost_connections_are_failures_and_are_replaced() -> None:
    def drop_each_tenth(server: Server, number: int) -> None:
        if number % 10 == 0:
            assert server.transport is not None
            server.transport.abort()
        else:
            at_once(server, number)

    generator = await run(drop_each_tenth)

    assert generator.statuses == {200: 90}
    assert sum(generator.failures.values()) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ["https://127.0.0.1/"],
        ["http://127.0.0.1:1/", "--rate", "0"],
        ["http://127.0.0.1:1/", "--rate", "many"],
        ["http://127.0.0.1:1/", "-H", "no colon"],
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
