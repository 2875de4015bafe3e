"""The wire checklist, client side: raw bytes in, and what becomes of them.

The identifiers are those of the checklist: F framing, H headers, T targets, P protocol. Every case
runs whole, split at each byte, and one byte per segment, straight into `data_received`; what needs
a kernel (half-close, resets, lingering) runs over real sockets on a free port.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.clock import IdMinter, SystemClock
from gateway.messages import Exchange, InvocationResponse
from gateway.server.admission import Admission
from gateway.server.connection import ClientConnection
from gateway.server.deadlines import Deadlines
from gateway.server.edge import Edge
from gateway.settings import Limits, Timeouts
from tests.clients import CHUNKED, GET, HOST, Client, FakeService, answers, bytewise, post

LINE = b"GET /p HTTP/1.1\r\n"
POST = b"POST /p HTTP/1.1\r\n" + HOST
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


def segmentations(data: bytes) -> list[list[bytes]]:
    """Return the ways in which `data` may arrive."""
    cuts = range(1, len(data)) if len(data) < 400 else range(1, len(data), len(data) // 50)
    return [[data], bytewise(data), *([data[:cut], data[cut:]] for cut in cuts)]


def refused(data: bytes) -> int:
    """Send `data` in every way, then a clean request; return the status it is refused with.

    The connection must end with that one answer, and the service must have seen nothing.
    """
    statuses = set()
    for segments in segmentations(data):
        client = Client()
        written = client.send(*segments, SMUGGLED)
        got = answers(written)
        assert len(got) == 1, (segments, got)
        assert not client.is_open
        assert got[0].headers["connection"] == "close"
        assert client.service.requests == [], segments
        assert len(client.service.refusals) == 1
        statuses.add(got[0].status)
    assert len(statuses) == 1, statuses
    return statuses.pop()


def served(data: bytes, *, is_kept: bool = True) -> tuple[str, bytes]:
    """Send `data` in every way, then a clean request; return what the service saw of the first.

    Both must be answered, each with its own answer, when the connection is kept.
    """
    seen = set()
    for segments in segmentations(data):
        client = Client()
        got = answers(client.send(*segments, GET))
        assert [answer.status for answer in got] == ([200, 200] if is_kept else [200]), segments
        assert client.is_open is is_kept
        assert client.service.refusals == []
        assert len(client.service.requests) == (2 if is_kept else 1)
        if is_kept:
            assert got[1].body == b"GET /prod/pets api.execute-api.localhost "
        assert len(client.service.recorded) == len(client.service.requests)
        request = client.service.requests[0]
        seen.add((f"{request.method} {request.target} {request.host}", client.service.bodies[0]))
    assert len(seen) == 1, seen
    return seen.pop()


def with_header(line: bytes) -> bytes:
    return LINE + HOST + line + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nG", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", b"0\r\n\r\nG", 400),
        (b"Content-Length: 2\r\nContent-Length: 2\r\n", b"ab", 400),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n", b"ab", 400),
        (b"Content-Length: 2, 2\r\n", b"ab", 400),
        (b"Content-Length: +2\r\n", b"ab", 400),
        (b"Content-Length: -1\r\n", b"ab", 400),
        (b"Content-Length: 0x2\r\n", b"ab", 400),
        (b"Content-Length: 2 2\r\n", b"ab", 400),
        (b"Content-Length:\r\n", b"ab", 400),
        (b"Content-Length: 18446744073709551617\r\n", b"ab", 400),
        (b"Content-Length: \xb2\r\n", b"ab", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n", None),
        (b"Transfer-Encoding: ,chunked\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked,\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", b"", 400),
        (b"Transfer-Encoding:\r\n", b"", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", 501),
        (b"Transfer-Encoding: gzip\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding: \xa0chunked\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n", 400),
        (b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n", 400),
        (b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", 400),
    ],
)
def test_f01_to_f19_doubtful_framing_is_refused(
    lines: bytes, body: bytes, status: int | None
) -> None:
    assert refused(POST + lines + b"\r\n" + body) in ({status} if status else {400, 501})


def test_f20_http_1_0_has_no_transfer_encoding() -> None:
    head = b"POST /p HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"

    assert refused(head + b"0\r\n\r\n") == 400


MALFORMED_CHUNKS = [
    b"0x2\r\nab\r\n0\r\n\r\n",
    b"+2\r\nab\r\n0\r\n\r\n",
    b"-1\r\nab\r\n0\r\n\r\n",
    b"1_0\r\nab\r\n0\r\n\r\n",
    b" 2\r\nab\r\n0\r\n\r\n",
    b"2 \r\nab\r\n0\r\n\r\n",
    b"\r\nab\r\n0\r\n\r\n",
    b"11111111111111111\r\nab\r\n0\r\n\r\n",
    b"2;a\nb\r\nab\r\n0\r\n\r\n",
    b"2;a\rb\r\nab\r\n0\r\n\r\n",
    b"2\nab\n0\n\n",
    b"2\r\nabX\r\n0\r\n\r\n",
    b"2\r\nab\r\n\r\n0\r\n\r\n",
    b"2\r\nab\r\n0\r\nContent-Length: 3\r\n\r\n",
    b"2\r\nab\r\n0\r\nHost: evil\r\nA: b\r\n\r\n",
    b"2\r\nab\r\n0\r\nA: b\r\nHost: evil\r\n\r\n",
    b"2\r\nab\r\n0\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n",
    b"2\r\nab\r\n0\r\nTransfer-Encoding : chunked\r\n\r\n",
    b"2\r\nab\r\n0\r\nA: b\n\r\n\r\n",
]


@pytest.mark.parametrize("chunks", MALFORMED_CHUNKS)
def test_f21_to_f30_malformed_chunks_are_refused_and_the_service_is_stopped(chunks: bytes) -> None:
    data = CHUNKED + chunks
    for segments in segmentations(data):
        client = Client()
        got = answers(client.send(*segments, SMUGGLED))

        assert [answer.status for answer in got] == [400], segments
        assert not client.is_open
        assert client.service.bodies == []
        assert len(client.service.requests) == len(client.service.recorded) <= 1
        assert client.service.cut_short == len(client.service.requests)


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"2;a=b\r\nab\r\n0\r\n\r\n", b"ab"),
        (b'2;a="b c"\r\nab\r\n00;x\r\n\r\n', b"ab"),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
        (b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n"),
        (b"3\r\n\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n", b"\r\n\r\n"),
        (b"2\r\nab\r\n0\r\nX-Trailer: yes\r\n\r\n", b"ab"),
        (b"2\r\nab\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"ab"),
    ],
)
def test_f31_f32_chunks_extensions_and_trailers_end_where_they_end(
    chunks: bytes, body: bytes
) -> None:
    """And nothing of a trailer gets into the next request's headers."""
    data = CHUNKED + chunks

    assert served(data) == ("POST /prod/pets api.execute-api.localhost", body)
    client = Client()
    client.send(data + GET)
    assert client.service.requests[1].headers == ((b"Host", b"api.execute-api.localhost"),)


