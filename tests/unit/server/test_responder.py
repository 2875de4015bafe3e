from __future__ import annotations

from gateway.clock import id_lines
from gateway.messages import InvocationResponse
from gateway.server import refusal
from gateway.server.responder import STATUS_LINES, Responder, chunk, parts_of
from tests.builders import FakeClock, body

IDS = id_lines("id", "extended")


def whole(responder: Responder, now: float, *, is_kept: bool = True) -> bytes:
    parts = parts_of(InvocationResponse(200, b"A: b\r\n", b"body"))
    assert parts is not None
    return responder.whole(parts, IDS, now, is_kept)


def test_a_whole_answer_byte_by_byte() -> None:
    clock = FakeClock()

    assert whole(Responder(clock), clock.time) == (
        b"HTTP/1.1 200 OK\r\nA: b\r\nx-amzn-RequestId: id\r\nx-amz-apigw-id: extended\r\n"
        b"Date: Tue, 14 Nov 2023 22:30:00 GMT\r\nConnection: keep-alive\r\n"
        b"Content-Length: 4\r\n\r\nbody"
    )


def test_a_head_byte_by_byte() -> None:
    clock = FakeClock()
    head = Responder(clock).head(STATUS_LINES[404], b"", IDS, b"F: g\r\n", clock.time, False)

    assert head == (
        b"HTTP/1.1 404 Not Found\r\nx-amzn-RequestId: id\r\nx-amz-apigw-id: extended\r\n"
        b"Date: Tue, 14 Nov 2023 22:30:00 GMT\r\nConnection: close\r\nF: g\r\n\r\n"
    )


def test_a_refusal_byte_by_byte() -> None:
    clock = FakeClock()

    assert Responder(clock).refusal(refusal.METHOD, "id", clock.time) == (
        b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
        b"Allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\nx-amzn-RequestId: id\r\n"
        b"Date: Tue, 14 Nov 2023 22:30:00 GMT\r\nConnection: close\r\n"
        b'Content-Length: 32\r\n\r\n{"message":"Method Not Allowed"}'
    )


def test_the_date_moves_with_the_second() -> None:
    clock = FakeClock(time=1000.75)
    responder = Responder(clock)
    for seconds, date in ((0.2, b"22:30:00"), (0.25, b"22:30:01"), (59.25, b"22:31:00")):
        clock.time = 1000.75 + seconds

        assert date in whole(responder, clock.time)
        assert date in responder.refusal(refusal.HOST, "id", clock.time)


def test_a_shared_answer_is_taken_apart_once() -> None:
    shared = InvocationResponse(200, b"A: b\r\n", b"body", is_shared=True)
    own = InvocationResponse(200, b"A: b\r\n", b"body")

    assert parts_of(own) == parts_of(shared) == shared.parts
    assert own.parts is None


def test_answers_without_a_body_of_bytes_have_no_such_parts() -> None:
    assert parts_of(InvocationResponse(204, b"", b"", is_shared=True)) is None
    assert parts_of(InvocationResponse(199, b"", b"")) is None
    assert parts_of(InvocationResponse(200, b"", body())) is None


def test_there_is_a_line_for_every_final_status() -> None:
    assert set(STATUS_LINES) == set(range(200, 600))
    assert STATUS_LINES[299] == b"HTTP/1.1 299 \r\n"


def test_a_chunk_says_its_size() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
