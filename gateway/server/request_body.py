"""The body of the request in hand: from the connection's bytes into a BodyStream."""

from __future__ import annotations

from typing import Final, Protocol

from gateway.server import refusal
from gateway.server.parser import (
    CONTENT_LENGTH,
    EXPECT,
    TRANSFER_ENCODING,
    ChunkedBody,
    Fields,
    Head,
)
from gateway.server.refusal import RefusedError
from gateway.settings import Timeouts
from gateway.streams import BodyStream

CHECK_SECONDS: Final = 1.0
"""How often an unfinished body's progress is looked at."""


class Reader(Protocol):
    """The connection that the body comes from."""

    def settle_reading(self) -> None:
        """Read or not, as the body now wishes."""
        ...

    def send_continue(self) -> None:
        """Ask the client for the body it holds back."""
        ...


def has_framing(fields: Fields) -> bool:
    """Whether a message says something about its body (the parser tells only what is not empty)."""
    return CONTENT_LENGTH in fields or TRANSFER_ENCODING in fields


def check_expectation(fields: Fields) -> None:
    """Check what a client expects, however many lines say it (RFC 9110 section 10.1.1).

    Raises:
        RefusedError: it is anything but 100-continue.
    """
    if any(each.lower() != "100-continue" for each in fields.getall(EXPECT, ())):
        raise RefusedError(refusal.EXPECTATION)


def length_of(head: Head, limit: int) -> int | None:
    """Return the length of the body that a head declares; None: chunked.

    Raises:
        RefusedError: where it ends is not beyond doubt, or it is larger than `limit` bytes.
    """
    fields = head.headers
    coding = fields.get(TRANSFER_ENCODING)
    if coding is None:
        text = fields[CONTENT_LENGTH]
        if not (text.isascii() and text.isdigit()):
            raise RefusedError(refusal.FRAMING)
        length = int(text)
        if length > limit:
            raise RefusedError(refusal.too_large(limit))
        return length
    coding = coding.lower()
    if head.version[1] == 0 or not head.chunked:
        raise RefusedError(refusal.FRAMING)
    if coding != "chunked":
        # The parser looks at the last coding only, and takes `,chunked` for `chunked`.
        is_list = coding.endswith(", chunked") and not coding.startswith(",")
        raise RefusedError(refusal.UNKNOWN_CODING if is_list else refusal.FRAMING)
    return None


def empty_body() -> BodyStream:
    """Return a body of no bytes, complete: a Content-Length of 0 is passed on."""
    stream = BodyStream(_NOBODY, 0)
    stream.finish()
    return stream


class _Nobody:
    """The producer of bodies that were empty from the beginning."""

    __slots__ = ()

    def pause_body(self) -> None:
        pass

    def resume_body(self) -> None:
        pass

    def abandon_body(self) -> None:
        pass


_NOBODY: Final = _Nobody()


class RequestBody:
    """Takes a body's framing off and bounds its size and its slowness. Producer of its stream."""

    __slots__ = (
        "_chunked", "_left", "_limit", "_moved_at", "_owes_continue", "_reader", "_seen",
        "_seen_at_start", "_started_at", "is_paused", "is_whole", "stream",
    )  # fmt: skip

    def __init__(
        self, reader: Reader, length: int | None, chunked: ChunkedBody | None, limit: int
    ) -> None:
        """Take either a length (not 0) or a decoder."""
        self._reader = reader
        self._left = length or 0
        self._chunked = chunked
        self._limit = limit
        self._owes_continue = False
        self.is_paused = False
        self.is_whole = False
        self.stream = BodyStream(self, length)
        self._started_at = self._moved_at = 0.0
        self._seen = self._seen_at_start = 0

    def take(self, data: bytes) -> bytes:
        """Pass on what belongs to the body; return what follows it.

        When `is_whole` afterwards, the caller finishes the stream: the answer may come within
        that call, so the caller must have put the rest away first.

        Raises:
            RefusedError: malformed, or too large.
        """
        chunked = self._chunked
        if chunked is None:
            left = self._left
            if len(data) <= left:
                piece, tail = data, b""
            else:
                piece, tail = data[:left], data[left:]
            self._left = left - len(piece)
            self.is_whole = not self._left
        else:
            piece, taken = chunked.feed(data)
            tail = data[taken:]
            self.is_whole = chunked.is_complete
            if self.stream.received + len(piece) > self._limit:
                raise RefusedError(refusal.too_large(self._limit))
        if piece:
            self._owes_continue = False
            self.stream.feed(piece)
        return tail

    def hold_back(self) -> None:
        """Wait for somebody to want the body, then ask for it (Expect: 100-continue)."""
        self._owes_continue = True
        self.stream.pause()

    def watch_from(self, now: float) -> None:
        """Begin to measure how slowly it comes."""
        self._started_at = self._moved_at = now
        self._seen = self._seen_at_start = self.stream.received

    def is_too_slow(self, now: float, timeouts: Timeouts) -> bool:
        """Whether it stalls, or comes below the minimum rate. Our own pauses do not count."""
        received = self.stream.received
        if self.is_paused:
            self.watch_from(now)
            return False
        if received != self._seen:
            self._seen = received
            self._moved_at = now
        elif now - self._moved_at >= timeouts.body_stall_seconds:
            return True
        counted = now - self._started_at - timeouts.body_grace_seconds
        arrived = received - self._seen_at_start
        return counted > 0 and arrived < counted * timeouts.body_minimum_bytes_per_second

    # Producer

    def pause_body(self) -> None:
        """Stop reading: the sink is slow, or the client waits for our word."""
        self.is_paused = True
        self._reader.settle_reading()

    def resume_body(self) -> None:
        """Read on; the first time after an expectation, ask for the body."""
        self.is_paused = False
        if self._owes_continue:
            self._owes_continue = False
            self._reader.send_continue()
        self._reader.settle_reading()

    def abandon_body(self) -> None:
        """Nobody wants the rest: read no more of it; the connection ends with the answer."""
        self.is_paused = True
        self._reader.settle_reading()
