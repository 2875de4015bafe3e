"""Facts about where a chunked message ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.chunk_scanner import LINE_BYTES, ChunkScanner

MESSAGE = b"3\r\n\r\n\r\r\n1;a=b\r\n\n\r\n2\r\n0\r\r\n0\r\nA: b\r\n\r\n"


@pytest.mark.parametrize("cut", range(len(MESSAGE) + 1))
def test_the_end_is_found_wherever_the_segments_part(cut: int) -> None:
    scanner = ChunkScanner()
    first = scanner.scan(MESSAGE[:cut])
    second = 0 if scanner.is_ended else scanner.scan(MESSAGE[cut:] + b"GET / HTTP/1.1")

    assert scanner.is_ended
    assert first + second == len(MESSAGE)


@pytest.mark.parametrize("line", [b"zz\r\n", b"\r\n", b"-1\r\n", b"f" * 13 + b"\r\n", b"0x2\r\n"])
def test_from_an_unreadable_line_on_everything_belongs_to_the_message(line: bytes) -> None:
    scanner = ChunkScanner()
    data = line + b"0\r\n\r\n"

    assert scanner.scan(data) == len(data)
    assert not scanner.is_ended


def test_an_endless_line_is_not_held() -> None:
    scanner = ChunkScanner()
    for _ in range(3):
        assert scanner.scan(b"1;" + b"x" * LINE_BYTES) == LINE_BYTES + 2

    assert len(scanner._line) <= 2 * LINE_BYTES


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.binary(max_size=20))
def test_chunks_of_any_content_end_after_the_last_one(chunks: list[bytes], rest: bytes) -> None:
    message = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    scanner = ChunkScanner()

    assert scanner.scan(message + rest) == len(message)
    assert scanner.is_ended


@pytest.mark.parametrize("name", [b"Host", b"content-length", b"TRANSFER-ENCODING"])
def test_trailers_that_decide_over_framing_are_noticed(name: bytes) -> None:
    scanner = ChunkScanner()
    scanner.scan(b"0\r\nA: b\r\n" + name + b": x\r\n\r\n")

    assert scanner.is_ended
    assert scanner.is_forbidden
