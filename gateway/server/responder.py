"""Makes the bytes of answers: status line, the gateway's own headers, framing. No I/O here.

Nothing is checked twice: header lines come validated from whoever made them. Everything that can
be prepared is: status lines per process, Date and Connection per second.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from math import floor
from typing import Final

from gateway.clock import Clock
from gateway.messages import InvocationResponse
from gateway.server.refusal import Refusal

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

Parts = tuple[bytes, bytes, bytes]
"""What an answer is made of beside ids, Date and Connection: what comes before them, the rest of
the head with its empty line, and the body."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_REQUEST_ID: Final = b"x-amzn-RequestId: "


def parts_of(response: InvocationResponse) -> Parts | None:
    """Return the parts of an answer whose body is bytes with a length; None: see `frame`."""
    body = response.body
    status_line = _WITH_BODY.get(response.status)
    if status_line is None or not isinstance(body, bytes):
        return None
    parts = status_line + response.head, b"Content-Length: %d\r\n\r\n" % len(body), body
    if response.is_shared:
        response.parts = parts
    return parts


def chunk(data: bytes) -> bytes:
    """Return `data`, not empty, as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Responder:
    """Builds answers; keeps the Date of the present second. One per worker."""

    __slots__ = ("_closing", "_date_until", "_epoch", "_kept")

    def __init__(self, clock: Clock) -> None:
        self._epoch = clock.epoch
        self._date_until = 0.0
        self._kept = self._closing = b""
        self._refresh(clock.now())

    def _refresh(self, now: float) -> None:
        epoch = self._epoch()
        second = floor(epoch)
        # Compared with the time that each answer takes anyway: no second clock is read.
        self._date_until = now + (second + 1 - epoch)
        date = b"\r\nDate: " + formatdate(second, usegmt=True).encode("ascii")
        self._kept = date + b"\r\nConnection: keep-alive\r\n"
        self._closing = date + b"\r\nConnection: close\r\n"

    def whole(self, parts: Parts, id_lines: bytes, now: float, is_kept: bool) -> bytes:
        """Return an answer; `id_lines` tell its request's ids."""
        if now >= self._date_until:
            self._refresh(now)
        return b"".join(
            (parts[0], id_lines, self._kept if is_kept else self._closing, parts[1], parts[2])
        )

    def head(
        self,
        status_line: bytes,
        head: bytes,
        id_lines: bytes,
        framing: bytes,
        now: float,
        is_kept: bool,
    ) -> bytes:
        """Return the head of an answer; `framing` is a header line with its CRLF, or empty."""
        return self.whole((status_line + head, framing + b"\r\n", b""), id_lines, now, is_kept)

    def refusal(self, refusal: Refusal, request_id: str, now: float) -> bytes:
        """Return the edge's own answer; the connection is closed after it."""
        if now >= self._date_until:
            self._refresh(now)
        parts: Iterable[bytes] = (
            STATUS_LINES[refusal.status],
            b"Content-Type: ",
            refusal.content_type,
            b"\r\n",
            refusal.head,
            _REQUEST_ID,
            request_id.encode(),
            self._closing,
            b"Content-Length: %d\r\n\r\n" % len(refusal.body),
            refusal.body,
        )
        return b"".join(parts)
