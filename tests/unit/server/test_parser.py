"""The contract with aiohttp's private C parser: what the edge relies on, fact by fact."""

from __future__ import annotations

import importlib
import sys

import aiohttp
import pytest

from gateway.server import refusal
from gateway.server.parser import NO_BODY, ChunkedBody, Head, RequestParser
from gateway.server.refusal import Refusal, RefusedError
from tests.clients import CHUNKED, GET, HOST, bytewise, post


def parser() -> RequestParser:
    return RequestParser(20_480, 100)


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        parser().parse(data)
    return caught.value.refusal


def chunked() -> ChunkedBody:
    heads = parser()
    _, payload = heads.parse(CHUNKED)
    return heads.chunked_body(payload)


def test_aiohttp_is_the_version_that_these_facts_were_found_with() -> None:
    major, minor, patch = (int(part) for part in aiohttp.__version__.split(".")[:3])

    assert (major, minor) == (3, 14)
    assert patch >= 5


def test_without_the_c_parser_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp._http_parser", None)
    monkeypatch.delitem(sys.modules, "gateway.server.parser")

    with pytest.raises(ImportError, match="too lenient for an edge"):
        importlib.import_module("gateway.server.parser")


def test_a_head_is_one_message() -> None:
    head, payload = parser().parse(
        b"GET /a?b HTTP/1.1\r\nhOST: x\r\nA: 1 \t\r\nA: \xff\r\nConnection: close\r\n\r\n"
    )

    assert (head.method, head.path, head.version) == ("GET", "/a?b", (1, 1))
    assert head.raw_headers == (
        (b"hOST", b"x"), (b"A", b"1"), (b"A", b"\xff"), (b"Connection", b"close"),
    )  # fmt: skip
    assert head.headers["Host"] == "x"
    assert head.headers.getall("a", ()) == ["1", "\udcff"]
    assert (head.should_close, head.chunked, head.upgrade) == (True, False, False)
    assert payload is NO_BODY


def test_one_parser_reads_many_heads() -> None:
    heads = parser()

    assert [heads.parse(GET)[0].path for _ in range(3)] == ["/prod/pets"] * 3


@pytest.mark.parametrize("framing", [b"Content-Length: 0", b"Transfer-Encoding:"])
def test_an_empty_body_looks_like_none(framing: bytes) -> None:
    """So the connection looks at the headers itself."""
    _, payload = parser().parse(b"POST / HTTP/1.1\r\n" + HOST + framing + b"\r\n\r\n")

    assert payload is NO_BODY


@pytest.mark.parametrize("coding", [b",chunked", b"gzip, chunked", b"Chunked"])
def test_the_parser_looks_at_the_last_coding_only(coding: bytes) -> None:
    """So the connection compares the header itself."""
    head, _ = parser().parse(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: " + coding + b"\r\n\r\n"
    )

    assert head.chunked