@pytest.mark.parametrize(
    "trailers",
    [
        b"".join(b"T%d: x\r\n" % number for number in range(1000)),
        b"T: " + b"x" * 1_000_000 + b"\r\n",
        b"".join(b"T%d: %b\r\n" % (number, b"x" * 15_000) for number in range(20)),
    ],
)
def test_f32_trailers_are_bounded(trailers: bytes) -> None:
    client = Client()
    got = answers(client.send(CHUNKED, b"2\r\nab\r\n0\r\n" + trailers + b"\r\n", SMUGGLED))

    assert [answer.status for answer in got] == [431]
    assert client.service.bodies == []


def test_f32_chunk_extensions_are_bounded() -> None:
    client = Client()
    client.send(CHUNKED, b"1")
    segments = [b";" + b"x" * 10_000] * 10

    assert [answer.status for answer in answers(client.send(*segments))] == [431]


@pytest.mark.parametrize("data", [b"GET" + post(b"abc")[4:], b"GET" + CHUNKED[4:] + b"0\r\n\r\n"])
def test_f33_a_get_may_have_a_body(data: bytes) -> None:
    what, body = served(data)

    assert what.startswith("GET /prod/pets")
    assert body == (b"abc" if data.endswith(b"abc") else b"")


def test_f34_a_body_that_never_comes_is_408() -> None:
    client = Client()
    client.send(post(b"abcdef")[:-3])
    client.loop.advance(60)

    assert [answer.status for answer in answers(bytes(client.transport.written))] == [408]
    assert client.service.cut_short == 1
    assert [exchange.status for exchange in client.service.recorded] == [408]
    assert not client.is_open


