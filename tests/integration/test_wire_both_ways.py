"""A client, the data plane and a backend over real sockets: requests and answers that overlap.

The backend begins to answer before the request has ended, or the client is slow within its body.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from gateway.clock import Clock, SystemClock
from gateway.definitions.integration import ResponseTransferMode
from gateway.server.deadlines import TICK_SECONDS
from gateway.settings import Settings, Timeouts
from gateway.snapshot import SnapshotCell, finish
from gateway.telemetry.log_sink import LogSink
from gateway.telemetry.metrics import WorkerMetrics, segment_bytes
from gateway.throttle import BucketTable, bytes_needed
from gateway.worker.data_plane import DataPlane
from tests.builders import BLOCKS, BUCKETS, api, key_tables, proxy, release
from tests.clients import Answer, answers
from tests.raw_backend import run, until

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

POST = b"POST /_aws/execute-api/shop/dev/pets HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTES = 4_000_000


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    factory: LoopFactory = request.param
    return factory


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def chunk_of(reader: asyncio.StreamReader) -> bytes:
    """Read one chunk of a chunked body; empty: the last."""
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]


async def answer_of(reader: asyncio.StreamReader) -> Answer:
    """Read to the end of the connection, which holds one answer."""
    (answer,) = answers(await reader.read())
    return answer


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin to answer at once; send each chunk of the request back as it comes."""
    await head_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while chunk := await chunk_of(reader):
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer how long the body was, once it is there."""
    await head_of(reader)
    length = 0
    while chunk := await chunk_of(reader):
        length += len(chunk)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(length)), length))


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer before the body, and read no more."""
    await head_of(reader)
    writer.write(b"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")


async def begin_and_stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin to answer; end the answer after the first chunk."""
    await head_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    await chunk_of(reader)
    writer.write(b"cd")


class Jumping:
    """The machine's clock, until a test moves it ahead; loop timers keep the machine's time."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return SystemClock.now() + self.ahead

    def epoch(self) -> float:
        return SystemClock.epoch() + self.ahead

    async def jump(self, seconds: float) -> None:
        """Move it, and let deadlines be looked at, which is twice after a jump."""
        self.ahead += seconds
        await asyncio.sleep(6 * TICK_SECONDS)


@dataclass
class Plane:
    """A data plane between one backend and its clients."""

    address: tuple[str, int]
    backend_ended: asyncio.Event
    """The backend's connection was closed by the gateway."""
    exchanges: list[int]
    """How many exchanges each of the backend's connections had."""

    async def connect(self) -> Streams:
        return await asyncio.open_connection(*self.address)


@contextlib.asynccontextmanager
async def plane(
    behaviour: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
    tmp_path: Path,
    timeouts: Timeouts | None = None,
    milliseconds: int = 29_000,
    clock: Clock | None = None,
) -> AsyncIterator[Plane]:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    exchanges: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(exchanges)
        exchanges.append(0)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await behaviour(reader, writer)  # type: ignore[misc]
                exchanges[number] += 1
        writer.transport.abort()
        ended.set()

    backend = await asyncio.start_server(serve, "127.0.0.1", 0)
    uri = f"http://127.0.0.1:{backend.sockets[0].getsockname()[1]}/"
    data_plane = DataPlane(
        Settings(timeouts=timeouts or Timeouts()),
        buckets=BucketTable(bytearray(bytes_needed(BUCKETS, 1)), BUCKETS, 1, 0),
        keys=key_tables(),
        metrics=WorkerMetrics(memoryview(bytearray(segment_bytes(BLOCKS))).cast("d")),
        logs=LogSink(tmp_path),
        clock=clock or SystemClock(),
        loop=loop,
    )
    integration = proxy(
        uri,
        response_transfer_mode=ResponseTransferMode.STREAM,
        timeout_in_millis=milliseconds,
    )
    served = release(api({"/pets": {"POST": integration}}))
    cell = SnapshotCell(finish(data_plane.compile_release(served, data_plane.empty())))
    listening = socket.create_server(("127.0.0.1", 0))
    await data_plane.listen(listening, cell)
    try:
        yield Plane(listening.getsockname(), ended, exchanges)
    finally:
        data_plane.stop_listening()
        data_plane.close()
        await until(lambda: not data_plane.connections)
        backend.close()
        if exchanges:
            await ended.wait()
        listening.close()


