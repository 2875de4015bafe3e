"""Makes the bytes of answers: status line, the gateway's own headers, framing. No I/O here.

Nothing is checked twice: header lines come validated from whoever made them. Everything that can
be prepared is: status lines per process, Date and Connection per second.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from math import floor
from typing import Final

from gateway.answer_start import STATUS_LINES, answer_start
from gateway.clock import Clock
from gateway.messages import InvocationResponse
from gateway.server.refusal import Refusal

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_REQUEST_ID: Final = b"x-amzn-RequestId: "


def start_of(response: InvocationResponse) -> bytes:
    """Return how an answer begins whose body is bytes with a length; empty for others: `frame`."""
    body = response.body
    if not isinstance(body, bytes):
        return b""
    start = answer_start(response.status, response.head, len(body))
    if response.is_shared:
        response.start = start
    return start


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
        self._kept = date + b"\r\nConnection: keep-alive\r\n\r\n"
        self._closing = date + b"\r\nConnection: close\r\n\r\n"

    def whole(self, start: bytes, id_lines: bytes, body: bytes, now: float, is_kept: bool) -> bytes:
        """Return an answer; `start` ends with a CRLF, `id_lines` tell its request's ids."""
        if now >= self._date_until:
            self._refresh(now)
        return b"".join((start, id_lines, self._kept if is_kept else self._closing, body))

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
            b"Content-Length: %d\r\n" % len(refusal.body),
            _REQUEST_ID,
            request_id.encode(),
            self._closing,
            refusal.body,
        )
        return b"".join(parts)
