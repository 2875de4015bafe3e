"""Facts about plain heads of backends' answers: what is taken, what is left to the parser."""

from __future__ import annotations

import pytest

from gateway.server import plain_head
from gateway.server.plain_head import PlainHeads

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2"


def test_plain_head_is_read_raw_and_in_order() -> None:
    plain = PlainHeads().read(
        b"HTTP/1.1 404 Not  Found\r\nserver:x/1 \xe4\t\r\nX-Empty:\r\nContent-LENGTH: \t007 \r\n"
        b"Connection: keep-alive\r\nx-twice: 1\r\nx-twice: 2"
    )

    assert plain is not None
    assert (plain.status, plain.length) == (404, 7)
    assert plain.headers == (
        (b"server", b"x/1 \xe4"),
        (b"X-Empty", b""),
        (b"Content-LENGTH", b"007"),
        (b"Connection", b"keep-alive"),
        (b"x-twice", b"1"),
        (b"x-twice", b"2"),
    )


def test_an_equal_head_is_the_same_object_and_shares_what_was_derived() -> None:
    heads = PlainHeads()

    assert heads.read(HEAD) is heads.read(bytes(bytearray(HEAD)))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2",
        b"HTTP/1.1 20 OK\r\nContent-Length: 2",
        b"HTTP/1.1 600 Odd\r\nContent-Length: 2",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 0",
        b"HTTP/1.1 200\tOK\r\nContent-Length: 2",
        b"HTTP/1.1 200 O\x00K\r\nContent-Length: 2",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2",
        HEAD + b"\r\nContent-Length: 2",
        HEAD + b"\r\nTransfer-Encoding: chunked",
        HEAD + b"\r\nConnection: close",
        HEAD + b"\r\nConnection: keep-alive, X-Hop",
        HEAD + b"\r\nConnection:",
        HEAD + b"\r\nProxy-Connection: close",
        HEAD + b"\r\nUpgrade: h2c",
        HEAD + b"\r\n folded",
        HEAD + b"\r\nX : 1",
        HEAD + b"\r\nX: 1\r2",
        HEAD + b"\r\nX: 1\n2",
        HEAD + b"\r\nX: \x00",
        HEAD + b"\r\nno colon",
        HEAD + b"\r\n: nameless",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x2",
        b"HTTP/1.1 200 OK\r\nContent-Length:",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 16,
        HEAD + b"\r\nX: y" * 64,
        HEAD + b"\r\nX: " + b"y" * 16_384,
        b"",
        b"\r\n",
        b"\r\n" + HEAD,
    ],
)
def test_what_is_not_plain_is_left_to_the_parser_each_time(head: bytes) -> None:
    heads = PlainHeads()

    assert heads.read(head) is None
    assert heads.read(head) is None
    assert heads.read(HEAD) is not None


def test_what_is_remembered_is_bounded_and_forgotten_as_a_whole() -> None:
    heads = PlainHeads()
    for number in range(3 * plain_head._MOST_LINES):
        head = b"HTTP/1.1 200 %d\r\nContent-Length: 2\r\nX-Id: %d" % (number, number)
        assert heads.read(head) is not None

    assert len(heads.heads) <= plain_head._MOST_HEADS
    assert len(heads._lines) <= plain_head._MOST_LINES
    assert len(heads._statuses) <= plain_head._MOST_LINES


def test_long_lines_and_heads_are_read_and_not_remembered() -> None:
    heads = PlainHeads()
    head = HEAD + b"\r\nX-Long: " + b"x" * 5000

    plain = heads.read(head)

    assert plain is not None
    assert plain.headers[-1] == (b"X-Long", b"x" * 5000)
    assert repr(heads) == "<PlainHeads 0 heads, 2 lines>"