def test_each_chunk_comes_back_before_the_next_is_sent(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with plane(echo, tmp_path) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED)
            assert (await head_of(reader)).startswith(b"HTTP/1.1 200 OK\r\n")
            for piece in (b"first", b"second"):
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                assert await chunk_of(reader) == piece
            writer.write(b"0\r\n\r\n")
            assert await chunk_of(reader) == b""
            writer.close()
            # Both ended, the request first: the backend's connection serves the next.
            await until(lambda: between.exchanges == [1])
            reader, writer = await between.connect()
            writer.write(CHUNKED)
            await head_of(reader)
            writer.write(b"1\r\nx\r\n0\r\n\r\n")
            assert await reader.read() == b"1\r\nx\r\n0\r\n\r\n"
            writer.close()
            await until(lambda: between.exchanges == [2])

    run(scenario, loop_factory)


def test_megabytes_that_are_sent_slowly_all_come_back(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with plane(echo, tmp_path) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED)
            sent = bytes(range(250)) * (MEGABYTES // 250)

            async def upload() -> None:
                for start in range(0, MEGABYTES, 50_000):
                    writer.write(b"%x\r\n%b\r\n" % (50_000, sent[start : start + 50_000]))
                    await writer.drain()
                    await asyncio.sleep(0.001)
                writer.write(b"0\r\n\r\n")

            async with asyncio.TaskGroup() as both:
                both.create_task(upload())
                reading = both.create_task(answer_of(reader))
            assert reading.result().body == sent
            writer.close()

    run(scenario, loop_factory)


def test_refusal_of_a_body_is_given_while_the_body_comes(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with plane(refuse, tmp_path) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED + b"5\r\nfirst\r\n")
            answer = await answer_of(reader)
            writer.close()
            await between.backend_ended.wait()

            assert (answer.status, answer.body) == (413, b"no")
            assert answer.headers["connection"] == "close"

    run(scenario, loop_factory)


def test_answer_that_ends_first_stops_the_upload_and_both_connections(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with plane(begin_and_stop, tmp_path) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED)
            head = await head_of(reader)
            assert await reader.readexactly(2) == b"ab"
            writer.write(b"5\r\nfirst\r\n")
            (answer,) = answers(head + b"ab" + await reader.read())
            writer.close()
            await between.backend_ended.wait()

            assert answer.body == b"abcd"
            assert answer.headers["connection"] == "close"

    run(scenario, loop_factory)


def test_client_that_leaves_between_two_chunks_ends_the_backends_connection(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with plane(echo, tmp_path) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED + b"5\r\nfirst\r\n")
            await head_of(reader)
            assert await chunk_of(reader) == b"first"
            writer.transport.abort()
            await between.backend_ended.wait()

            assert between.exchanges == [0]

    run(scenario, loop_factory)


def test_client_that_is_slow_in_its_body_is_no_fault_of_the_backends(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        clock = Jumping()
        async with plane(count, tmp_path, milliseconds=5_000, clock=clock) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED + b"5\r\nfirst\r\n")
            await until(lambda: bool(between.exchanges))
            await clock.jump(10)
            writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
            writer.write_eof()
            answer = await answer_of(reader)
            writer.close()

            assert (answer.status, answer.body) == (200, b"11")

    run(scenario, loop_factory)


def test_client_that_stalls_in_its_body_is_told_so(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        clock = Jumping()
        stall = Timeouts(body_stall_seconds=8)
        async with plane(count, tmp_path, stall, milliseconds=5_000, clock=clock) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED + b"5\r\nfirst\r\n")
            await until(lambda: bool(between.exchanges))
            await clock.jump(10)
            answer = await answer_of(reader)
            writer.close()

            assert answer.status == 408

    run(scenario, loop_factory)


def test_backend_that_is_slow_after_the_body_is_late(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()
        raise ConnectionResetError

    async def scenario() -> None:
        async with plane(silent, tmp_path, milliseconds=300) as between:
            reader, writer = await between.connect()
            writer.write(CHUNKED + b"5\r\nfirst\r\n")
            await until(lambda: bool(between.exchanges))
            writer.write(b"0\r\n\r\n")
            writer.write_eof()
            answer = await answer_of(reader)
            writer.close()

            assert answer.status == 504

    run(scenario, loop_factory)