def test_f35_bytes_beyond_the_declared_length_are_another_request() -> None:
    data = post(b"ab") + b"cd\r\n\r\n"
    for segments in segmentations(data):
        client = Client()
        got = answers(client.send(*segments, SMUGGLED))

        assert [answer.status for answer in got] == [200, 400]
        assert client.service.bodies == [b"ab"]


ODD_BYTES = bytes([1, 4, 8, 9, 10, 11, 12, 13, 31, 32, 127, 160, 255])


@pytest.mark.parametrize("odd", bytewise(ODD_BYTES))
def test_f36_mutated_transfer_encodings_never_make_two_requests_of_one(odd: bytes) -> None:
    headers = (
        odd + b"Transfer-Encoding: chunked", b"Transfer-Encoding" + odd + b": chunked",
        b"Transfer" + odd + b"Encoding: chunked", b"Transfer-Encoding:" + odd + b"chunked",
        b"Transfer-Encoding: chunked" + odd, b"Transfer-Encoding: chu" + odd + b"nked",
        b"X: y" + odd + b"\r\nTransfer-Encoding: chunked",
    )  # fmt: skip
    for header in headers:
        for length in (b"", b"Content-Length: 5\r\n"):
            client = Client()
            data = POST + length + header + b"\r\n\r\n0\r\n\r\n"
            got = answers(client.send(data))

            assert len(got) == 1
            assert got[0].status in {200, 400, 501}
            if got[0].status == 200:
                # Optional white space is harmless, and any text in another header's value.
                assert odd in b" \t" or (odd >= b"\x80" and header.startswith(b"X"))
                assert not length
                assert client.service.bodies == [b""]
            else:
                assert client.service.requests == []
                assert not client.is_open


@pytest.mark.parametrize(
    "data",
    [
        (LINE + HOST + b"\r\n").replace(b"\r\n", b"\n"),
        LINE + HOST + b"A: b\nC: d\r\n\r\n",
        LINE + HOST + b"A: b\n\r\n",
        LINE + HOST + b"A: b\rC: d\r\n\r\n",
        LINE + HOST + b"A: b\rX\r\n\r\n",
        LINE + HOST + b"A: b\r\r\n\r\n",
        b"GET /p HTTP/1.1\n" + HOST + b"\r\n",
        LINE + HOST + b"\n",
        with_header(b"A\x00B: c"),
        with_header(b"A: b\x00c"),
        b"GET /p\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
        with_header(b": c"),
        with_header(b"no colon"),
        with_header(b"A(: b"),
        with_header(b"A/: b"),
        with_header(b'A": b'),
        with_header(b"A\xe9: b"),
        with_header(b"A: b\r\n c"),
        with_header(b"A: b\r\n\tc"),
        LINE + b" " + HOST + b"\r\n",
        with_header(b"A : b"),
        with_header(b"Authorization: a\r\nauthorization: b"),
        with_header(b"Content-Type: a\r\nContent-Type: b"),
        with_header(b"X-Api-Key: a\r\nX-API-KEY: a"),
    ],
)
def test_h01_to_h10_and_h16_malformed_headers_are_refused(data: bytes) -> None:
    assert refused(data) == 400


@pytest.mark.parametrize("control", sorted({*range(1, 32), 127} - {9, 10, 13}))
def test_h11_control_bytes_are_refused(control: int) -> None:
    assert refused(with_header(b"A: b" + bytes([control]) + b"c")) == 400


def test_h11_other_bytes_of_a_value_are_kept() -> None:
    value = bytes(range(0x80, 0x100)) + b" \t!~"
    client = Client()
    client.send(with_header(b"A: " + value))

    assert client.service.requests[0].headers[1] == (b"A", value)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (with_header(b"\r\n".join(b"H%d: x" % number for number in range(99))), 200),
        (with_header(b"\r\n".join(b"H%d: x" % number for number in range(101))), 431),
        (with_header(b"A: " + b"x" * 8191), 200),
        (with_header(b"A: " + b"x" * (20_480 - len(with_header(b"A: ")))), 200),
        (with_header(b"A: " + b"x" * (20_481 - len(with_header(b"A: ")))), 431),
        (with_header(b"A: " + b"x" * 100_000), 431),
        (LINE + HOST + b"A: " + b"x" * 30_000, 431),
        (
            b"GET /" + b"x" * (8192 - len(b"GET / HTTP/1.1")) + b" HTTP/1.1\r\n" + HOST + b"\r\n",
            200,
        ),
        (
            b"GET /" + b"x" * (8193 - len(b"GET / HTTP/1.1")) + b" HTTP/1.1\r\n" + HOST + b"\r\n",
            414,
        ),
        (b"GET /" + b"x" * 30_000, 414),
        (b"GET /" + b"x" * 30_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    ],
)
def test_h12_t09_the_size_of_a_head_is_bounded(data: bytes, status: int) -> None:
    for segments in ([data], [data[at : at + 997] for at in range(0, len(data), 997)]):
        client = Client()
        got = answers(client.send(*segments))

        assert [answer.status for answer in got] == [status]
        assert client.is_open is (status == 200)


