"""Facts about one backend connection, shown with a fake transport and no loop."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gateway.driver import Waiter
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server.backend_connection import BackendConnection
from gateway.server.backend_failures import StaleConnectionError
from gateway.server.deadlines import NEVER, Deadlines
from gateway.server.outbox import Outbox
from gateway.server.plain_head import PlainHeads
from gateway.streams import HIGH_WATER_BYTES, BodyError, BodyStream, BodyTooLargeError
from tests.builders import FakeClock, FakeProducer
from tests.fake_backend import FakeDeadlines, FakeTransport, FakeTurn

ORIGIN = Origin.make("http", "backend.test", 80)
HEAD = b"GET /a HTTP/1.1\r\nHost: backend.test\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@dataclass
class FakeOwner:
    """A pool that notes what it is told."""

    released: list[BackendConnection] = field(default_factory=list)
    forgotten: list[BackendConnection] = field(default_factory=list)

    def release(self, connection: BackendConnection) -> None:
        self.released.append(connection)

    def forget(self, connection: BackendConnection) -> None:
        self.forgotten.append(connection)


@dataclass
class Rig:
    """A connection with everything around it faked."""

    clock: FakeClock = field(default_factory=FakeClock)
    transport: FakeTransport = field(default_factory=FakeTransport)
    owner: FakeOwner = field(default_factory=FakeOwner)
    deadlines: FakeDeadlines = field(default_factory=FakeDeadlines)
    turn: FakeTurn = field(default_factory=FakeTurn)
    origin: Origin = ORIGIN

    def __post_init__(self) -> None:
        self.connection = BackendConnection(
            self.owner,
            cast("Deadlines", self.deadlines),
            self.clock.now,
            PlainHeads(),
            Outbox(cast("Any", self.turn)),
            response_idle_seconds=30,
            origin=self.origin,
        )
        self.connection.connection_made(cast("Any", self.transport))

    def begin(
        self,
        *,
        method: str = "GET",
        body: bytes | BodyStream | None = None,
        limit: int | None = None,
        timeout: float = 5,
        is_end_of_turn: bool = True,
    ) -> Waiter[EndpointResponse]:
        request = IntegrationRequest(ORIGIN, HEAD, body, method, timeout, limit, self.clock.now())
        waiter = Waiter[EndpointResponse]()
        self.connection.begin(request, self.clock.now() + timeout, waiter)
        if is_end_of_turn:
            self.turn.end()
        return waiter

    @property
    def is_kept(self) -> bool:
        return self.owner.released == [self.connection] and not self.transport.is_aborted

    @property
    def is_dropped(self) -> bool:
        return (
            self.owner.forgotten == [self.connection]
            and not self.owner.released
            and self.transport.is_aborted
            and not self.deadlines.watched
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


def value_of(waiter: Waiter[EndpointResponse]) -> EndpointResponse:
    assert waiter.is_set
    return run(_await(waiter))


def fault_of(waiter: Waiter[EndpointResponse]) -> Fault:
    assert waiter.is_set
    with pytest.raises(Fault) as caught:
        run(_await(waiter))
    return caught.value


async def _await(waiter: Waiter[EndpointResponse]) -> EndpointResponse:
    return await waiter


def run(coroutine: Coroutine[Any, Any, EndpointResponse]) -> EndpointResponse:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("EndpointResponse", stop.value)
    raise AssertionError("it waits")


@dataclass
class FakeSink:
    """Takes a body."""

    body: bytes = b""
    end: BodyError | str | None = None

    def body_chunk(self, chunk: bytes) -> None:
        self.body += chunk

    def body_finished(self) -> None:
        self.end = "finished"

    def body_failed(self, error: BodyError) -> None:
        self.end = error


def streamed(response: EndpointResponse) -> tuple[BodyStream, FakeSink]:
    assert isinstance(response.body, BodyStream)
    sink = FakeSink()
    response.body.attach(sink)
    return response.body, sink


# Sending


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (None, HEAD + b"\r\n"),
        (b"", HEAD + b"Content-Length: 0\r\n\r\n"),
        (b"abc", HEAD + b"Content-Length: 3\r\n\r\nabc"),
        (b"x" * 100_000, HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000),
    ],
)
def test_request_in_memory_is_one_write(rig: Rig, body: bytes | None, sent: bytes) -> None:
    _ = rig.begin(body=body)

    assert rig.transport.writes == [sent]


@pytest.mark.parametrize("body", [None, b"", b"abc", b"x" * 65_536])
def test_small_request_leaves_at_the_end_of_the_turn(rig: Rig, body: bytes | None) -> None:
    waiter = rig.begin(body=body, is_end_of_turn=False)
    assert rig.transport.writes == []
    rig.turn.end()
    assert len(rig.transport.writes) == 1
    rig.connection.data_received(OK)

    assert value_of(waiter).body == b"ok"
    assert rig.is_kept


def test_large_request_leaves_at_once(rig: Rig) -> None:
    _ = rig.begin(body=b"x" * 65_537, is_end_of_turn=False)

    assert len(rig.transport.writes) == 1


@pytest.mark.parametrize("is_complete", [True, False])
def test_streamed_request_leaves_at_once(rig: Rig, is_complete: bool) -> None:
    body = BodyStream(FakeProducer(), None)
    body.feed(b"abc")
    if is_complete:
        body.finish()
    _ = rig.begin(body=body, is_end_of_turn=False)

    assert len(rig.transport.writes) == 1


def test_complete_stream_with_a_length_is_one_write(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), 3)
    body.feed(b"abc")
    body.finish()
    _ = rig.begin(body=body)

    assert rig.transport.writes == [HEAD + b"Content-Length: 3\r\n\r\nabc"]


@pytest.mark.parametrize("chunks", [[], [b"abc"]])
def test_complete_stream_without_a_length_is_one_chunked_write(
    rig: Rig, chunks: list[bytes]
) -> None:
    body = BodyStream(FakeProducer(), None)
    for chunk in chunks:
        body.feed(chunk)
    body.finish()
    _ = rig.begin(body=body)

    encoded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    assert rig.transport.writes == [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + encoded + b"0\r\n\r\n"
    ]


def test_stream_follows_its_head(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), 6)
    body.feed(b"ab")
    _ = rig.begin(body=body)
    body.feed(b"cd")
    body.feed(b"ef")
    body.finish()

    assert rig.transport.writes == [HEAD + b"Content-Length: 6\r\n\r\nab", b"cd", b"ef"]


def test_stream_without_a_length_is_chunked_anew(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), None)
    _ = rig.begin(body=body)
    body.feed(b"x" * 17)
    body.finish()

    assert rig.transport.writes == [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"11\r\n" + b"x" * 17 + b"\r\n",
        b"0\r\n\r\n",
    ]


def test_slow_backend_pauses_the_client(rig: Rig) -> None:
    producer = FakeProducer()
    body = BodyStream(producer, None)
    _ = rig.begin(body=body)
    rig.connection.pause_writing()
    rig.connection.resume_writing()

    assert producer.calls == ["pause", "resume"]


def test_client_stays_paused_when_the_first_write_fills_the_buffer(rig: Rig) -> None:
    producer = FakeProducer()
    body = BodyStream(producer, None)
    body.feed(b"x" * (HIGH_WATER_BYTES + 1))
    write = rig.transport.write

    def filling_write(data: bytes) -> None:
        write(data)
        rig.connection.pause_writing()

    rig.transport.write = filling_write  # type: ignore[method-assign]
    _ = rig.begin(body=body)

    assert producer.calls[-1] == "pause"


def test_pauses_without_an_upload_change_nothing(rig: Rig) -> None:
    _ = rig.begin(body=b"x")
    rig.connection.pause_writing()
    rig.connection.resume_writing()
    rig.connection.data_received(OK)

    assert rig.is_kept


# Whole answers


def test_whole_answer_is_bytes(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(OK)
    response = value_of(waiter)

    assert (response.status, response.body, response.length) == (200, b"ok", 2)
    assert list(response.headers) == [(b"Content-Length", b"2")]
    assert rig.is_kept


def test_connection_is_back_before_the_caller_goes_on(rig: Rig) -> None:
    waiter = rig.begin()
    waiter.resume = lambda: seen.append(rig.is_kept)
    seen: list[bool] = []
    rig.connection.data_received(OK)

    assert seen == [True]


def test_answer_in_pieces_resumes_once_the_head_is_complete(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(OK[:20])
    assert not waiter.is_set
    rig.connection.data_received(OK[20:])

    assert value_of(waiter).body == b"ok"


def test_chunks_of_one_read_become_one_body(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
    )

    assert value_of(waiter).body == b"ab"
    assert rig.is_kept


def test_head_answer_has_a_length_and_no_body(rig: Rig) -> None:
    waiter = rig.begin(method="HEAD")
    rig.connection.data_received(LONG)
    response = value_of(waiter)

    assert (response.body, response.length) == (b"", 10)
    assert rig.is_kept


def test_second_request_on_a_connection_gets_its_own_answer(rig: Rig) -> None:
    _ = rig.begin(method="HEAD")
    rig.connection.data_received(LONG)
    waiter = rig.begin()
    rig.connection.data_received(OK)

    assert value_of(waiter).body == b"ok"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"extra",
        OK + OK,
    ],
)
def test_surprising_answer_is_given_and_the_connection_dropped(rig: Rig, raw: bytes) -> None:
    waiter = rig.begin()
    rig.connection.data_received(raw)

    assert value_of(waiter).body == b"ok"
    assert rig.is_dropped


def test_bytes_on_an_idle_connection_drop_it(rig: Rig) -> None:
    rig.connection.data_received(OK)

    assert rig.is_dropped


def test_bytes_after_the_end_of_a_connection_are_ignored(rig: Rig) -> None:
    rig.connection.close()
    rig.connection.data_received(OK)

    assert rig.is_dropped


def test_end_of_an_idle_connection_drops_it_once(rig: Rig) -> None:
    rig.connection.eof_received()
    rig.connection.connection_lost(None)

    assert rig.is_dropped


# Answers that are no answers


def test_invalid_answer_is_a_502_that_says_why(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(b"HTTP/1.1 999 High\r\n\r\n")
    fault = fault_of(waiter)

    assert (fault.type, fault.status) == (GatewayResponseType.DEFAULT_5XX, 502)
    assert (fault.source, fault.message) == ("integration", "Internal server error")
    assert "999" in fault.detail
    assert rig.is_dropped


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 2", b"HTTP/1.1 103 Early\r\n\r\n"])
def test_new_connection_that_ends_before_the_head_is_a_502(rig: Rig, raw: bytes) -> None:
    waiter = rig.begin()
    if raw:
        rig.connection.data_received(raw)
    rig.connection.connection_lost(None)

    assert fault_of(waiter).status == 502
    assert rig.is_dropped


def test_reused_connection_that_ends_before_any_byte_is_stale(rig: Rig) -> None:
    rig.connection.is_reused = True
    waiter = rig.begin()
    rig.connection.eof_received()

    with pytest.raises(StaleConnectionError):
        run(_await(waiter))
    assert rig.is_dropped


def test_reused_connection_that_ends_inside_the_head_is_a_502(rig: Rig) -> None:
    rig.connection.is_reused = True
    waiter = rig.begin()
    rig.connection.data_received(b"H")
    rig.connection.eof_received()

    assert fault_of(waiter).status == 502


def test_no_head_in_time_is_a_504(rig: Rig) -> None:
    waiter = rig.begin(timeout=3)
    assert rig.connection.deadline == rig.clock.now() + 3
    rig.connection.on_deadline(rig.clock.now() + 3)

    assert fault_of(waiter).type is GatewayResponseType.INTEGRATION_TIMEOUT
    assert rig.is_dropped


@pytest.mark.parametrize("raw", [LONG, LONG + b"123456", LONG + b"1234567890"])
def test_answer_beyond_the_limit_is_a_502(rig: Rig, raw: bytes) -> None:
    waiter = rig.begin(limit=5)
    rig.connection.data_received(raw)
    fault = fault_of(waiter)

    assert fault.status == 502
    assert "5 bytes" in fault.detail
    assert rig.is_dropped


def test_limit_counts_chunks_of_the_first_read(rig: Rig) -> None:
    waiter = rig.begin(limit=5)
    rig.connection.data_received(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n"
    )

    assert fault_of(waiter).status == 502


def test_answer_of_the_limit_passes(rig: Rig) -> None:
    waiter = rig.begin(limit=10)
    rig.connection.data_received(LONG + b"1234567890")

    assert value_of(waiter).body == b"1234567890"


# Streamed answers


def test_longer_answer_is_streamed(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"12345")
    body, sink = streamed(value_of(waiter))
    rig.connection.data_received(b"67890")

    assert body.length == 10
    assert (sink.body, sink.end) == (b"1234567890", "finished")
    assert rig.is_kept


def test_body_without_framing_streams_until_the_end(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nabc")
    _, sink = streamed(value_of(waiter))
    rig.connection.data_received(b"def")
    rig.connection.eof_received()

    assert (sink.body, sink.end) == (b"abcdef", "finished")
    assert rig.is_dropped


def test_reset_does_not_end_a_body_without_framing_well(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nabc")
    _, sink = streamed(value_of(waiter))
    rig.connection.connection_lost(ConnectionResetError())

    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


@pytest.mark.parametrize("is_clean", [True, False])
def test_end_inside_a_body_breaks_it_off(rig: Rig, is_clean: bool) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"12345")
    _, sink = streamed(value_of(waiter))
    if is_clean:
        rig.connection.eof_received()
    rig.connection.connection_lost(None)

    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


def test_invalid_chunk_breaks_a_body_off(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    _, sink = streamed(value_of(waiter))
    rig.connection.data_received(b"zz\r\n")

    assert sink.body == b"a"
    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


def test_limit_breaks_a_stream_off(rig: Rig) -> None:
    waiter = rig.begin(limit=5)
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nabc")
    _, sink = streamed(value_of(waiter))
    rig.connection.data_received(b"def")

    assert isinstance(sink.end, BodyTooLargeError)
    assert rig.is_dropped


def test_extra_bytes_after_a_streamed_body_drop_the_connection(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"12345")
    _, sink = streamed(value_of(waiter))
    rig.connection.data_received(b"67890HTTP")

    assert (sink.body, sink.end) == (b"1234567890", "finished")
    assert rig.is_dropped


def test_silence_inside_a_body_breaks_it_off(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"1")
    _, sink = streamed(value_of(waiter))
    rig.clock.time += 29
    rig.connection.data_received(b"2")
    assert rig.connection.deadline == rig.clock.now() + 30
    rig.connection.on_deadline(rig.clock.now() + 30)

    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


def test_slow_client_pauses_the_backend_and_its_deadline(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"1")
    body, _ = streamed(value_of(waiter))
    body.pause()
    assert rig.connection.deadline == rig.clock.now() + 120
    rig.clock.time += 100
    body.resume()

    assert rig.transport.calls == ["pause", "resume"]
    assert rig.connection.deadline == rig.clock.now() + 30
    assert rig.connection in rig.deadlines.watched


def test_body_that_nobody_takes_ends_the_connection(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (HIGH_WATER_BYTES + 1))
    response = value_of(waiter)
    rig.connection.on_deadline(rig.connection.deadline)

    assert isinstance(response.body, BodyStream)
    assert response.body.error is not None
    assert "nobody" in str(response.body.error)
    assert rig.is_dropped


def test_connection_is_given_back_reading(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"1")
    body, _ = streamed(value_of(waiter))
    body.pause()
    rig.connection.data_received(b"234567890")

    assert rig.transport.calls == ["pause", "resume"]
    assert rig.is_kept


def test_pausing_an_ended_connection_does_nothing(rig: Rig) -> None:
    rig.connection.close()
    rig.connection.pause_body()
    rig.connection.resume_body()

    assert rig.transport.calls == []


def test_cut_stream_ends_the_connection(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"1")
    body, sink = streamed(value_of(waiter))
    body.cut(BodyError("the client left"))

    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


def test_stream_cut_while_it_is_fed_ends_the_connection(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG + b"1")
    body, sink = streamed(value_of(waiter))
    sink.body_chunk = lambda chunk: body.cut(BodyError("enough"))  # type: ignore[method-assign]
    rig.connection.data_received(b"234567890")

    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


# Requests that break off


def test_caller_that_gives_up_ends_the_connection(rig: Rig) -> None:
    producer = FakeProducer()
    waiter = rig.begin(body=BodyStream(producer, None))
    rig.connection.give_up(waiter)

    assert rig.is_dropped
    assert not waiter.is_set
    assert producer.calls == ["abandon"]


def test_giving_up_a_past_exchange_does_nothing(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(OK)
    _ = rig.begin()
    rig.connection.give_up(waiter)

    assert not rig.transport.is_aborted


@pytest.mark.parametrize(
    ("error", "type_", "status"),
    [
        (BodyTooLargeError("too much"), GatewayResponseType.REQUEST_TOO_LARGE, 413),
        (BodyError("the client left"), GatewayResponseType.DEFAULT_4XX, 400),
    ],
)
def test_broken_client_body_is_the_clients_fault(
    rig: Rig, error: BodyError, type_: GatewayResponseType, status: int
) -> None:
    body = BodyStream(FakeProducer(), 10)
    waiter = rig.begin(body=body)
    body.feed(b"12345")
    body.fail(error)
    fault = fault_of(waiter)

    assert (fault.type, fault.status, fault.source) == (type_, status, "client")
    assert rig.is_dropped


def test_body_that_has_failed_before_is_the_clients_fault(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), 10)
    body.fail(BodyError("the client left"))

    assert fault_of(rig.begin(body=body)).source == "client"
    assert rig.is_dropped


@pytest.mark.parametrize("raw", [OK, b"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno"])
def test_whole_early_answer_stops_the_upload_and_the_reuse(rig: Rig, raw: bytes) -> None:
    producer = FakeProducer()
    body = BodyStream(producer, 10)
    waiter = rig.begin(body=body)
    rig.connection.data_received(raw)
    body.feed(b"12345")

    assert value_of(waiter).body == raw[-2:]
    assert len(rig.transport.writes) == 1
    assert producer.calls == ["abandon"]
    assert rig.is_dropped


@pytest.mark.parametrize(
    ("raw", "rest"), [(LONG, b"1234567890"), (b"HTTP/1.1 413 Large\r\n\r\n", None)]
)
def test_early_answer_that_ends_first_stops_the_upload_and_the_reuse(
    rig: Rig, raw: bytes, rest: bytes | None
) -> None:
    producer = FakeProducer()
    body = BodyStream(producer, 10)
    waiter = rig.begin(body=body)
    rig.connection.data_received(raw)
    _, sink = streamed(value_of(waiter))
    body.feed(b"12345")
    if rest is None:
        rig.connection.eof_received()
    else:
        rig.connection.data_received(rest)
    body.feed(b"67890")

    assert rig.transport.writes[1:] == [b"12345"]
    assert (sink.body, sink.end) == (rest or b"", "finished")
    assert producer.calls == ["abandon"]
    assert rig.is_dropped


def test_upload_goes_on_while_its_answer_is_streamed(rig: Rig) -> None:
    producer = FakeProducer()
    body = BodyStream(producer, 10)
    waiter = rig.begin(body=body)
    body.feed(b"12345")
    rig.connection.data_received(LONG + b"12345")
    _, sink = streamed(value_of(waiter))
    body.feed(b"67890")
    body.finish()
    rig.connection.data_received(b"67890")

    assert rig.transport.writes[1:] == [b"12345", b"67890"]
    assert (sink.body, sink.end) == (b"1234567890", "finished")
    assert producer.calls == []
    assert rig.is_kept


def test_upload_that_fails_while_its_answer_is_streamed_breaks_the_answer_off(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), 10)
    waiter = rig.begin(body=body)
    rig.connection.data_received(LONG + b"12345")
    _, sink = streamed(value_of(waiter))
    body.fail(BodyError("the client left"))

    assert isinstance(sink.end, BodyError)
    assert rig.is_dropped


def test_client_that_leaves_a_streamed_answer_stops_its_upload(rig: Rig) -> None:
    producer = FakeProducer()
    waiter = rig.begin(body=BodyStream(producer, 10))
    rig.connection.data_received(LONG + b"12345")
    stream, _ = streamed(value_of(waiter))
    stream.cut(BodyError("the client left"))

    assert producer.calls == ["abandon"]
    assert rig.is_dropped


def test_upload_does_not_move_the_deadline_of_a_streamed_answer(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), None)
    waiter = rig.begin(body=body)
    rig.connection.data_received(LONG + b"12345")
    _ = streamed(value_of(waiter))
    deadline = rig.connection.deadline
    rig.clock.time += 4
    body.feed(b"x")
    rig.connection.pause_writing()
    rig.connection.resume_writing()
    body.finish()

    assert rig.connection.deadline == deadline == rig.clock.now() + 30 - 4


def test_answer_that_overtakes_a_buffered_body_drops_the_connection(rig: Rig) -> None:
    waiter = rig.begin(body=b"x" * 100_000)
    rig.transport.buffered = 1
    rig.connection.data_received(OK)

    assert value_of(waiter).body == b"ok"
    assert rig.is_dropped


def test_connection_is_kept_after_an_upload(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), 2)
    _ = rig.begin(body=body)
    body.feed(b"ab")
    body.finish()
    rig.connection.data_received(OK)

    assert rig.is_kept


def test_wait_for_the_head_begins_at_the_end_of_the_upload(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), None)
    _ = rig.begin(body=body, timeout=5)
    assert rig.connection.deadline == NEVER
    rig.clock.time += 40
    body.feed(b"x")
    assert rig.connection.deadline == NEVER
    rig.deadlines.forget(rig.connection)
    rig.clock.time += 40
    body.finish()

    assert rig.connection.deadline == rig.clock.now() + 5
    assert rig.connection in rig.deadlines.watched


def test_backend_that_takes_none_of_an_upload_has_its_time(rig: Rig) -> None:
    producer = FakeProducer()
    _ = rig.begin(body=BodyStream(producer, None), timeout=5)
    rig.deadlines.forget(rig.connection)
    rig.clock.time += 40
    rig.connection.pause_writing()
    assert rig.connection.deadline == rig.clock.now() + 5
    assert rig.connection in rig.deadlines.watched
    rig.connection.resume_writing()

    assert rig.connection.deadline == NEVER
    assert producer.calls == ["pause", "resume"]


def test_backend_whose_buffer_is_full_from_the_start_has_its_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.transport, "write", lambda _data: rig.connection.pause_writing())
    _ = rig.begin(body=BodyStream(FakeProducer(), None), timeout=5)

    assert rig.connection.deadline == rig.clock.now() + 5


def test_pieces_for_a_closing_transport_are_dropped(rig: Rig) -> None:
    body = BodyStream(FakeProducer(), None)
    waiter = rig.begin(body=body)
    rig.transport.is_aborted = True
    body.feed(b"x")
    body.finish()
    rig.connection.connection_lost(ConnectionResetError())

    assert len(rig.transport.writes) == 1
    assert fault_of(waiter).status == 502


def test_failing_backend_stops_the_upload(rig: Rig) -> None:
    producer = FakeProducer()
    waiter = rig.begin(body=BodyStream(producer, None))
    rig.connection.data_received(b"garbage")

    assert fault_of(waiter).status == 502
    assert producer.calls == ["abandon"]


# What happens before the end of the turn, when the request has not left yet


def ends(rig: Rig, waiter: Waiter[EndpointResponse]) -> dict[str, Callable[[], object]]:
    connection = rig.connection
    return {
        "the caller gives up": lambda: connection.give_up(waiter),
        "the deadline passes": lambda: connection.on_deadline(rig.clock.now()),
        "the pool closes": connection.close,
        "the backend closes": connection.eof_received,
        "the connection is lost": lambda: connection.connection_lost(ConnectionResetError()),
        "unasked bytes come": lambda: connection.data_received(OK),
    }


@pytest.mark.parametrize("end", ends(Rig(), Waiter()))
@pytest.mark.parametrize("body", [None, b"abc"])
@pytest.mark.parametrize("is_reused", [True, False])
def test_request_whose_exchange_has_ended_never_leaves(
    rig: Rig, end: str, body: bytes | None, is_reused: bool
) -> None:
    rig.connection.is_reused = is_reused
    waiter = rig.begin(body=body, is_end_of_turn=False)
    ends(rig, waiter)[end]()
    rig.turn.end()

    assert rig.transport.writes == []
    assert rig.is_dropped
    assert waiter.is_set is (end != "the caller gives up")


@pytest.mark.parametrize("end", ["the backend closes", "the connection is lost"])
@pytest.mark.parametrize("is_sent", [True, False])
def test_stale_connection_tells_whether_its_request_has_left(
    rig: Rig, end: str, is_sent: bool
) -> None:
    rig.connection.is_reused = True
    waiter = rig.begin(method="POST", body=b"abc", is_end_of_turn=is_sent)
    ends(rig, waiter)[end]()

    assert isinstance(waiter.error, StaleConnectionError)
    assert waiter.error.is_sent is is_sent


@pytest.mark.parametrize("raw", [OK, b"H", LONG, b"garbage"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_before_the_request_are_not_its_answer(rig: Rig, raw: bytes, method: str) -> None:
    """Else they would be given to the next caller: response queue poisoning."""
    rig.connection.is_reused = True
    waiter = rig.begin(method=method, is_end_of_turn=False)
    rig.connection.data_received(raw)

    assert isinstance(waiter.error, StaleConnectionError)
    assert not waiter.error.is_sent
    assert rig.is_dropped


def test_backend_that_speaks_first_on_a_new_connection_is_a_502(rig: Rig) -> None:
    waiter = rig.begin(is_end_of_turn=False)
    rig.connection.data_received(OK)
    fault = fault_of(waiter)

    assert (fault.status, fault.detail) == (502, "the backend sent bytes before it was asked")
    assert rig.is_dropped


def test_nothing_is_written_to_a_transport_that_is_closing(rig: Rig) -> None:
    rig.connection.is_reused = True
    waiter = rig.begin(method="POST", is_end_of_turn=False)
    rig.transport.is_aborted = True
    rig.turn.end()
    assert not waiter.is_set
    rig.connection.connection_lost(ConnectionResetError())

    assert rig.transport.writes == []
    assert isinstance(waiter.error, StaleConnectionError)
    assert not waiter.error.is_sent


def test_failing_write_ends_the_exchange(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def failing_write(data: bytes) -> None:
        assert data
        raise RuntimeError("the handle is gone")

    rig.transport.write = failing_write  # type: ignore[method-assign]
    waiter = rig.begin()
    rig.turn.end()

    assert fault_of(waiter).status == 502
    assert rig.is_dropped
    assert len(caplog.records) == 1


# Deadlines and states


def test_deadline_of_an_idle_connection_closes_it(rig: Rig) -> None:
    rig.connection.on_deadline(rig.clock.now())

    assert rig.is_dropped


def test_later_deadline_is_not_watched_anew(rig: Rig) -> None:
    _ = rig.begin(timeout=5)
    rig.connection.data_received(OK)
    rig.deadlines.watched.clear()
    rig.clock.time += 1
    _ = rig.begin(timeout=5)

    assert not rig.deadlines.watched


def test_closing_breaks_off_what_is_under_way(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.close()

    assert fault_of(waiter).status == 502


def test_closing_breaks_off_a_stream(rig: Rig) -> None:
    waiter = rig.begin()
    rig.connection.data_received(LONG)
    _, sink = streamed(value_of(waiter))
    rig.connection.close()

    assert isinstance(sink.end, BodyError)


def test_repr_states_the_state(rig: Rig) -> None:
    states = [repr(rig.connection)]
    _ = rig.begin()
    states.append(repr(rig.connection))
    rig.connection.data_received(LONG)
    states.append(repr(rig.connection))
    rig.connection.is_reused = True
    rig.connection.close()
    states.append(repr(rig.connection))

    assert states == [
        "<BackendConnection idle, new>",
        "<BackendConnection waiting, new>",
        "<BackendConnection streaming, new>",
        "<BackendConnection closed, reused>",
    ]


# The end that a backend gives a reason for


@pytest.fixture
def secure() -> Rig:
    return Rig(origin=Origin.make("https", "backend.test", 443))


def refusal() -> ssl.SSLError:
    error = ssl.SSLError(1, "alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    return error


def test_alert_about_our_certificate_is_an_integration_failure(secure: Rig) -> None:
    waiter = secure.begin()
    secure.connection.connection_lost(refusal())

    fault = waiter.error
    assert isinstance(fault, Fault)
    assert (fault.type, fault.status) == (GatewayResponseType.INTEGRATION_FAILURE, 504)
    assert fault.detail.startswith("CLIENT_CERTIFICATE_REFUSED: backend.test:443 refused")
    assert secure.connection.failure == fault.detail
    assert secure.owner.forgotten == [secure.connection]


def test_alert_before_any_request_is_remembered_for_whoever_waits(secure: Rig) -> None:
    secure.connection.connection_lost(refusal())

    assert secure.connection.failure.startswith("CLIENT_CERTIFICATE_REFUSED: ")
    assert secure.connection.is_closing()


def test_alert_after_the_first_byte_is_a_broken_answer(secure: Rig) -> None:
    waiter = secure.begin()
    secure.connection.data_received(b"HTTP/1.1 200")
    secure.connection.connection_lost(refusal())

    assert isinstance(waiter.error, Fault)
    assert waiter.error.status == 502


def test_end_just_after_a_handshake_hints_at_certificates(secure: Rig, rig: Rig) -> None:
    for one, has_hint in ((secure, True), (rig, False)):
        waiter = one.begin()
        one.connection.connection_lost(ConnectionResetError())

        assert isinstance(waiter.error, Fault)
        assert ("client certificate" in waiter.error.detail) is has_hint


def test_peer_is_an_address_and_a_port(rig: Rig) -> None:
    rig.transport.peer = ("2001:db8::1", 80, 0, 0)
    assert rig.connection.peer == ("2001:db8::1", 80)
    rig.transport.peer = "/run/app.sock"
    assert rig.connection.peer is None


@pytest.mark.parametrize("framing", [b"Content-Length: 0", b"Transfer-Encoding: chunked"])
def test_headers_of_the_last_answer_are_known_however_it_was_read(rig: Rig, framing: bytes) -> None:
    _ = rig.begin()
    end = b"0\r\n\r\n" if b"chunked" in framing else b""
    rig.connection.data_received(
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\n" + framing + b"\r\n\r\n" + end
    )

    assert (b"Keep-Alive", b"timeout=5") in rig.connection.answer_headers
    assert rig.owner.released == [rig.connection]