def test_the_parser_takes_any_version_1_and_chunks_of_http_1_0() -> None:
    """So the connection checks the request line, and HTTP/1.0's framing."""
    head, payload = parser().parse(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")

    assert head.version == (1, 0)
    assert payload is not NO_BODY


@pytest.mark.parametrize("control", sorted({*range(32), 127} - {9}))
def test_control_bytes_in_values_are_refused(control: int) -> None:
    data = GET[:-2] + b"A: b" + bytes([control]) + b"c\r\n\r\n"

    assert refusal_of(data) is refusal.HEADER


def test_header_names_are_tokens() -> None:
    token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    accepted = []
    for byte in range(256):
        try:
            head, _ = parser().parse(GET[:-2] + b"A" + bytes([byte]) + b"B: c\r\n\r\n")
        except RefusedError:
            continue
        if head.raw_headers[1][0] == b"A" + bytes([byte]) + b"B":
            accepted.append(byte)

    assert bytes(accepted) == bytes(sorted(token))


@pytest.mark.parametrize(
    "name", [b"Host", b"Content-Type", b"Content-Length", b"Transfer-Encoding", b"User-Agent"]
)
def test_singletons_come_once(name: bytes) -> None:
    data = b"GET / HTTP/1.0\r\n" + (name + b": 1\r\n") * 2 + b"\r\n"

    assert refusal_of(data) is refusal.HEADER


@pytest.mark.parametrize(
    "lines",
    [b"A: b\r\n" * 101, b"A: " + b"x" * 20_480 + b"\r\n", b"x" * 20_481 + b": a\r\n"],
)
def test_too_much_of_headers_is_told_apart(lines: bytes) -> None:
    assert refusal_of(b"GET / HTTP/1.0\r\n" + lines + b"\r\n") is refusal.HEADERS_TOO_LARGE


@pytest.mark.parametrize("data", [GET[:-2], GET + GET, b"", b"\r\n\r\n"])
def test_anything_but_one_head_is_refused(data: bytes) -> None:
    assert refusal_of(data) is refusal.HEADER


def test_a_refusal_says_nothing_of_the_bytes() -> None:
    with pytest.raises(RefusedError) as caught:
        parser().parse(b"GET / HTTP/1.1\r\nsecret\r\n\r\n")

    assert "secret" not in f"{caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("protocol", [b"foo", b"websocket", b"h2c"])
def test_after_an_upgrade_the_next_head_is_still_parsed_as_one(protocol: bytes) -> None:
    heads = parser()
    head, payload = heads.parse(
        GET[:-2] + b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
    )

    assert head.upgrade
    assert payload is NO_BODY
    assert heads.parse(GET)[0].path == "/prod/pets"


def test_the_last_trailer_leaks_into_the_next_head_unless_the_parser_is_renewed() -> None:
    """Why `renew` is required after every body. Should this fail, aiohttp has mended it."""

    def second_head(*, is_renewed: bool) -> Head:
        heads = parser()
        _, payload = heads.parse(CHUNKED)
        assert heads.chunked_body(payload).feed(b"0\r\nX-Leak: 1\r\n\r\n") == (b"", 16)
        if is_renewed:
            heads.renew()
        return heads.parse(GET)[0]

    assert "X-Leak" in second_head(is_renewed=False).headers
    assert "X-Leak" not in second_head(is_renewed=True).headers


MESSAGE = b"3\r\n\r\n\r\r\n1;a=b\r\n\n\r\n2\r\nab\r\n0\r\nA: b\r\nC: d\r\n\r\n"


@pytest.mark.parametrize("cut", range(len(MESSAGE) + 1))
def test_a_chunked_body_ends_where_it_ends(cut: int) -> None:
    body = chunked()
    data = b""
    taken = 0
    for segment in (MESSAGE[:cut], MESSAGE[cut:] + GET):
        if segment and not body.is_complete:
            piece, count = body.feed(segment)
            data += piece
            taken += count

    assert (data, taken, body.is_complete) == (b"\r\n\r\nab", len(MESSAGE), True)


def test_a_chunked_body_may_come_byte_by_byte() -> None:
    body = chunked()
    pieces = []
    for byte in bytewise(MESSAGE):
        assert not body.is_complete
        pieces.append(body.feed(byte)[0])

    assert body.is_complete
    assert b"".join(pieces) == b"\r\n\r\nab"


def test_a_body_of_empty_lines_is_no_end() -> None:
    body = chunked()
    data = b"\r\n" * 1000

    assert body.feed(b"%x\r\n%b\r\n0\r\n\r\nGET" % (len(data), data)) == (data, 2012)


def test_malformed_chunks_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        chunked().feed(b"zz\r\n")

    assert caught.value.refusal is refusal.BODY


def test_tiny_chunks_are_allowed_their_framing() -> None:
    body = chunked()
    for _ in range(100):
        body.feed(b"1\r\nx\r\n" * 1000)

    assert not body.is_complete


def test_trailers_are_bounded_whatever_the_body_was() -> None:
    body = chunked()
    for _ in range(100):
        body.feed(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    with pytest.raises(RefusedError) as caught:
        body.feed(b"0\r\n" + b"".join(b"T%d: %b\r\n" % (n, b"x" * 15_000) for n in range(9)))

    assert caught.value.refusal is refusal.HEADERS_TOO_LARGE


def test_content_encoding_is_left_alone() -> None:
    heads = parser()
    _, payload = heads.parse(CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n")

    assert heads.chunked_body(payload).feed(b"3\r\nabc\r\n0\r\n\r\n")[0] == b"abc"


def test_a_length_makes_a_body() -> None:
    data = post(b"abc")

    assert parser().parse(data[:-3])[1] is not NO_BODY
