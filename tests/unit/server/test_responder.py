from __future__ import annotations

from gateway.answer_start import answer_start
from gateway.clock import id_lines
from gateway.messages import InvocationResponse
from gateway.server import refusal
from gateway.server.responder import Responder, chunk, start_of
from tests.builders import FakeClock, body

IDS = id_lines("id", "extended")


def whole(responder: Responder, now: float, *, is_kept: bool = True) -> bytes:
    return responder.whole(answer_start(200, b"A: b\r\n", 4), IDS, b"body", now, is_kept)


def test_a_whole_answer_byte_by_byte() -> None:
    clock = FakeClock()

    assert whole(Responder(clock), clock.time) == (
        b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 4\r\n"
        b"x-amzn-RequestId: id\r\nx-amz-apigw-id: extended\r\n"
        b"Date: Tue, 14 Nov 2023 22:30:00 GMT\r\nConnection: keep-alive\r\n\r\nbody"
    )


def test_an_answer_after_which_the_connection_ends_says_so() -> None:
    clock = FakeClock()

    assert whole(Responder(clock), clock.time, is_kept=False).endswith(
        b"\r\nConnection: close\r\n\r\nbody"
    )


def test_a_refusal_byte_by_byte() -> None:
    clock = FakeClock()

    assert Responder(clock).refusal(refusal.METHOD, "id", clock.time) == (
        b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
        b"Allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\nContent-Length: 32\r\n"
        b"x-amzn-RequestId: id\r\nDate: Tue, 14 Nov 2023 22:30:00 GMT\r\n"
        b'Connection: close\r\n\r\n{"message":"Method Not Allowed"}'
    )


def test_the_date_moves_with_the_second() -> None:
    clock = FakeClock(time=1000.75)
    responder = Responder(clock)
    for seconds, date in ((0.2, b"22:30:00"), (0.25, b"22:30:01"), (59.25, b"22:31:00")):
        clock.time = 1000.75 + seconds

        assert date in whole(responder, clock.time)
        assert date in responder.refusal(refusal.HOST, "id", clock.time)


def test_the_start_of_a_shared_answer_is_made_once() -> None:
    shared = InvocationResponse(200, b"A: b\r\n", b"body", is_shared=True)
    own = InvocationResponse(200, b"A: b\r\n", b"body")

    assert start_of(own) == start_of(shared) == shared.start
    assert own.start == b""


def test_answers_without_a_body_of_bytes_have_no_such_start() -> None:
    assert start_of(InvocationResponse(204, b"", b"", is_shared=True)) == b""
    assert start_of(InvocationResponse(200, b"", body())) == b""


def test_a_chunk_says_its_size() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
