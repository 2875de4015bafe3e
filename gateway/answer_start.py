"""How an answer begins: status line, header lines, Content-Length. Made once where answers repeat.

Nothing is checked twice: header lines come validated from whoever made them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}

STATUS_LINES: Final[dict[int, bytes]] = {
    status: f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n".encode("ascii")
    for status in range(200, 600)
}
"""Status lines by final status."""

BODILESS: Final = frozenset({204, 205, 304})
"""Statuses whose answers have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5)."""

_WITH_BODY: Final = {
    status: line for status, line in STATUS_LINES.items() if status not in BODILESS
}


def answer_start(status: int, head: bytes, length: int) -> bytes:
    """Return the bytes before an answer's ids, for a body of `length` bytes.

    `head` is header lines, each ended by CRLF. Empty when no body can follow such a status.
    """
    status_line = _WITH_BODY.get(status)
    if status_line is None:
        return b""
    return b"%b%bContent-Length: %d\r\n" % (status_line, head, length)
