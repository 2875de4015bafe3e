"""Facts about answers of backends, whole, cut anywhere, and one byte at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.server.backend_parser import (
    HEAD_BYTES,
    HEADER_COUNT,
    INTERIM_COUNT,
    TRAILER_BYTES,
    InvalidResponseError,
    ResponseParser,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"


@dataclass
class Outcome:
    status: int
    body: bytes
    is_complete: bool
    is_reusable: bool
    headers: list[tuple[bytes, bytes]]
    length: int | None


def parse(*pieces: bytes, is_head: bool = False, then_eof: bool = False) -> Outcome:
    parser = ResponseParser()
    parser.expect(is_head=is_head)
    return parse_with(parser, *pieces, then_eof=then_eof)


def parse_with(parser: ResponseParser, *pieces: bytes, then_eof: bool = False) -> Outcome:
    body = []
    for piece in pieces:
        parser.feed(piece)
        body += parser.take_body()
    if then_eof:
        parser.feed_eof()
    return Outcome(
        parser.status,
        b"".join(body),
        parser.is_complete,
        parser.is_complete and parser.is_reusable,
        parser.headers,
        parser.length,
    )


def segmentations(raw: bytes) -> Iterator[list[bytes]]:
    yield [raw]
    yield [raw[i : i + 1] for i in range(len(raw))]
    for cut in range(1, len(raw)):
        yield [raw[:cut], raw[cut:]]


@pytest.mark.parametrize(
    ("raw", "body", "is_reusable"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", b"abc", True),
        (OK + EMPTY, b"", True),
        (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde", True),
        (CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n", b"abc", True),
        (CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n", b"abc", True),
        (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", b"x", True),
        (OK + b"Transfer-Encoding: CHUNKED \r\n\r\n1\r\nx\r\n0\r\n\r\n", b"x", True),
        (OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (OK + b"Connection: a, Close\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
            b"x",
            False,
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK + EMPTY, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * INTERIM_COUNT + OK + EMPTY, b"", True),
    ],
)
def test_valid_answer_is_the_same_however_it_is_cut(
    raw: bytes, body: bytes, is_reusable: bool
) -> None:
    for pieces in segmentations(raw):
        outcome = parse(*pieces)

        assert outcome.is_complete
        assert outcome.body == body
        assert outcome.is_reusable is is_reusable


@pytest.mark.parametrize(
    "raw",
    [
        # Values and lines that could be split (R01-R04).
        OK + b"X: a\0b\r\n" + EMPTY,
        OK + b"X: a\rb\r\n" + EMPTY,
        OK + b"X: a\nY: b\r\n" + EMPTY,
        OK + b"X: a\r\n b\r\n" + EMPTY,
        OK + b"X: a\x01b\r\n" + EMPTY,
        OK + b" X: a\r\n" + EMPTY,
        OK + b"X : a\r\n" + EMPTY,
        OK + b": a\r\n" + EMPTY,
        OK + b"no colon\r\n" + EMPTY,
        OK + b"a\xe9: a\r\n" + EMPTY,
        b"HTTP/1.1 200 a\rb\r\n" + EMPTY,
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        # Framing (R05-R08).
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"Content-Length: 3, 3\r\n\r\nabc",
        OK + b"Content-Length: +3\r\n\r\nabc",
        OK + b"Content-Length: -3\r\n\r\nabc",
        OK + b"Content-Length: 0x3\r\n\r\nabc",
        OK + b"Content-Length:\r\n\r\nabc",
        OK + b"Content-Length: 18446744073709551617\r\n\r\nabc",
        OK + b"Content-Length: " + b"0" * 5000 + b"3\r\n\r\nabc",
        OK + b"Transfer-Encoding: gzip\r\n\r\nabc",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\nabc",
        OK + b"Transfer-Encoding: xchunked\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\nabc\r\n",
        CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3\nabc\n0\n\n",
        CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"10000000000000000\r\nabc",
        CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
        # Statuses and versions (R10).
        b"HTTP/1.1 99 Low\r\n" + EMPTY,
        b"HTTP/1.1 099 Low\r\n" + EMPTY,
        b"HTTP/1.1 600 High\r\n" + EMPTY,
        b"HTTP/1.1 999 High\r\n" + EMPTY,
        b"HTTP/1.1 1000 High\r\n" + EMPTY,
        b"HTTP/1.1 20 Short\r\n" + EMPTY,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (INTERIM_COUNT + 1) + OK + EMPTY,
        b"HTTP/2.0 200 OK\r\n" + EMPTY,
        b"HTTP/2.0 200 OK\r\nConnection: keep-alive\r\n" + EMPTY,
        b"HTTP/0.9 200 OK\r\n" + EMPTY,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/2.0 200 OK\r\n" + EMPTY,
        b"HTTP/1.2 200 OK\r\n" + EMPTY,
        b"ICY 200 OK\r\n" + EMPTY,
        b"\x16\x03\x01\x02\x00",
        # Bounds (R14).
        OK + b"X: " + b"x" * HEAD_BYTES + b"\r\n" + EMPTY,
        OK + b"X: x\r\n" * (HEADER_COUNT + 1) + EMPTY,
    ],
)
def test_invalid_answer_is_refused_however_it_is_cut(raw: bytes) -> None:
    whole = [raw]
    bytewise = [raw[i : i + 1] for i in range(len(raw))]
    halves = [raw[: len(raw) // 2], raw[len(raw) // 2 :]]
    for pieces in (whole, bytewise, halves):
        with pytest.raises(InvalidResponseError):
            parse(*pieces)


def test_headers_are_raw_and_in_order() -> None:
    raw = OK + b"Set-Cookie: a\r\nX-cAsE: \xff\xfe\r\nset-cookie: b\r\nX-Empty:\r\n" + EMPTY

    assert parse(raw).headers == [
        (b"Set-Cookie", b"a"),
        (b"X-cAsE", b"\xff\xfe"),
        (b"set-cookie", b"b"),
        (b"X-Empty", b""),
        (b"Content-Length", b"0"),
    ]


def test_trailers_are_dropped() -> None:
    outcome = parse(CHUNKED, b"1\r\nx\r\n", b"0\r\nX-Trailer: t\r\n\r\n")

    assert outcome.headers == [(b"Transfer-Encoding", b"chunked")]
    assert outcome.is_reusable


def test_trailers_do_not_reach_the_next_answer() -> None:
    parser = ResponseParser()
    parse_with(parser, CHUNKED + b"0\r\nX-Trailer: t\r\n\r\n")
    parser.expect(is_head=False)

    assert parse_with(parser, OK + EMPTY).headers == [(b"Content-Length", b"0")]


def test_fields_of_interim_answers_are_dropped() -> None:
    outcome = parse(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK + EMPTY)

    assert outcome.status == 200
    assert outcome.headers == [(b"Content-Length", b"0")]


@pytest.mark.parametrize("piece", [b"X: " + b"y" * 1000, b"0" * 10])
def test_endless_trailers_are_refused(piece: bytes) -> None:
    last_chunk = CHUNKED + b"1\r\nx\r\n0\r\n"

    with pytest.raises(InvalidResponseError, match="trailers"):
        parse(last_chunk, *[piece] * (2 * TRAILER_BYTES // len(piece)))


def test_tiny_chunks_are_no_trailers() -> None:
    pieces = [b"1", b"\r", b"\n", b"x", b"\r", b"\n"] * TRAILER_BYTES

    assert not parse(CHUNKED, *pieces).is_complete


def test_many_small_heads_add_up() -> None:
    interim = b"HTTP/1.1 102 Processing\r\nX: " + b"x" * (HEAD_BYTES // 8) + b"\r\n\r\n"

    with pytest.raises(InvalidResponseError, match="head exceeds"):
        parse(*[interim] * 9)


def test_body_in_the_same_read_does_not_count_as_head() -> None:
    outcome = parse(OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000)

    assert outcome.is_reusable
    assert len(outcome.body) == 100_000


@pytest.mark.parametrize(
    ("raw", "length", "is_reusable"),
    [
        (OK + b"Content-Length: 5\r\n\r\n", 5, True),
        (OK + EMPTY, 0, True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", None, True),
        (OK + b"Content-Type: a\r\n\r\n", None, True),
        (OK + b"Connection: close\r\n\r\n", None, False),
        (b"HTTP/1.0 200 OK\r\n\r\n", None, False),
        # Bytes that must not be there are dropped, and the connection with them (R09).
        (OK + b"Content-Length: 5\r\n\r\nabcde", 5, False),
        (OK + b"Content-Length: 5\r\n\r\na", 5, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5", None, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n\r\n", None, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", None, False),
        (OK + b"\r\nabc", None, False),
        (OK + b"\r\n\r\n\r\n", None, False),
    ],
)
def test_answer_to_head_ends_with_its_head(
    raw: bytes, length: int | None, is_reusable: bool
) -> None:
    outcome = parse(raw, is_head=True)

    assert outcome.is_complete
    assert outcome.body == b""
    assert outcome.length == length
    assert outcome.is_reusable is is_reusable


@pytest.mark.parametrize(
    "raw",
    [OK + b"Content-Length: 5\r\n\r\n", OK + b"\r\n", CHUNKED, b"HTTP/1.1 205 R\r\n\r\n"],
)
def test_next_answer_follows_an_answer_to_head(raw: bytes) -> None:
    parser = ResponseParser()
    parser.expect(is_head=True)
    parse_with(parser, raw)
    parser.expect(is_head=False)

    assert parse_with(parser, OK + b"Content-Length: 1\r\n\r\nx").body == b"x"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 205 Reset Content\r\n\r\nabcde",
        OK + b"Content-Length: 1\r\n\r\nxyz",
        (OK + b"Content-Length: 1\r\n\r\nx") * 2,
        OK + b"Content-Length: 1\r\n\r\nxH",
        OK + b"Connection: close\r\nContent-Length: 1\r\n\r\nxyz",
        CHUNKED + b"1\r\nx\r\n0\r\n\r\nHTTP/1.1 200",
    ],
)
def test_bytes_after_the_answer_spoil_the_connection(raw: bytes) -> None:
    outcome = parse(raw)

    assert outcome.is_complete
    assert not outcome.is_reusable
    assert outcome.body in {b"", b"x"}


def test_body_without_framing_ends_with_the_connection() -> None:
    outcome = parse(OK + b"\r\nabc", b"def", then_eof=True)

    assert outcome.is_complete
    assert outcome.body == b"abcdef"
    assert not outcome.is_reusable


@pytest.mark.parametrize(
    "raw", [OK, OK + b"Content-Length: 4\r\n\r\nabc", CHUNKED + b"3\r\nabc\r\n", b""]
)
def test_end_of_the_connection_does_not_complete_a_framed_answer(raw: bytes) -> None:
    assert not parse(raw, then_eof=True).is_complete


def test_repr_states_the_state() -> None:
    parser = ResponseParser()
    assert repr(parser) == "<ResponseParser head 0>"
    parser.feed(CHUNKED)
    assert repr(parser) == "<ResponseParser body 200>"
    parser.feed(b"0\r\n\r\n")
    assert repr(parser) == "<ResponseParser complete 200>"