def test_h12_an_endless_head_in_single_bytes_is_refused() -> None:
    client = Client()
    client.send(LINE + HOST + b"A: ", *bytewise(b"x" * 20_480))

    assert answers(bytes(client.transport.written))[0].status == 431


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        (b"Host: API.Example.COM\r\n", "api.example.com"),
        (b"Host: api.example.com.\r\n", "api.example.com"),
        (b"Host: api.example.com.:443\r\n", "api.example.com"),
        (b"Host: 127.0.0.1:8080\r\n", "127.0.0.1"),
        (b"Host: [::1]:8080\r\n", "[::1]"),
        (b"Host: my_service\r\n", "my_service"),
    ],
)
def test_t01_to_t05_a_host_is_made_canonical(host: bytes, canonical: str) -> None:
    assert served(LINE + host + b"\r\n")[0] == f"GET /p {canonical}"


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"Host:\r\n",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a, b\r\n",
        b"Host: x@evil\r\n",
        b"Host: a/b\r\n",
        b"Host: a:80x\r\n",
        b"Host: a:\r\n",
        b"Host: a:65536\r\n",
        b"Host: [::1\r\n",
        b"Host: [::x]\r\n",
        b"Host: ::1\r\n",
        b"Host: a..b\r\n",
        b"Host: .a\r\n",
        b"Host: a b\r\n",
        b"Host: a%2eb\r\n",
        b"Host: \xc3\xa9\r\n",
        b"Host: " + b"a" * 300 + b"\r\n",
    ],
)
def test_t01_to_t05_a_doubtful_host_is_refused(host: bytes) -> None:
    assert refused(LINE + host + b"\r\n") == 400


def test_http_1_0_needs_no_host_and_closes() -> None:
    assert served(b"GET /p HTTP/1.0\r\n\r\n", is_kept=False) == ("GET /p ", b"")


def test_http_1_0_is_kept_when_it_asks() -> None:
    assert served(b"GET /p HTTP/1.0\r\nConnection: keep-alive\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET http://a.example/p?q HTTP/1.1", "/p?q"),
        (b"GET HTTP://A.example:80/p HTTP/1.1", "/p"),
        (b"GET http://a.example HTTP/1.1", "/"),
        (b"GET http://a.example?q HTTP/1.1", "/?q"),
        (b"GET /%e2%82%ac/%2Fx HTTP/1.1", "/%e2%82%ac/%2Fx"),
        (b"GET //evil HTTP/1.1", "//evil"),
        (b"GET /// HTTP/1.1", "///"),
        (b"GET /.well-known/x HTTP/1.1", "/.well-known/x"),
        (b"GET /a/...b HTTP/1.1", "/a/...b"),
        (b"GET /a?../b/./c HTTP/1.1", "/a?../b/./c"),
        (b"GET /a?b[]=c&d=%0a%00 HTTP/1.1", "/a?b[]=c&d=%0a%00"),
        (b"GET /a%5cb HTTP/1.1", "/a%5cb"),
        (b"GET /%c0%af HTTP/1.1", "/%c0%af"),
    ],
)
def test_t06_to_t08_targets_are_served_as_sent(line: bytes, target: str) -> None:
    assert served(line + b"\r\nHost: a.example\r\n\r\n")[0] == f"GET {target} a.example"


