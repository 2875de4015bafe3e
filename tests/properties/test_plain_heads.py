"""Whatever the plain reader takes, the strict parser reads the same way, and keeps alive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.server.backend_parser import ResponseParser
from gateway.server.plain_head import PlainHeads

NAMES = st.sampled_from([
    b"Content-Length", b"content-length", b"Content-Type", b"Transfer-Encoding", b"Connection",
    b"Upgrade", b"Keep-Alive", b"Proxy-Connection", b"Date", b"X-Id", b"X|y", b"", b"X ", b" X",
    b"Trailer", b"TE",
])  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([b"3", b"0", b"03", b"3 ", b"chunked", b"close", b"keep-alive", b"Keep-Alive",
                     b"upgrade", b"a, b", b"\t3"]),
    st.binary(max_size=6),
)  # fmt: skip
COLONS = st.sampled_from([b":", b": ", b" : ", b":\t"])
STATUS_LINES = st.one_of(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 503 A  b"]),
    st.builds(
        lambda status, reason: b"HTTP/1.1 %d %b" % (status, reason),
        st.integers(0, 1000),
        st.binary(max_size=4),
    ),
)
LINES = st.lists(st.builds(lambda *parts: b"".join(parts), NAMES, COLONS, VALUES), max_size=5)


@given(STATUS_LINES, LINES, st.integers(0, 5))
def test_what_is_plain_is_what_the_parser_reads(
    status_line: bytes, lines: list[bytes], at: int
) -> None:
    lines.insert(at, b"Content-Length: 3")
    head = b"\r\n".join((status_line, *lines))
    if b"\r\n\r\n" in head:
        return
    heads = PlainHeads()
    plain = heads.read(head)
    assert heads.read(head) is plain
    if plain is None:
        return
    parser = ResponseParser()
    body = b"x" * plain.length

    parser.feed(head + b"\r\n\r\n" + body)

    assert parser.is_complete
    assert parser.is_reusable
    assert (parser.status, parser.length) == (plain.status, plain.length)
    assert tuple((name, value.rstrip(b" \t")) for name, value in parser.headers) == plain.headers
    assert b"".join(parser.take_body()) == body
