"""The functions themselves are tested where they live; here, that each is asked."""

from __future__ import annotations

import pytest

from gateway.server import refusal
from gateway.server.head_check import refusal_of_head
from gateway.server.refusal import Refusal
from gateway.settings import Limits

HOST = (b"Host", b"api.example.com")
LIMITS = Limits(header_bytes=2000, line_bytes=600, header_count=10, body_bytes=1000)


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET", "/", []),
        ("POST", "/a?b=%20", [(b"Content-Length", b"1000")]),
        ("POST", "/", [(b"Transfer-Encoding", b"chunked"), (b"Expect", b"100-Continue")]),
        ("GET", "/", [(b"Connection", b"close")]),
    ],
)
def test_a_good_head_is_read(method: str, target: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert refusal_of_head(method, target, [HOST, *headers], LIMITS) is None


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("GET", "/a/../b", [], refusal.TARGET),
        ("GET", "/a%00", [], refusal.TARGET),
        ("GET", "/" + "a" * 600, [], refusal.TARGET_TOO_LONG),
        ("BREW", "/", [], refusal.UNKNOWN_METHOD),
        ("CONNECT", "/", [], refusal.METHOD),
        ("GET", "/", [HOST], refusal.HEADER),
        ("GET", "/", [(b"X", b"x" * 2000)], refusal.HEADERS_TOO_LARGE),
        ("GET", "/", [(b"X", b"x")] * 11, refusal.HEADERS_TOO_LARGE),
        ("GET", "/", [(b"X-Api-Key", b"x")] * 2, refusal.HEADER),
        ("POST", "/", [(b"Content-Length", b"1001")], refusal.too_large(1000)),
        ("POST", "/", [(b"Transfer-Encoding", b"gzip, chunked")], refusal.UNKNOWN_CODING),
        ("POST", "/", [(b"Expect", b"100-continue"), (b"Expect", b"x")], refusal.EXPECTATION),
    ],
)
def test_a_bad_one_gets_the_answer_of_the_edge(
    method: str, target: str, headers: list[tuple[bytes, bytes]], expected: Refusal
) -> None:
    assert refusal_of_head(method, target, [HOST, *headers], LIMITS) == expected
