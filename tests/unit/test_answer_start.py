"""Facts about the first bytes of answers."""

import pytest

from gateway.answer_start import STATUS_LINES, answer_start


def test_a_start_byte_by_byte() -> None:
    assert answer_start(404, b"A: b\r\n", 12) == (
        b"HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 12\r\n"
    )


@pytest.mark.parametrize("status", [199, 204, 205, 304, 600])
def test_a_status_that_no_body_can_follow_has_none(status: int) -> None:
    assert answer_start(status, b"", 0) == b""


def test_there_is_a_line_for_every_final_status() -> None:
    assert set(STATUS_LINES) == set(range(200, 600))
    assert STATUS_LINES[299] == b"HTTP/1.1 299 \r\n"
