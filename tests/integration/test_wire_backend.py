"""Facts about backends that lie, over real sockets: checklist R01 to R17 of the wire.

The endpoints are driven as the server drives them, on both loops. Each case shows what the caller
gets, what becomes of the connection, and that the next request gets its own answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from gateway.clock import SystemClock
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server.deadlines import Deadlines
from gateway.server.upstream import HttpEndpoints
from gateway.settings import Backends
from gateway.streams import HIGH_WATER_BYTES, BodyError, BodyStream, BodyTooLargeError
from tests.builders import FakeProducer
from tests.raw_backend import OK, Move, RawBackend, Step, drive, driven, run, until

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

HEAD = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CERTIFICATES = Path(__file__).parent / "certificates"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    factory: LoopFactory = request.param
    return factory


@dataclass
class Wire:
    """Endpoints, a backend, and requests from one to the other."""

    endpoints: HttpEndpoints
    backend: RawBackend

    @property
    def origin(self) -> Origin:
        return Origin.make("http", "127.0.0.1", self.backend.port)

    @property
    def idle(self) -> int:
        return sum(len(pool.idle) for pool in self.endpoints.pools())

    @property
    def open(self) -> int:
        return self.endpoints.counters.open

    def request(
        self,
        method: str = "GET",
        *,
        body: bytes | BodyStream | None = None,
        seconds: float = 10,
        limit: int | None = 1_000_000,
        origin: Origin | None = None,
    ) -> IntegrationRequest:
        head = f"{method} /path HTTP/1.1\r\nHost: backend.test\r\n".encode()
        sent = SystemClock.now()
        return IntegrationRequest(origin or self.origin, head, body, method, seconds, limit, sent)

    async def ask(
        self, method: str = "GET", *, body: bytes | BodyStream | None = None, seconds: float = 10
    ) -> EndpointResponse:
        return await self.send(self.request(method, body=body, seconds=seconds))

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        return await drive(self.endpoints.send(request))

    async def whole(self, response: EndpointResponse) -> bytes:
        if isinstance(response.body, bytes):
            return response.body
        return await drive(response.body.collect(10_000_000))

    async def is_fine_afterwards(self) -> None:
        """The next requests, one after another and side by side, get their own answers."""
        for response in (
            await self.ask(),
            *await asyncio.gather(self.ask(), self.ask()),
        ):
            assert response.status == 200
            assert await self.whole(response) == b"ok"


@contextlib.asynccontextmanager
async def wired(
    *scripts: tuple[Step, ...],
    settings: Backends | None = None,
    idle_seconds: float = 10,
    reads_bodies: bool = True,
) -> AsyncIterator[Wire]:
    loop = asyncio.get_running_loop()
    backend = await RawBackend(list(scripts), reads_bodies=reads_bodies).start()
    endpoints = HttpEndpoints(
        settings or Backends(),
        loop,
        Deadlines(loop, SystemClock()),
        response_idle_seconds=idle_seconds,
    )
    try:
        yield Wire(endpoints, backend)
    finally:
        endpoints.close()
        await backend.stop()


# What is no answer: 502, and the connection is gone

INVALID: dict[str, tuple[Step, ...]] = {
    "R01 NUL in a value": (HEAD + b"X: a\0b\r\n" + TWO,),
    "R02 CR in a value": (HEAD + b"X: a\rb\r\n" + TWO,),
    "R02 CR in the reason": (b"HTTP/1.1 200 a\rb\r\n" + TWO,),
    "R03 folded": (HEAD + b"X: a\r\n b\r\n" + TWO,),
    "R04 bare LF": (HEAD + b"X: a\nY: b\r\n" + TWO,),
    "R05 both framings": (HEAD + b"Transfer-Encoding: chunked\r\n" + TWO,),
    "R06 two lengths": (HEAD + b"Content-Length: 3\r\n" + TWO,),
    "R06 one length twice": (HEAD + b"Content-Length: 2\r\n" + TWO,),
    "R07 bad chunk": (CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",),
    "R08 gzip coding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\nok", Move.CLOSE),
    "R08 gzip, chunked": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",),
    "R10 1000 interim answers": (b"HTTP/1.1 102 Processing\r\n\r\n" * 1000 + OK,),
    "R10 101": (b"HTTP/1.1 101 Switching\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",),
    "R10 99": (b"HTTP/1.1 99 Low\r\n" + TWO,),
    "R10 600": (b"HTTP/1.1 600 High\r\n" + TWO,),
    "R10 999": (b"HTTP/1.1 999 High\r\n" + TWO,),
    "R12 closed without a byte": (Move.CLOSE,),
    "R12 reset without a byte": (Move.RESET,),
    "R12 closed inside the head": (HEAD + b"X: a", Move.CLOSE),
    "R12 reset inside the head": (HEAD + b"X: a", Move.RESET),
    "R14 70 KB of head": (HEAD + b"X: " + b"x" * 70_000 + b"\r\n" + TWO,),
    "R14 endless head": (HEAD + b"X: " + b"x" * 400_000,),
    "R14 500 fields": (HEAD + b"X: x\r\n" * 500 + TWO,),
    "not HTTP": (b"\x16\x03\x01\x02\x00",),
}


BYTEWISE = {
    f"{name}, bytewise": (Move.BYTEWISE, *script)
    for name, script in INVALID.items()
    # The rest is too long, or breaks after the head; the parser's own tests cut it anywhere.
    if not name.startswith(("R07", "R10 1000", "R14"))
}


@pytest.mark.parametrize(
    "script", [*INVALID.values(), *BYTEWISE.values()], ids=[*INVALID, *BYTEWISE]
)
def test_invalid_answer_is_a_502(loop_factory: LoopFactory, script: tuple[Step, ...]) -> None:

    async def scenario() -> None:
        async with wired(script) as wire:
            with pytest.raises(Fault) as caught:
                await wire.ask("POST")

            assert caught.value.type is GatewayResponseType.DEFAULT_5XX
            assert (caught.value.status, caught.value.source) == (502, "integration")
            assert caught.value.detail
            assert wire.open == 0
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


# What is an answer, and whether the connection is kept

VALID: dict[str, tuple[tuple[Step, ...], bytes, bool]] = {
    "plain": ((OK,), b"ok", True),
    "chunked": ((CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n",), b"ok", True),
    "chunk extension": ((CHUNKED + b"2;a=b\r\nok\r\n0\r\n\r\n",), b"ok", True),
    "trailers": ((CHUNKED + b"2\r\nok\r\n0\r\nX: t\r\n\r\n",), b"ok", True),
    "R06 until the end": ((HEAD + b"\r\nok", Move.CLOSE), b"ok", False),
    "R10 100, 103": (
        (b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: a\r\n\r\n" + OK,),
        b"ok",
        True,
    ),
    "HTTP/1.0": ((b"HTTP/1.0 200 OK\r\n" + TWO,), b"ok", False),
    "Connection: close": ((HEAD + b"Connection: close\r\n" + TWO,), b"ok", False),
    "R11 extra bytes": ((OK + b"more",), b"ok", False),
    "R11 second answer": ((OK + OK.replace(b"ok", b"no"),), b"ok", False),
    "R17 coding untouched": ((HEAD + b"Content-Encoding: gzip\r\n" + TWO,), b"ok", True),
}


@pytest.mark.parametrize("name", VALID)
def test_answer_is_given_and_the_connection_kept_or_not(
    loop_factory: LoopFactory, name: str
) -> None:
    script, body, is_kept = VALID[name]

    async def scenario() -> None:
        async with wired(script) as wire:
            response = await wire.ask()

            assert response.status == 200
            assert await wire.whole(response) == body
            assert wire.open == wire.idle == (1 if is_kept else 0)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize("name", [name for name in VALID if not name.startswith("R11")])
def test_bytewise_answer_is_the_same(loop_factory: LoopFactory, name: str) -> None:
    script, body, is_kept = VALID[name]

    async def scenario() -> None:
        async with wired((Move.BYTEWISE, *script)) as wire:
            assert await wire.whole(await wire.ask()) == body
            assert wire.idle == (1 if is_kept else 0)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize(
    ("method", "raw", "is_kept"),
    [
        ("HEAD", HEAD + b"Content-Length: 2\r\n\r\n", True),
        ("HEAD", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", True),
        ("HEAD", HEAD + b"\r\n", True),
        ("HEAD", OK, False),
        ("HEAD", CHUNKED + b"2\r\nok\r\n0\r\n\r\n", False),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", True),
        ("GET", b"HTTP/1.1 204 No Content\r\n" + TWO, False),
        ("GET", b"HTTP/1.1 205 Reset Content\r\n" + TWO, False),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", True),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n" + TWO, False),
    ],
)
def test_body_where_none_may_be_is_dropped_with_its_connection(
    loop_factory: LoopFactory, method: str, raw: bytes, is_kept: bool
) -> None:
    async def scenario() -> None:
        async with wired((raw,)) as wire:
            response = await wire.ask(method)

            assert response.body == b""
            assert wire.idle == (1 if is_kept else 0)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize(
    "script",
    [
        (HEAD + b"Content-Length: 9\r\n\r\nhalf", Move.CLOSE),
        (HEAD + b"Content-Length: 9\r\n\r\nhalf", Move.RESET),
        (CHUNKED + b"9\r\nhalf", Move.CLOSE),
        (CHUNKED + b"4\r\nhalf\r\n", Move.CLOSE),
        (CHUNKED + b"4\r\nhalf\r\n", Move.RESET),
        (HEAD + b"\r\nhalf", Move.RESET),
        (CHUNKED + b"4\r\nhalf\r\n", b"zz\r\n"),
        (CHUNKED + b"4\r\nhalf\r\n", b"0\r\nContent-Length: 4\r\n\r\n"),
    ],
    ids=repr,
)
def test_broken_body_fails_its_stream(loop_factory: LoopFactory, script: tuple[Step, ...]) -> None:
    async def scenario() -> None:
        is_read = asyncio.Event()
        async with wired((script[0], is_read, *script[1:])) as wire:
            response = await wire.ask()
            assert isinstance(response.body, BodyStream)
            is_read.set()
            with pytest.raises(BodyError):
                await wire.whole(response)

            assert wire.open == 0
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_bytes_on_an_idle_connection_drop_it(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        poison = asyncio.Event()
        async with wired((OK, poison, OK.replace(b"ok", b"no"))) as wire:
            await wire.ask()
            assert wire.idle == 1
            poison.set()
            await until(lambda: wire.open == 0)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize("move", [Move.CLOSE, Move.RESET])
def test_end_of_an_idle_connection_drops_it(loop_factory: LoopFactory, move: Move) -> None:
    async def scenario() -> None:
        is_due = asyncio.Event()
        async with wired((OK, is_due, move)) as wire:
            await wire.ask()
            is_due.set()
            await until(lambda: wire.open == 0)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize("move", [Move.CLOSE, Move.RESET])
@pytest.mark.parametrize(
    ("method", "body", "is_retried"),
    [
        ("GET", None, True),
        ("HEAD", None, True),
        ("PUT", b"body", True),
        ("DELETE", None, True),
        ("POST", None, False),
        ("PATCH", b"body", False),
    ],
)
def test_stale_connection_is_retried_where_that_is_safe(
    loop_factory: LoopFactory, method: str, body: bytes | None, is_retried: bool, move: Move
) -> None:
    async def scenario() -> None:
        async with wired((OK,), (move,)) as wire:
            await wire.ask()
            if is_retried:
                assert (await wire.ask(method, body=body)).status == 200
                assert wire.backend.requests == 3
            else:
                with pytest.raises(Fault) as caught:
                    await wire.ask(method, body=body)
                assert caught.value.status == 502
                assert wire.backend.requests == 2
            assert wire.endpoints.counters.retried == int(is_retried)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_retry_happens_once(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired((OK,), (Move.CLOSE,), (Move.CLOSE,)) as wire:
            await wire.ask()
            with pytest.raises(Fault) as caught:
                await wire.ask()

            assert caught.value.status == 502
            assert wire.backend.requests == 3

    run(scenario, loop_factory)


def test_streamed_body_is_never_sent_twice(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired((OK,), (Move.CLOSE,)) as wire:
            await wire.ask()
            body = BodyStream(FakeProducer(), 4)
            body.feed(b"body")
            body.finish()
            with pytest.raises(Fault) as caught:
                await wire.ask("PUT", body=body)

            assert caught.value.status == 502
            assert wire.backend.requests == 2

    run(scenario, loop_factory)


# Time-outs and unreachable backends (R13)


@pytest.mark.parametrize("script", [(), (HEAD,)], ids=["silent", "half a head"])
def test_no_head_in_time_is_a_504(loop_factory: LoopFactory, script: tuple[Step, ...]) -> None:
    async def scenario() -> None:
        async with wired((OK,), (*script, Move.HANG)) as wire:
            # On a connection that is there: making one may take longer on a busy machine.
            await wire.ask()
            with pytest.raises(Fault) as caught:
                await wire.ask(seconds=0.05)

            assert caught.value.type is GatewayResponseType.INTEGRATION_TIMEOUT
            assert caught.value.status == 504
            assert wire.open == 0
            await until(wire.backend.ended[0].is_set)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_silence_inside_a_body_fails_its_stream(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired(
            (HEAD + b"Content-Length: 9\r\n\r\nhalf", Move.HANG), idle_seconds=0.05
        ) as wire:
            response = await wire.ask()
            with pytest.raises(BodyError, match="no byte of body"):
                await wire.whole(response)

            assert wire.open == 0
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


async def refused(wire: Wire, origin: Origin, seconds: float = 10) -> Fault:
    """Return what a request to a backend without a connection fails with."""
    with pytest.raises(Fault) as caught:
        await wire.send(wire.request(origin=origin, seconds=seconds))
    return caught.value


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port on which nobody listens, and nobody else can meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "no-such-name.invalid", "a" * 64 + ".test", "a..b", "\0"]
)
def test_unreachable_backend_is_a_504(loop_factory: LoopFactory, host: str) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            with silent_port() as port:
                fault = await refused(wire, Origin.make("http", host, port))

            assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
            assert (fault.status, fault.source) == (504, "integration")
            assert fault.message == "Network error communicating with endpoint"
            assert fault.detail
            assert wire.endpoints.counters.refused == 1
            assert wire.endpoints.pools() == ()
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_port_beyond_the_range_is_a_504(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            fault = await refused(wire, Origin.make("http", "127.0.0.1", 70_000))

            assert fault.status == 504

    run(scenario, loop_factory)


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Yield a port whose queue is full: connecting to it takes for ever."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def test_connect_time_out_is_a_504(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired(settings=Backends(connect_seconds=0.05)) as wire:
            with deaf_port() as port:
                fault = await refused(wire, Origin.make("http", "127.0.0.1", port))

            assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
            assert "0.05 s" in fault.detail

    run(scenario, loop_factory)


def test_time_out_includes_connecting(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            with deaf_port() as port:
                fault = await refused(wire, Origin.make("http", "127.0.0.1", port), seconds=0.05)

            assert fault.type is GatewayResponseType.INTEGRATION_TIMEOUT

    run(scenario, loop_factory)


# Early answers (R15), uploads


@pytest.mark.parametrize("end", [(), (Move.CLOSE,)], ids=["keeps", "closes"])
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 413 Too Large\r\n" + TWO, b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"]
)
def test_early_answer_is_given_and_ends_the_connection(
    loop_factory: LoopFactory, answer: bytes, end: tuple[Step, ...]
) -> None:
    async def scenario() -> None:
        async with wired((answer, *end), reads_bodies=False) as wire:
            producer = FakeProducer()
            body = BodyStream(producer, 1_000_000)
            body.feed(b"x" * 1000)
            response = await wire.ask("POST", body=body)

            assert response.status in {413, 417}
            assert producer.calls == ["abandon"]
            assert wire.open == 0
            await until(wire.backend.ended[0].is_set)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize("length", [300_000, None])
def test_upload_arrives_whole_and_the_connection_is_kept(
    loop_factory: LoopFactory, length: int | None
) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            body = BodyStream(FakeProducer(), length)
            answer = drive(wire.endpoints.send(wire.request("POST", body=body)))
            for _ in range(30):
                body.feed(b"x" * 10_000)
                await asyncio.sleep(0)
            body.finish()

            assert (await answer).status == 200
            assert wire.backend.received[0].count(b"x") == 300_000
            assert wire.idle == 1
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_backend_that_does_not_read_pauses_the_client(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired((Move.HANG,), reads_bodies=False) as wire:
            producer = FakeProducer()
            body = BodyStream(producer, None)
            deaf, queue = socket.socket(), 4096
            with deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, queue)
                deaf.bind(("127.0.0.1", 0))
                deaf.listen()
                origin = Origin.make("http", "127.0.0.1", deaf.getsockname()[1])
                request = wire.request("POST", body=body, origin=origin)
                run_, _ = driven(wire.endpoints.send(request))
                await until(lambda: wire.open == 1)
                fed = 0
                while "pause" not in producer.calls:
                    body.feed(b"x" * HIGH_WATER_BYTES)
                    fed += HIGH_WATER_BYTES
                    assert fed < 100_000_000
                    await asyncio.sleep(0)
                run_.close()

            assert producer.calls[-1] == "abandon"

    run(scenario, loop_factory)


@pytest.mark.parametrize(
    ("error", "status"), [(BodyError("the client left"), 400), (BodyTooLargeError("much"), 413)]
)
def test_broken_client_body_ends_the_connection(
    loop_factory: LoopFactory, error: BodyError, status: int
) -> None:
    async def scenario() -> None:
        async with wired(reads_bodies=True) as wire:
            body = BodyStream(FakeProducer(), 1000)
            answer = drive(wire.endpoints.send(wire.request("POST", body=body)))
            await until(lambda: wire.open == 1)
            body.feed(b"half")
            body.fail(error)
            with pytest.raises(Fault) as caught:
                await answer

            assert (caught.value.status, caught.value.source) == (status, "client")
            assert wire.open == 0
            await until(wire.backend.ended[0].is_set)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_client_body_that_fails_before_a_connection_is_there_is_not_sent(
    loop_factory: LoopFactory,
) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            body = BodyStream(FakeProducer(), 1000)
            body.fail(BodyError("the client left"))
            with pytest.raises(Fault) as caught:
                await wire.ask("POST", body=body)

            assert caught.value.status == 400
            assert wire.backend.requests == 0
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


# Clients that leave


def test_leaving_client_ends_the_connection_at_once(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired((Move.HANG,)) as wire:
            running, _ = driven(wire.endpoints.send(wire.request()))
            await until(lambda: wire.backend.requests == 1)
            running.close()

            assert wire.open == 0
            await until(wire.backend.ended[0].is_set)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_client_that_leaves_while_connecting_leaves_the_connection_to_others(
    loop_factory: LoopFactory,
) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            running, _ = driven(wire.endpoints.send(wire.request()))
            running.close()
            await until(lambda: wire.idle == 1)
            await wire.ask()

            assert wire.endpoints.counters.opened == 1

    run(scenario, loop_factory)


def test_cut_answer_ends_the_connection(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired((HEAD + b"Content-Length: 9\r\n\r\nhalf", Move.HANG)) as wire:
            response = await wire.ask()
            assert isinstance(response.body, BodyStream)
            response.body.cut(BodyError("the client left"))

            assert wire.open == 0
            await until(wire.backend.ended[0].is_set)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


# Large bodies


@pytest.mark.parametrize("framing", [b"Content-Length: 3000000\r\n\r\n", b"\r\n"])
def test_slow_client_bounds_what_is_held(loop_factory: LoopFactory, framing: bytes) -> None:
    async def scenario() -> None:
        async with wired((HEAD + framing + b"x" * 3_000_000, Move.CLOSE)) as wire:
            response = await wire.send(wire.request(limit=None))
            assert isinstance(response.body, BodyStream)
            for _ in range(50):
                await asyncio.sleep(0)
            # One read of the loop (uvloop: up to 256,000 bytes) may come on top.
            assert response.body.received <= HIGH_WATER_BYTES + 262_144

            assert len(await wire.whole(response)) == 3_000_000
            await until(lambda: wire.open == 0)
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 1001\r\n\r\n",
        HEAD + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001,
        CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
    ],
)
def test_answer_beyond_the_limit_is_a_502(loop_factory: LoopFactory, answer: bytes) -> None:
    async def scenario() -> None:
        async with wired((answer, Move.HANG)) as wire:
            with pytest.raises(Fault) as caught:
                await wire.send(wire.request(limit=1000))

            assert caught.value.status == 502
            assert wire.open == 0
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_stream_beyond_the_limit_fails(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        is_read = asyncio.Event()
        async with wired((CHUNKED + b"1\r\nx\r\n", is_read, b"400\r\n" + b"x" * 1024)) as wire:
            response = await wire.send(wire.request(limit=1000))
            is_read.set()
            with pytest.raises(BodyTooLargeError):
                await wire.whole(response)

            assert wire.open == 0
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


# Pools


def test_requests_beyond_the_bound_wait_for_a_connection(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        settings = Backends(connections_per_origin=2, queue=20)
        async with wired(settings=settings) as wire:
            answers = await asyncio.gather(*(wire.ask() for _ in range(20)))

            assert [await wire.whole(answer) for answer in answers] == [b"ok"] * 20
            assert len(wire.backend.received) <= 2

    run(scenario, loop_factory)


def test_request_beyond_the_queue_is_a_504(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        settings = Backends(connections_per_origin=1, queue=1)
        async with wired((Move.HANG,), settings=settings) as wire:
            running = [driven(wire.endpoints.send(wire.request()))[0] for _ in range(2)]
            await until(lambda: wire.backend.requests == 1)
            fault = await refused(wire, wire.origin)

            assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
            assert wire.endpoints.counters.overflowed == 1
            for each in running:
                each.close()
            await wire.is_fine_afterwards()

    run(scenario, loop_factory)


def test_connections_send_without_delay(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            await wire.ask()
            (pool,) = wire.endpoints.pools()
            (connection,) = pool.idle
            sock = connection._transport.get_extra_info("socket")

            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run(scenario, loop_factory)


def test_every_address_of_a_name_is_tried(loop_factory: LoopFactory) -> None:
    """`localhost` may be ::1 and 127.0.0.1; the backend listens on the second only."""

    async def scenario() -> None:
        async with wired() as wire:
            origin = Origin.make("http", "localhost", wire.backend.port)

            assert (await wire.send(wire.request(origin=origin))).status == 200

    run(scenario, loop_factory)


# TLS, of R13


@contextlib.asynccontextmanager
async def tls_backend(name: str) -> AsyncIterator[int]:
    """Yield the port of a backend with a certificate of this folder."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        writer.transport.abort()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("name", ["localhost", "elsewhere", "expired"])
