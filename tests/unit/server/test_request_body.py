from __future__ import annotations

import pytest

from gateway.server import refusal
from gateway.server.parser import RequestParser
from gateway.server.refusal import Refusal, RefusedError
from gateway.server.request_body import (
    RequestBody,
    check_expectation,
    empty_body,
    has_framing,
    length_of,
)
from gateway.settings import Timeouts
from gateway.streams import HIGH_WATER_BYTES, BodyError
from tests.clients import CHUNKED, HOST, Collected


class FakeReader:
    """Notes what a body asks of its connection."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def settle_reading(self) -> None:
        self.calls.append("settle")

    def send_continue(self) -> None:
        self.calls.append("continue")


def sized(length: int, reader: FakeReader | None = None) -> RequestBody:
    return RequestBody(reader or FakeReader(), length, None, 1000)


def declared(lines: bytes, version: bytes = b"1.1") -> int | None:
    head, _ = RequestParser(20_480, 100).parse(
        b"POST / HTTP/" + version + b"\r\n" + HOST + lines + b"\r\n"
    )
    assert has_framing(head.headers)
    return length_of(head, 1000)


@pytest.mark.parametrize("more", [b"", b"Expect: 100-CONTINUE\r\n"])
def test_100_continue_may_be_expected(more: bytes) -> None:
    head, _ = RequestParser(20_480, 100).parse(
        b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n" + more + b"\r\n"
    )
    check_expectation(head.headers)


@pytest.mark.parametrize("other", [b"x", b"", b"100-continue, x"])
def test_no_other_expectation_hides_behind_the_first(other: bytes) -> None:
    head, _ = RequestParser(20_480, 100).parse(
        b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nExpect: " + other + b"\r\n\r\n"
    )
    with pytest.raises(RefusedError) as refused:
        check_expectation(head.headers)
    assert refused.value.refusal is refusal.EXPECTATION


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        (b"Content-Length: 0\r\n", 0),
        (b"content-length: 0012\r\n", 12),
        (b"Transfer-Encoding: chunked\r\n", None),
        (b"Transfer-Encoding: CHUNKED\r\n", None),
    ],
)
def test_a_clear_length_is_taken(lines: bytes, length: int | None) -> None:
    assert declared(lines) == length


@pytest.mark.parametrize(
    ("lines", "version", "answer"),
    [
        (b"Transfer-Encoding: ,chunked\r\n", b"1.1", refusal.FRAMING),
        (b"Transfer-Encoding: , chunked\r\n", b"1.1", refusal.FRAMING),
        (b"Transfer-Encoding:\r\n", b"1.1", refusal.FRAMING),
        (b"Transfer-Encoding: chunked\r\n", b"1.0", refusal.FRAMING),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"1.1", refusal.UNKNOWN_CODING),
        (b"Content-Length: 1001\r\n", b"1.1", refusal.too_large(1000)),
    ],
)
def test_a_doubtful_length_is_refused(lines: bytes, version: bytes, answer: Refusal) -> None:
    with pytest.raises(RefusedError) as caught:
        declared(lines, version)

    assert caught.value.refusal == answer


def test_an_empty_body_is_complete() -> None:
    body = empty_body()
    sink = Collected()
    body.attach(sink)

    assert (body.length, sink.is_finished) == (0, True)


def test_a_sized_body_takes_its_bytes_and_no_more() -> None:
    body = sized(5)
    assert body.take(b"abc") == b""
    assert not body.is_whole
    assert body.take(b"defg") == b"fg"

    assert body.is_whole
    assert body.stream.take() == b"abcde"


def test_chunks_beyond_the_limit_are_refused_and_not_passed_on() -> None:
    heads = RequestParser(20_480, 100)
    _, payload = heads.parse(CHUNKED)
    body = RequestBody(FakeReader(), None, heads.chunked_body(payload), 5)
    body.take(b"3\r\nabc\r\n")
    with pytest.raises(RefusedError) as caught:
        body.take(b"3\r\ndef\r\n")

    assert caught.value.refusal == refusal.too_large(5)
    assert body.stream.take() == b"abc"


def test_a_full_buffer_pauses_until_there_is_a_sink() -> None:
    reader = FakeReader()
    body = sized(1_000_000, reader)
    body.take(b"x" * (HIGH_WATER_BYTES + 1))
    assert body.is_paused
    body.stream.attach(Collected())

    assert not body.is_paused
    assert reader.calls == ["settle", "settle"]


def test_a_body_held_back_is_asked_for_once() -> None:
    reader = FakeReader()
    body = sized(5, reader)
    body.hold_back()
    body.stream.attach(Collected())
    body.stream.pause()
    body.stream.resume()

    assert reader.calls.count("continue") == 1


def test_an_abandoned_body_is_not_read() -> None:
    body = sized(5)
    body.stream.cut(BodyError("no"))

    assert body.is_paused


@pytest.mark.parametrize(
    ("rate", "seconds", "is_too_slow"), [(600, 100, False), (400, 9, False), (100, 100, True)]
)
def test_a_rate_below_the_minimum_is_too_slow(rate: int, seconds: int, is_too_slow: bool) -> None:
    body = sized(1_000_000)
    body.stream.attach(Collected())
    body.watch_from(1000.0)
    found = False
    for second in range(1, seconds + 1):
        body.take(b"x" * rate)
        found = found or body.is_too_slow(1000.0 + second, Timeouts())

    assert found is is_too_slow


def test_a_stall_is_too_slow_however_fast_it_was() -> None:
    body = sized(1_000_000)
    body.stream.attach(Collected())
    body.watch_from(1000.0)
    body.take(b"x" * 900_000)

    assert not body.is_too_slow(1001.0, Timeouts())
    assert not body.is_too_slow(1030.0, Timeouts())
    assert body.is_too_slow(1031.0, Timeouts())
