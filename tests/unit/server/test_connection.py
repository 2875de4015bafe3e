"""One client's connection, against a transport, a loop and a service that are moved by hand."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable

import pytest

from gateway.driver import Waiter
from gateway.messages import Exchange, InvocationResponse
from gateway.server.connection import AHEAD_BYTES, CLIENT_LEFT, REQUESTS_PER_TURN, ClientConnection
from gateway.settings import Limits, Timeouts
from gateway.streams import HIGH_WATER_BYTES, BodyError, BodyStream
from tests.clients import (
    CHUNKED,
    GET,
    HOST,
    Client,
    Collected,
    FakeService,
    FakeTransport,
    Feeding,
    answers,
    bytewise,
    post,
)

EXPECTING = (
    b"POST /prod/pets HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
)
HEAD = b"HEAD /prod/pets HTTP/1.1\r\n" + HOST + b"\r\n"
OLD = b"GET /prod/pets HTTP/1.0\r\n" + HOST + b"\r\n"


def replying(
    body: bytes | BodyStream, *, status: int = 200, length: int | None = None
) -> FakeService:
    return FakeService(reply=lambda _exchange: InvocationResponse(status, b"", body, length))


def waiting() -> FakeService:
    return FakeService(gate=Waiter())


def go(service: FakeService) -> None:
    """Let the waiting answer be made; the next one does not wait."""
    gate, service.gate = service.gate, None
    assert gate is not None
    gate.set(None)


def test_an_answer_carries_ids_date_connection_and_length() -> None:
    (answer,) = answers(Client().send(GET))

    assert answer.headers == {
        "content-type": "text/plain",
        "x-amzn-requestid": "request-1",
        "x-amz-apigw-id": "extended-1=",
        "date": "Tue, 14 Nov 2023 22:30:00 GMT",
        "connection": "keep-alive",
        "content-length": "41",
    }


def test_an_answer_of_bytes_is_one_write() -> None:
    client = Client()
    client.send(GET)

    assert client.transport.writes == 1


def test_the_request_carries_what_the_client_sent() -> None:
    client = Client()
    client.send(b"GET /a%20b?c=d?e HTTP/1.1\r\nhOST: X:81\r\nA: 1\r\nA: 2\r\n\r\n")
    request = client.service.requests[0]

    assert (request.method, request.target, request.path, request.query) == (
        "GET", "/a%20b?c=d?e", "/a%20b", "c=d?e",
    )  # fmt: skip
    assert request.headers == ((b"hOST", b"X:81"), (b"A", b"1"), (b"A", b"2"))
    assert request.fields["a"] == "1"
    assert (request.host, request.source_ip) == ("x", "192.0.2.7")
    assert (request.scheme, request.port, request.is_http_1_0) == ("http", 8080, False)
    assert request.body is None


def test_an_empty_body_is_not_the_same_as_none() -> None:
    client = Client()
    client.send(post(b""))
    body = client.service.requests[0].body

    assert body is not None
    assert (body.length, body.is_complete, body.received) == (0, True, 0)


def test_the_exchange_is_recorded_once_with_status_length_and_latency() -> None:
    client = Client(waiting())
    client.send(GET)
    client.clock.time += 0.25
    go(client.service)
    (exchange,) = client.service.recorded

    assert (exchange.status, exchange.response_length, exchange.response_latency) == (200, 41, 0.25)
    client.lose()
    assert len(client.service.recorded) == 1


def test_a_recorder_that_fails_costs_neither_answer_nor_connection(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()

    def fail(_exchange: Exchange) -> None:
        raise ValueError("disk")

    monkeypatch.setattr(client.service, "record", fail)

    assert len(answers(client.send(GET + GET))) == 2
    assert client.service.refusals == ["bug", "bug"]
    assert "disk" in caplog.text


@pytest.mark.parametrize(
    ("request_", "status", "body", "length", "headers"),
    [
        (HEAD, 200, b"abc", None, {"content-length": "3"}),
        (HEAD, 200, b"", 77, {"content-length": "77"}),
        (HEAD, 200, b"", None, {}),
        (GET, 204, b"", None, {}),
        (GET, 204, b"never", None, {}),
        (GET, 205, b"never", None, {"content-length": "0"}),
        (HEAD, 205, b"", 9, {"content-length": "0"}),
        (GET, 304, b"", 12, {}),
        (GET, 299, b"odd", None, {"content-length": "3"}),
    ],
)
def test_answers_without_a_body_have_none(
    request_: bytes, status: int, body: bytes, length: int | None, headers: dict[str, str]
) -> None:
    client = Client(replying(body, status=status, length=length))
    written = client.send(request_)
    head, _, sent = written.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    framing = [line for line in head.lower().split(b"\r\n") if b"length" in line or b"tran" in line]
    assert framing == [f"{name}: {value}".encode() for name, value in headers.items()]
    assert sent == (body if status == 299 else b"")
    assert client.is_open


@pytest.mark.parametrize("request_", [HEAD, GET])
def test_a_stream_that_must_not_be_sent_is_abandoned(request_: bytes) -> None:
    feeding = Feeding(5)
    client = Client(replying(feeding.stream, status=200 if request_ is HEAD else 204))
    written = client.send(request_)

    assert written.endswith(b"\r\n\r\n")
    assert feeding.calls == ["abandon"]
    assert client.is_open


def test_a_status_that_is_none_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(replying(b"", status=101))

    assert [answer.status for answer in answers(client.send(GET))] == [500]
    assert "101 is no final status" in caplog.text


# Connections that stay and go


@pytest.mark.parametrize(
    ("request_", "is_kept"),
    [
        (GET, True),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: x, CLOSE\r\n\r\n", False),
        (OLD, False),
        (OLD[:-2] + b"Connection: keep-alive\r\n\r\n", True),
    ],
)
def test_a_connection_is_kept_as_the_client_wishes(request_: bytes, is_kept: bool) -> None:
    client = Client()
    (answer,) = answers(client.send(request_))

    assert answer.headers["connection"] == ("keep-alive" if is_kept else "close")
    assert client.transport.is_closed is not is_kept


def test_a_connection_has_only_so_many_requests() -> None:
    client = Client(limits=Limits(connections=9, requests_per_connection=2))
    got = answers(client.send(GET + GET + GET))

    assert [answer.headers["connection"] for answer in got] == ["keep-alive", "close"]
    assert client.transport.is_eof_written


def test_an_old_connection_closes_after_its_answer() -> None:
    client = Client(limits=Limits(connections=9, connection_seconds=60))
    client.send(GET)
    client.clock.time += 60

    assert answers(client.send(GET))[0].headers["connection"] == "close"


def test_draining_closes_idle_connections_after_a_moment() -> None:
    client = Client()
    client.send(GET)
    client.edge.drain()
    client.loop.advance(0.9)
    assert not client.transport.is_closing()
    client.loop.advance(0.3)

    assert client.transport.is_closed


def test_a_request_that_comes_while_draining_is_answered_and_the_last() -> None:
    client = Client()
    client.send(GET)
    client.edge.drain()
    client.loop.advance(0.9)
    (answer,) = answers(client.send(GET))

    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert not client.is_open


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [(Timeouts(drain_seconds=0.2), 0.2), (Timeouts(keep_alive_seconds=0.3), 0.3)],
)
def test_the_moment_of_draining_is_no_longer_than_the_drain_or_keep_alive(
    timeouts: Timeouts, seconds: float
) -> None:
    client = Client(timeouts=timeouts)
    client.send(GET)
    client.edge.drain()
    client.loop.advance(seconds - 0.01)
    assert not client.transport.is_closing()
    client.loop.advance(0.02)

    assert client.transport.is_closed


def test_draining_leaves_an_unfinished_head_its_time() -> None:
    client = Client()
    client.send(GET[:10])
    client.edge.drain()
    client.loop.advance(5)
    (answer,) = answers(client.send(GET[10:]))

    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_draining_finishes_the_request_in_hand() -> None:
    client = Client(waiting())
    client.send(GET)
    client.edge.drain()
    assert not client.transport.is_closing()
    go(client.service)

    (answer,) = answers(bytes(client.transport.written))
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert not client.is_open


def test_a_half_closed_client_is_answered_and_then_closed() -> None:
    client = Client(waiting())
    client.send(GET)
    assert client.connection.eof_received()
    go(client.service)

    assert answers(bytes(client.transport.written))[0].headers["connection"] == "close"
    assert client.transport.is_closed


def test_a_client_that_half_closes_within_a_streamed_answer_is_closed_after_it() -> None:
    feeding = Feeding(2)
    client = Client(replying(feeding.stream))
    client.send(GET)
    client.connection.eof_received()
    feeding.stream.feed(b"ab")
    assert not client.transport.is_closing()
    feeding.stream.finish()

    assert not client.is_open


def test_draining_within_a_streamed_answer_leaves_time_for_the_request_that_it_invited() -> None:
    feeding = Feeding(2)
    client = Client(replying(feeding.stream))
    assert b"Connection: keep-alive" in client.send(GET)
    client.edge.drain()
    client.loop.advance(5)
    feeding.stream.feed(b"ab")
    feeding.stream.finish()
    client.service.reply = None
    assert answers(client.send(GET))[0].headers["connection"] == "close"

    assert not client.is_open


def test_after_a_streamed_answer_a_draining_connection_is_idle_for_a_moment_only() -> None:
    feeding = Feeding(2)
    client = Client(replying(feeding.stream))
    client.send(GET)
    client.edge.drain()
    feeding.stream.feed(b"ab")
    feeding.stream.finish()
    client.loop.advance(1.2)

    assert client.transport.is_closed


def test_an_idle_client_that_closes_is_closed() -> None:
    assert not Client().connection.eof_received()


def test_what_follows_the_last_answer_is_thrown_away_for_a_while() -> None:
    client = Client()
    client.send(b"BAD\r\n\r\n")
    assert client.transport.is_eof_written
    assert client.send(GET) == b""
    assert not client.transport.is_closing()
    client.loop.advance(3)

    assert client.transport.is_aborted


def test_lingering_has_a_bound_of_bytes() -> None:
    client = Client()
    client.send(b"BAD\r\n\r\n", *[b"x" * 262_144] * 5)

    assert client.transport.is_aborted


def test_a_closing_connection_waits_for_a_client_that_still_reads() -> None:
    client = Client(replying(b"x" * 1000))
    client.transport.unsent = 1000
    client.send(GET[:-2] + b"Connection: close\r\n\r\n")
    client.loop.advance(3)
    assert not client.transport.is_aborted
    client.transport.unsent = 500
    client.loop.advance(30)
    assert not client.transport.is_aborted
    client.loop.advance(31)

    assert client.transport.is_aborted


# Pipelining and back-pressure


def test_a_request_waits_for_the_answer_before_it() -> None:
    client = Client(waiting())
    assert client.send(GET, GET, GET[:10]) == b""
    # Whoever leaves is noticed by reading only.
    assert client.transport.reads
    assert len(client.service.requests) == 1
    go(client.service)

    assert len(answers(bytes(client.transport.written))) == 2
    assert client.transport.reads
    assert len(answers(client.send(GET[10:]))) == 1


def test_pipelined_requests_are_answered_one_by_one_whatever_repeats() -> None:
    client = Client()
    heads = [GET, GET[:-2] + b"Accept: text/html, */*\r\n\r\n"]
    rows = [row for count in (1, 2, 3, 4) for row in itertools.product(heads, repeat=count)]
    for row in rows:
        client.send(b"".join(row))

    sent = [head for row in rows for head in row]
    assert [len(request.headers) for request in client.service.requests] == [
        head.count(b": ") for head in sent
    ]


def test_pipelined_requests_do_not_keep_others_waiting() -> None:
    client = Client()
    client.send(GET * (REQUESTS_PER_TURN + 1))
    assert len(client.service.requests) == REQUESTS_PER_TURN
    client.loop.run_soon()

    assert len(client.service.requests) == REQUESTS_PER_TURN + 1


@pytest.mark.parametrize("leaves", [False, True])
def test_a_connection_whose_last_answer_is_not_read_is_cut_off(leaves: bool) -> None:
    client = Client()
    client.send(GET)
    client.transport.unsent = 500
    if leaves:
        assert not client.connection.eof_received()
    else:
        client.loop.advance(76)
    assert client.transport.is_closed
    assert not client.transport.is_aborted
    client.loop.advance(2 + 31)

    assert client.transport.is_aborted


def test_requests_wait_until_the_client_has_read_its_answers() -> None:
    client = Client()
    client.connection.pause_writing()
    assert client.send(GET) == b""
    assert not client.transport.reads
    client.connection.resume_writing()

    assert len(answers(bytes(client.transport.written))) == 1
    assert client.transport.reads


def test_a_client_that_stops_reading_is_cut_off() -> None:
    feeding = Feeding()
    client = Client(replying(feeding.stream))
    client.send(GET)
    client.transport.unsent = 70_000
    client.connection.pause_writing()
    assert feeding.calls == ["pause"]
    client.loop.advance(31)

    assert client.transport.is_aborted
    client.lose()
    assert feeding.calls == ["pause", "abandon"]


def test_write_buffers_are_bounded() -> None:
    assert Client().transport.limits == (65_536, 32_768)


# Streamed answers


def test_a_stream_that_is_complete_goes_in_one_write() -> None:
    feeding = Feeding()
    feeding.stream.feed(b"ab")
    feeding.stream.feed(b"cd")
    feeding.stream.finish()
    client = Client(replying(feeding.stream))
    (answer,) = answers(client.send(GET))

    assert (answer.body, answer.headers["content-length"]) == (b"abcd", "4")
    assert client.transport.writes == 1


@pytest.mark.parametrize(
    ("length", "request_", "framing"),
    [
        (7, GET, ("content-length", "7")),
        (None, GET, ("transfer-encoding", "chunked")),
        (7, OLD, ("content-length", "7")),
        (None, OLD, ("connection", "close")),
    ],
)
def test_a_stream_is_framed_and_ends(
    length: int | None, request_: bytes, framing: tuple[str, str]
) -> None:
    feeding = Feeding(length)
    feeding.stream.feed(b"ab")
    client = Client(replying(feeding.stream))
    client.send(request_)
    assert client.transport.writes == 1
    assert b"ab" in client.transport.written
    feeding.stream.feed(b"cde")
    feeding.stream.feed(b"fg")
    assert client.service.recorded == []
    feeding.stream.finish()
    (answer,) = answers(bytes(client.transport.written))

    assert answer.body == b"abcdefg"
    assert answer.headers[framing[0]] == framing[1]
    assert [exchange.response_length for exchange in client.service.recorded] == [7]
    assert client.transport.is_closed is (request_ is OLD)


def test_large_chunks_are_framed_too() -> None:
    feeding = Feeding()
    client = Client(replying(feeding.stream))
    client.send(GET)
    feeding.stream.feed(b"x" * 5000)
    feeding.stream.finish()

    assert answers(bytes(client.transport.written))[0].body == b"x" * 5000


def test_a_slow_client_pauses_the_backend() -> None:
    feeding = Feeding()
    client = Client(replying(feeding.stream))
    client.send(GET)
    client.connection.pause_writing()
    assert feeding.calls == ["pause"]
    client.connection.resume_writing()

    assert feeding.calls == ["pause", "resume"]


def break_off(feeding: Feeding) -> None:
    feeding.stream.fail(BodyError("the backend died"))


def too_long(feeding: Feeding) -> None:
    feeding.stream.feed(b"x" * 9)


def too_short(feeding: Feeding) -> None:
    feeding.stream.finish()


@pytest.mark.parametrize("spoil", [break_off, too_long, too_short])
def test_an_answer_that_breaks_off_aborts_and_never_gets_a_second_status_line(
    spoil: Callable[[Feeding], None],
) -> None:
    feeding = Feeding(8)
    client = Client(replying(feeding.stream))
    client.send(GET)
    feeding.stream.feed(b"ab")
    spoil(feeding)

    assert client.transport.is_aborted
    assert client.transport.written.count(b"HTTP/1.1") == 1
    assert [exchange.status for exchange in client.service.recorded] == [200]
    client.lose()
    assert len(client.service.recorded) == 1


def test_an_answer_that_broke_before_its_head_was_sent_is_502() -> None:
    feeding = Feeding(8)
    feeding.stream.feed(b"ab")
    break_off(feeding)
    client = Client(replying(feeding.stream))

    assert [answer.status for answer in answers(client.send(GET))] == [502]
    assert [exchange.status for exchange in client.service.recorded] == [502]


def test_a_client_that_leaves_within_an_answer_is_recorded_with_its_status() -> None:
    feeding = Feeding()
    client = Client(replying(feeding.stream))
    client.send(GET)
    feeding.stream.feed(b"abc")
    client.lose()
    (exchange,) = client.service.recorded

    assert (exchange.status, exchange.response_length) == (200, 3)
    assert feeding.calls == ["abandon"]


# Request bodies


@pytest.mark.parametrize("body", [b"abc", b"x" * 1000])
def test_a_body_in_pieces_is_put_together(body: bytes) -> None:
    client = Client()
    (answer,) = answers(client.send(*bytewise(post(body))))

    assert answer.body.endswith(b" " + body)
    assert client.is_open


def test_a_body_that_nobody_wants_yet_is_held_to_the_high_water_mark() -> None:
    client = Client(waiting())
    client.send(post(b"x" * 200_000)[:100_000])
    assert not client.transport.reads
    go(client.service)
    assert client.transport.reads
    client.send(post(b"x" * 200_000)[100_000:])

    assert client.service.bodies == [b"x" * 200_000]


def test_a_slow_sink_pauses_the_client() -> None:
    client = Client(waiting())
    client.send(post(b"x" * 9)[:-5])
    stream = client.service.requests[0].body
    assert stream is not None
    stream.attach(Collected())
    stream.pause()
    assert not client.transport.reads
    stream.resume()

    assert client.transport.reads


def test_an_early_answer_closes_because_the_body_is_not_read() -> None:
    service = FakeService(reads_body=False)
    client = Client(service)
    (answer,) = answers(client.send(post(b"abc")[:-1]))

    assert answer.headers["connection"] == "close"
    assert client.transport.is_eof_written
    assert client.send(b"c" + GET) == b""
    assert len(service.requests) == 1


def test_a_body_that_its_sink_abandons_ends_the_connection_with_the_answer() -> None:
    client = Client(waiting())
    client.send(post(b"abc")[:-1])
    stream = client.service.requests[0].body
    assert stream is not None
    client.service.reads_body = False
    stream.cut(BodyError("backend gone"))
    assert not client.transport.reads
    go(client.service)

    assert answers(bytes(client.transport.written))[0].headers["connection"] == "close"
    assert client.transport.reads


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 10485761\r\n\r\n",
        b"Content-Length: 10485761\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_a_length_over_the_limit_is_refused_before_the_body_is_read(head: bytes) -> None:
    client = Client()
    (answer,) = answers(client.send(b"POST / HTTP/1.1\r\n" + HOST + head))

    assert answer.status == 413
    assert answer.body == b"HTTP content length exceeded 10485760 bytes."
    assert answer.headers["content-type"] == "text; charset=utf-8"
    assert client.service.requests == []
    assert client.service.refusals == ["body_too_large"]


def test_chunks_over_the_limit_are_refused_and_the_service_is_stopped() -> None:
    client = Client(limits=Limits(connections=9, body_bytes=10))
    written = client.send(CHUNKED, b"8\r\nabcdefgh\r\n", b"8\r\nabcdefgh\r\n", GET)

    assert [answer.status for answer in answers(written)] == [413]
    assert client.service.cut_short == 1
    assert [exchange.status for exchange in client.service.recorded] == [413]


def test_a_body_that_fails_fails_its_sink() -> None:
    client = Client(waiting())
    client.send(CHUNKED)
    stream = client.service.requests[0].body
    assert stream is not None
    sink = Collected()
    stream.attach(sink)
    client.send(b"zz\r\n")

    assert sink.error is not None


def test_a_body_that_fails_within_its_answer_aborts() -> None:
    feeding = Feeding()
    client = Client(replying(feeding.stream))
    client.service.reads_body = False
    client.send(CHUNKED)
    client.send(b"zz\r\n")

    assert client.transport.is_aborted
    assert client.transport.written.count(b"HTTP/1.1") == 1
    assert feeding.calls == ["abandon"]


def test_a_body_is_asked_for_when_somebody_wants_it() -> None:
    client = Client(waiting())
    assert client.send(EXPECTING) == b""
    go(client.service)
    assert client.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")

    assert [answer.status for answer in answers(bytes(client.transport.written))] == [100, 200]
    assert client.is_open


def test_a_body_that_nobody_wants_is_not_asked_for() -> None:
    client = Client(FakeService(reads_body=False))
    (answer,) = answers(client.send(EXPECTING))

    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_body_that_comes_unasked_is_not_asked_for() -> None:
    client = Client()

    assert [answer.status for answer in answers(client.send(EXPECTING + b"abc"))] == [200]
    assert [answer.status for answer in answers(client.send(EXPECTING + b"a", b"bc"))] == [200]


def test_an_expectation_without_a_body_is_ignored() -> None:
    client = Client()

    assert len(answers(client.send(GET[:-2] + b"Expect: 100-Continue\r\n\r\n"))) == 1
    assert client.is_open


# Bugs and clients that leave


def test_a_bug_is_500_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_exchange: Exchange) -> InvocationResponse:
        raise ValueError("secret")

    client = Client(FakeService(reply=fail))
    (answer,) = answers(client.send(GET))

    assert (answer.status, answer.body) == (500, b'{"message":"Internal server error"}')
    assert answer.headers["x-amzn-requestid"] == "request-1"
    assert [exchange.status for exchange in client.service.recorded] == [500]
    assert client.service.refusals == ["bug"]
    assert "secret" in caplog.text


def test_a_client_that_leaves_while_waiting_stops_the_service() -> None:
    client = Client(waiting())
    client.send(post(b"abc")[:-1])
    body = client.service.requests[0].body
    client.lose()

    assert client.service.cut_short == 1
    assert [exchange.status for exchange in client.service.recorded] == [CLIENT_LEFT]
    assert body is not None
    assert body.error is not None
    assert client.edge.connections == set()
    assert client.edge.admission.open == 0


def test_an_edge_answer_says_nothing_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    with caplog.at_level(logging.INFO):
        (answer,) = answers(client.send(b"GET /<script> HTTP/1.1\r\n\r\n"))

    assert answer.body == b'{"message":"Bad Request"}'
    assert set(answer.headers) == {
        "content-type", "x-amzn-requestid", "date", "connection", "content-length",
    }  # fmt: skip
    assert "script" not in caplog.text


# Time-outs


def test_a_silent_connection_is_closed() -> None:
    client = Client()
    client.loop.advance(9)
    assert not client.transport.is_closing()
    client.loop.advance(1.2)

    assert client.transport.is_closed
    assert client.transport.written == b""


def test_an_unfinished_head_is_408_however_steadily_it_comes() -> None:
    client = Client()
    for byte in bytewise(GET[:11]):
        client.send(byte)
        client.loop.advance(1)

    assert [answer.status for answer in answers(bytes(client.transport.written))] == [408]


def test_a_head_has_its_time_again_for_each_request() -> None:
    client = Client()
    for _ in range(3):
        client.send(GET[:10])
        client.loop.advance(9)
        assert len(answers(client.send(GET[10:]))) == 1
        client.loop.advance(60)

    assert client.is_open


def test_a_kept_connection_is_closed_when_it_stays_idle() -> None:
    client = Client()
    client.send(GET)
    client.loop.advance(74)
    assert not client.transport.is_closing()
    client.loop.advance(2)

    assert client.transport.is_closed


@pytest.mark.parametrize("segments", [(b"\r\n",), (b"\r", b"\n")])
def test_an_empty_line_after_an_answer_leaves_the_connection_idle(
    segments: tuple[bytes, ...],
) -> None:
    client = Client()
    client.send(GET)
    assert client.send(*segments) == b""
    client.loop.advance(74)
    assert len(answers(client.send(GET))) == 1
    client.send(*segments)
    client.loop.advance(76)

    assert client.transport.is_closed
    assert client.service.refusals == []


def test_a_carriage_return_alone_begins_a_head() -> None:
    client = Client()
    client.send(GET)
    written = len(client.transport.written)
    client.send(b"\r")
    client.loop.advance(10.2)

    assert [answer.status for answer in answers(bytes(client.transport.written[written:]))] == [408]


def test_a_keep_alive_that_is_shorter_than_the_first_wait_is_kept() -> None:
    client = Client(timeouts=Timeouts(keep_alive_seconds=2, idle_seconds=60))
    client.send(GET)
    client.loop.advance(2.2)

    assert client.transport.is_closed


def test_a_request_in_hand_is_not_idle() -> None:
    client = Client(waiting())
    client.send(GET)
    client.loop.advance(200)
    assert client.is_open
    go(client.service)
    assert len(answers(bytes(client.transport.written))) == 1
    client.loop.advance(74)

    assert client.is_open


@pytest.mark.parametrize(("step", "is_kept"), [(400, False), (600, True)])
def test_a_body_must_come_at_a_minimum_rate(step: int, is_kept: bool) -> None:
    client = Client()
    client.send(post(b"x" * 100_000)[:-100_000])
    for _ in range(100):
        client.send(b"x" * step)
        client.loop.advance(1)

    assert client.is_open is is_kept
    statuses = [answer.status for answer in answers(bytes(client.transport.written))]
    assert statuses == ([] if is_kept else [408])


def test_a_stalled_body_is_408() -> None:
    client = Client(timeouts=Timeouts(body_minimum_bytes_per_second=0))
    client.send(post(b"abc")[:-1])
    client.loop.advance(29)
    assert client.is_open
    client.loop.advance(2)

    assert [answer.status for answer in answers(bytes(client.transport.written))] == [408]
    assert client.service.refusals == ["slow_body"]


def test_our_own_pauses_do_not_count_against_the_client() -> None:
    client = Client(waiting())
    client.send(post(b"x" * 200_000)[: HIGH_WATER_BYTES + 1000])
    client.loop.advance(100)
    assert client.is_open
    go(client.service)
    client.loop.advance(5)

    assert client.is_open


def test_a_closed_connection_leaves_no_timer_behind() -> None:
    client = Client()
    client.send(GET)
    client.lose()
    client.loop.advance(20)

    assert client.loop.timers == []


# Who the client is


@pytest.mark.parametrize(
    ("peer", "forwarded", "client_ip"),
    [
        ("192.0.2.7", b"X-Forwarded-For: 1.2.3.4\r\n", "192.0.2.7"),
        ("10.0.0.1", b"X-Forwarded-For: 9.9.9.9, 1.2.3.4, 10.0.0.2\r\n", "1.2.3.4"),
        ("10.0.0.1", b"X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 10.0.0.3\r\n", "1.2.3.4"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("::ffff:10.0.0.1", b"X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4"),
        ("::ffff:192.0.2.7", b"X-Forwarded-For: 1.2.3.4\r\n", "192.0.2.7"),
    ],
)
def test_only_a_trusted_proxy_speaks_for_others(
    peer: str, forwarded: bytes, client_ip: str
) -> None:
    client = Client(trusted_proxies=("10.0.0.0/8",), peer=peer)
    client.send(GET[:-2] + forwarded + b"\r\n")

    assert client.service.requests[0].source_ip == client_ip


@pytest.mark.parametrize(
    ("peer", "forwarded", "scheme", "port"),
    [
        ("10.0.0.1", b"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n", "https", 443),
        ("10.0.0.1", b"X-Forwarded-Proto: HTTPS\r\n", "https", 8080),
        ("10.0.0.1", b"X-Forwarded-Proto: http, https\r\n", "https", 8080),
        ("10.0.0.1", b"X-Forwarded-Port: 1\r\nx-forwarded-port: 2, 65535\r\n", "http", 65535),
        ("10.0.0.1", b"X-Forwarded-Proto: ftp\r\nX-Forwarded-Port: 65536\r\n", "http", 8080),
        ("10.0.0.1", b"", "http", 8080),
        ("192.0.2.7", b"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n", "http", 8080),
    ],
)
def test_only_a_trusted_proxy_says_how_the_client_connected(
    peer: str, forwarded: bytes, scheme: str, port: int
) -> None:
    client = Client(trusted_proxies=("10.0.0.0/8",), peer=peer)
    client.send(GET[:-2] + forwarded + b"\r\n")
    request = client.service.requests[0]

    assert (request.scheme, request.port) == (scheme, port)


def test_a_proxy_speaks_for_the_client_of_each_request() -> None:
    client = Client(trusted_proxies=("10.0.0.0/8",), peer="10.0.0.1")
    for address in (b"1.2.3.4", b"1.2.3.4", b"5.6.7.8", b"1.2.3.4"):
        client.send(GET[:-2] + b"X-Forwarded-For: " + address + b"\r\n\r\n")

    told = [request.source_ip for request in client.service.requests]
    assert told == ["1.2.3.4", "1.2.3.4", "5.6.7.8", "1.2.3.4"]


def test_a_connection_too_many_is_reset_and_counted() -> None:
    client = Client(limits=Limits(connections=1))
    transport = FakeTransport()
    other = ClientConnection(client.edge)
    other.connection_made(transport)
    other.data_received(GET)

    assert transport.is_aborted
    assert transport.written == b""
    assert client.service.refusals == ["connection_limit"]
    assert client.edge.admission.open == 1


def test_the_state_is_in_the_repr() -> None:
    client = Client()
    client.send(GET)

    assert repr(client.connection) == "<ClientConnection idle 192.0.2.7, 1 requests>"


def test_reading_stops_when_too_much_is_pipelined_behind_a_waiting_request() -> None:
    client = Client(waiting())
    client.send(GET)
    client.send(GET * (AHEAD_BYTES // len(GET) + 1))

    assert not client.transport.reads
