"""A streamed answer on its way to the client, under back-pressure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol, cast

from gateway.answer_start import BODILESS
from gateway.messages import InvocationResponse
from gateway.server.responder import LAST_CHUNK, chunk
from gateway.streams import BodyError, BodyStream

_RESET_CONTENT: Final = 205

_COPIED_BYTES: Final = 4096
"""Up to this size, copying a piece into its chunk costs less than writing three pieces."""


class Writer(Protocol):
    """The connection that the answer goes to."""

    def answer_ended(self, sent_bytes: int) -> None:
        """The last byte was handed to the transport."""
        ...

    def answer_broke(self, *, is_head_sent: bool) -> None:
        """The body broke off, or is not as long as was declared."""
        ...


@dataclass(slots=True)
class FramedAnswer:
    """How an answer is framed that is not simply bytes with a length."""

    header: bytes = b""
    """The framing header line with its CRLF, if there is one."""
    data: bytes = b""
    """The whole body, if it is there."""
    stream: BodyStream | None = None
    """The body, if it is still to come."""
    length: int | None = None
    """How many bytes `stream` must have."""
    is_chunked: bool = False
    is_closing: bool = False
    """The end of the connection is the end of the body."""


def frame(response: InvocationResponse, *, is_head: bool, is_http_1_0: bool) -> FramedAnswer:
    """Decide an answer's framing (RFC 9112 section 6.3); a body that must not be sent is cut."""
    body = response.body
    is_bodiless = is_head or response.status in BODILESS
    framed = FramedAnswer()
    if isinstance(body, bytes):
        length = response.length if not body and is_head else len(body)
        framed.data = b"" if is_bodiless else body
    elif is_bodiless:
        length = body.length if response.length is None else response.length
        body.cut(BodyError("this answer has no body"))
    elif body.is_complete:
        framed.data = body.take()
        length = len(framed.data)
    else:
        framed.stream = body
        length = framed.length = body.length
    if response.status in BODILESS:
        if response.status == _RESET_CONTENT:
            # Of the three only this one has framing: clients would wait for a body (RFC 9110).
            framed.header = b"Content-Length: 0\r\n"
        return framed
    if length is not None:
        framed.header = b"Content-Length: %d\r\n" % length
    elif not is_head:
        framed.is_closing = is_http_1_0
        framed.is_chunked = not is_http_1_0
        framed.header = b"" if is_http_1_0 else b"Transfer-Encoding: chunked\r\n"
    return framed


class AnswerStream:
    """Writes one BodyStream with its framing. Sink of the stream."""

    __slots__ = (
        "_expected", "_is_chunked", "_is_head_sent", "_outcome", "_pending", "_transport",
        "_writer", "sent", "stream",
    )  # fmt: skip

    def __init__(
        self,
        writer: Writer,
        transport: asyncio.Transport,
        framed: FramedAnswer,
    ) -> None:
        """Take an answer whose `stream` is set."""
        self._writer = writer
        self._transport = transport
        self._expected = framed.length
        self._is_chunked = framed.is_chunked
        self._pending: list[bytes] | None = None
        self._outcome: bool | None = None
        self._is_head_sent = False
        self.stream = cast("BodyStream", framed.stream)
        self.sent = 0
        """Body bytes handed to the transport."""

    def start(self, head: bytes) -> None:
        """Send the head together with what the stream holds already, then all that follows."""
        self._pending = [head]
        self.stream.attach(self)
        pending, self._pending = self._pending, None
        if self._outcome is False:
            self._writer.answer_broke(is_head_sent=self._is_head_sent)
            return
        self._is_head_sent = True
        self._transport.write(b"".join(pending))
        if self._outcome:
            self._writer.answer_ended(self.sent)

    def cut(self) -> None:
        """Stop: the client is gone."""
        if self._outcome is None:
            self._outcome = False
            self.stream.cut(BodyError("the client left before the answer ended"))

    # Sink

    def body_chunk(self, data: bytes) -> None:
        """Write a piece."""
        self.sent += len(data)
        if self._expected is not None and self.sent > self._expected:
            # Bytes beyond the declared length would be read as the next answer.
            self._end(is_good=False)
            self.stream.cut(BodyError("the body is longer than was declared"))
            return
        pending = self._pending
        if pending is None and self._is_chunked and len(data) > _COPIED_BYTES:
            self._transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
            return
        if self._is_chunked:
            data = chunk(data)
        if pending is None:
            self._transport.write(data)
        else:
            pending.append(data)

    def body_finished(self) -> None:
        """Write the end."""
        if self._expected is not None and self.sent != self._expected:
            self._end(is_good=False)
            return
        if self._is_chunked:
            if self._pending is None:
                self._transport.write(LAST_CHUNK)
            else:
                self._pending.append(LAST_CHUNK)
        self._end(is_good=True)

    def body_failed(self, error: BodyError) -> None:  # noqa: ARG002 (Sink's)
        """Break off: the head is sent, so the client must see the connection die."""
        self._end(is_good=False)

    def _end(self, *, is_good: bool) -> None:
        if self._outcome is not None:
            return
        self._outcome = is_good
        if self._pending is not None:
            return
        if is_good:
            self._writer.answer_ended(self.sent)
        else:
            self._writer.answer_broke(is_head_sent=self._is_head_sent)