@pytest.mark.parametrize(
    "target",
    [
        b"http://other/p",
        b"http://a.example:81/p",
        b"https://a.example:80/p",
        b"http://user@a.example/p",
        b"http:///p",
        b"ftp://a.example/p",
        b"a.example:80",
        b"*",
        b"p",
        b"?q",
        b"/a/../b",
        b"/a/%2e%2e/b",
        b"/a/..%2fb",
        b"/a%2f..%2fb",
        b"/a/..;/b",
        b"/%2e/",
        b"/.",
        b"/..",
        b"/a/.%2E",
        b"/a%5c..%5cb",
        b"\\",
        b"/a\\b",
        b"/%00",
        b"/%0d%0a",
        b"/%7f",
        b"/%zz",
        b"/%",
        b"/%4",
        b"/?%zz",
        b"/\x80",
        b"/\xff",
        b"/#frag",
        b"/?#frag",
        b"/|",
        b"/?|",
        b"/^",
        b'/"',
        b"/<",
        b"/>",
        b"/{a}",
        b"/`",
    ],
)
def test_t06_to_t08_targets_that_two_programs_could_read_differently_are_refused(
    target: bytes,
) -> None:
    assert refused(b"GET " + target + b" HTTP/1.1\r\nHost: a.example\r\n\r\n") == 400