def test_certificate_of_an_unknown_issuer_is_a_504(loop_factory: LoopFactory, name: str) -> None:
    async def scenario() -> None:
        async with wired() as wire, tls_backend(name) as port:
            fault = await refused(wire, Origin.make("https", "localhost", port))

            assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
            assert fault.detail.startswith("CERTIFICATE_")

    run(scenario, loop_factory)


def test_plain_backend_behind_https_is_a_504(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired() as wire:
            origin = Origin.make("https", "127.0.0.1", wire.backend.port)
            request = wire.request(origin=origin)
            wire.backend.scripts = [(b"HTTP/1.1 400 No TLS here\r\n\r\n", Move.CLOSE)]
            wire.backend.head_end = b"\x00"
            with pytest.raises(Fault) as caught:
                await wire.send(request)

            assert caught.value.type is GatewayResponseType.INTEGRATION_FAILURE

    run(scenario, loop_factory)


def test_unverified_origin_takes_any_issuer(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with wired() as wire, tls_backend("localhost") as port:
            origin = Origin.make("https", "localhost", port, is_verified=False)
            first = await wire.send(wire.request(origin=origin))
            second = await wire.send(wire.request(origin=origin))

            assert (first.body, second.body) == (b"ok", b"ok")
            assert wire.endpoints.counters.opened == 1
            wire.endpoints.close()
            await asyncio.sleep(0.01)

    run(scenario, loop_factory)


@pytest.mark.parametrize("name", ["elsewhere", "expired"])
def test_unverified_origin_still_needs_its_name_and_a_valid_date(
    loop_factory: LoopFactory, name: str
) -> None:
    async def scenario() -> None:
        async with wired() as wire, tls_backend(name) as port:
            fault = await refused(wire, Origin.make("https", "localhost", port, is_verified=False))

            assert fault.detail.startswith("CERTIFICATE_")

    run(scenario, loop_factory)
