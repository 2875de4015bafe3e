"""Facts about what a backend says of keeping a connection."""

from __future__ import annotations

import pytest

from gateway.server.keep_alive import idle_seconds_of


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"timeout=5", 4),
        (b"timeout=5, max=100", 4),
        (b"max=100, timeout=5", 4),
        (b"max=100;Timeout = 5", 4),
        (b'timeout="5"', 4),
        (b"timeout=2", 1),
        (b"timeout=1", 0.5),
        (b"timeout=0", 0),
        (b"timeout=3600", 60),
        (b"notimeout=5", 60),
        (b"timeout=soon", 60),
        (b"timeout=-5", 60),
        (b"", 60),
    ],
)
def test_time_is_lowered_by_a_margin_and_never_raised(value: bytes, seconds: float) -> None:
    headers = [(b"Content-Type", b"text/plain"), (b"Keep-Alive", value)]

    assert idle_seconds_of(headers, 60) == seconds


def test_without_the_header_the_setting_holds() -> None:
    assert idle_seconds_of([(b"Connection", b"keep-alive"), (b"Keep-Alike", b"x")], 60) == 60