def test_t06_options_asks_about_the_server() -> None:
    client = Client()
    got = answers(client.send(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"))

    assert [answer.status for answer in got] == [200]
    assert "GET" in got[0].headers["allow"]
    assert client.service.requests == []


def test_t09_long_paths_and_queries_take_bounded_time() -> None:
    for target in (b"/" + b"a/" * 4000, b"/?" + b"a=b&" * 2000, b"/%41" * 2000):
        client = Client()

        assert answers(client.send(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"))
        assert client.is_open


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /", 400),
        (b"GET / HTTP/0.9", 505),
        (b"GET / HTTP/1.2", 505),
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET / HTTP/1.1x", 400),
        (b"GET / http/1.1", 400),
        (b"GET / HTTP/11", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET /  HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b" GET / HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GET /\tHTTP/1.1", 400),
        (b"GET /a b HTTP/1.1", 400),
        (b"FOO / HTTP/1.1", 501),
        (b"PROPFIND / HTTP/1.1", 501),
        (b"get / HTTP/1.1", 400),
        (b"GeT / HTTP/1.1", 400),
        (b"A" * 1000 + b" / HTTP/1.1", 400),
        (b'"GET" / HTTP/1.1', 400),
        (b"CONNECT a.example:80 HTTP/1.1", 405),
        (b"TRACE / HTTP/1.1", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_t10_t11_odd_request_lines_are_refused(line: bytes, status: int) -> None:
    assert refused(line + b"\r\n" + HOST + b"\r\n") == status


def test_t10_one_empty_line_before_a_request_is_tolerated() -> None:
    assert served(b"\r\n" + GET)
    for segments in segmentations(b"\r\n" + GET + b"\r\n" + GET):
        client = Client()
        assert len(answers(client.send(*segments))) == 2


@pytest.mark.parametrize("lines", [2, 3, 1000])
def test_t10_more_empty_lines_are_refused(lines: int) -> None:
    assert refused(b"\r\n" * lines + GET) == 400


def test_p01_pipelined_requests_are_answered_in_order() -> None:
    client = Client()
    count = 1000
    client.send(
        b"".join(b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(count))
    )
    assert len(client.service.requests) < count
    assert not client.transport.reads
    client.loop.run_soon()

    got = answers(bytes(client.transport.written))
    assert [answer.body.split()[1] for answer in got] == [b"/%d" % n for n in range(count)]
    assert client.transport.reads


def test_p01_an_invalid_second_request_does_not_harm_the_first() -> None:
    client = Client()
    got = answers(client.send(GET + b"BAD\r\n\r\n" + SMUGGLED))

    assert [answer.status for answer in got] == [200, 400]
    assert len(client.service.requests) == 1


def test_p02_other_expectations_are_refused() -> None:
    assert refused(with_header(b"Expect: x")) == 417
    assert refused(with_header(b"Expect: 100-continue\r\nExpect: x")) == 417
    assert refused(with_header(b"Expect: x\r\nExpect: 100-continue")) == 417
    assert refused(with_header(b"Expect: 100-continue, x")) == 417


def test_p03_an_upgrade_is_served_as_a_plain_request_and_nothing_is_tunnelled() -> None:
    for protocol in (b"h2c", b"foo", b"websocket"):
        head = (
            LINE + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n"
            b"Upgrade: " + protocol + b"\r\n\r\n"
        )
        assert served(head, is_kept=False)[0] == "GET /p api.execute-api.localhost"
        client = Client()
        assert len(answers(client.send(head + b"\x00tunnel" + SMUGGLED))) == 1
        assert len(client.service.requests) == 1


@pytest.mark.parametrize("protocol", [b"foo", b"websocket"])
@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        (b"Content-Length: 3\r\n", b"abc"),
        (b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    ],
)
def test_p03_an_upgrade_with_a_body_keeps_its_body(
    protocol: bytes, framing: bytes, sent: bytes
) -> None:
    head = POST + b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n" + framing + b"\r\n"

    assert served(head + sent, is_kept=False)[1] == b"abc"


# Over real sockets


class Watched(Admission):
    """Says when the last connection has ended."""

    def __init__(self) -> None:
        super().__init__(50, 0)
        self.ended = asyncio.Event()

    def release(self, address: str) -> None:
        super().release(address)
        if not self.open:
            self.ended.set()


@dataclass
class Listener:
    """A listening edge with a fake service."""

    port: int
    edge: Edge
    service: FakeService
    admission: Watched

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def until_empty(self) -> None:
        """Wait until no client is connected."""
        async with asyncio.timeout(5):
            while self.admission.open:
                self.admission.ended.clear()
                await self.admission.ended.wait()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    loop = asyncio.get_running_loop()
    clock = SystemClock()
    service = FakeService()
    edge = Edge(
        service=service,
        limits=Limits(),
        timeouts=Timeouts(),
        trusted_proxies=(),
        clock=clock,
        ids=IdMinter(),
        loop=loop,
        deadlines=Deadlines(loop, clock),
    )
    edge.admission = admission = Watched()
    server = await loop.create_server(lambda: ClientConnection(edge), "127.0.0.1", 0)
    listener = Listener(server.sockets[0].getsockname()[1], edge, service, admission)
    yield listener
    server.close()
    await server.wait_closed()
    edge.drain()
    await listener.until_empty()


async def test_requests_on_a_socket_get_their_answers(listener: Listener) -> None:
    reader, writer = await listener.connect()
    writer.write(GET + post(b"abc") + GET)
    writer.write_eof()
    data = await reader.read()
    writer.close()

    assert [answer.status for answer in answers(data)] == [200, 200, 200]


async def test_p04_a_half_closed_client_is_answered(listener: Listener) -> None:
    reader, writer = await listener.connect()
    writer.write(GET)
    writer.write_eof()

    assert answers(await reader.read())[0].status == 200
    writer.close()


async def test_p04_a_half_close_within_the_body_is_400(listener: Listener) -> None:
    reader, writer = await listener.connect()
    writer.write(post(b"abc")[:-1])
    writer.write_eof()

    assert answers(await reader.read())[0].status == 400
    assert listener.service.cut_short == 1
    writer.close()


async def test_p04_a_reset_while_waiting_stops_the_service(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()
    begun = asyncio.Event()
    stopped = asyncio.Event()

    async def wait(_exchange: Exchange) -> InvocationResponse:
        begun.set()
        try:
            await never.wait()
        finally:
            stopped.set()
        raise AssertionError

    monkeypatch.setattr(listener.service, "answer", wait)
    client = socket.create_connection(("127.0.0.1", listener.port))
    client.sendall(GET)
    async with asyncio.timeout(5):
        await begun.wait()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    async with asyncio.timeout(5):
        await stopped.wait()

    await listener.until_empty()
    assert [exchange.status for exchange in listener.service.recorded] == [499]


async def flood(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 100_000)
        await writer.drain()


async def test_p06_a_refused_upload_gets_its_answer_and_is_not_swallowed(
    listener: Listener,
) -> None:
    reader, writer = await listener.connect()
    writer.write(POST + b"Content-Length: 50000000\r\n\r\n" + b"x" * 100_000)
    async with asyncio.timeout(5):
        answer = await reader.read()
        assert answers(answer)[0].body == b"HTTP content length exceeded 10485760 bytes."
        with pytest.raises(ConnectionError):
            await flood(writer)
    writer.close()
    assert listener.service.requests == []


async def test_a_connection_of_one_client_does_not_hear_another(listener: Listener) -> None:
    async def ask(number: int) -> bytes:
        reader, writer = await listener.connect()
        writer.write(b"GET /%d HTTP/1.1\r\n" % number + HOST + b"Connection: close\r\n\r\n")
        data = await reader.read()
        writer.close()
        return answers(data)[0].body.split()[1]

    got = await asyncio.gather(*(ask(number) for number in range(20)))

    assert got == [b"/%d" % number for number in range(20)]
