"""One connection to a backend: writes a request, gives back the answer, one exchange at a time.

The rule: a connection is used again only after an exchange without any surprise. Whatever was
unexpected (an answer that ended before its request, bytes after the end, a body that nobody wanted)
ends the connection. An answer may begin before its request has ended: then both flow.

`begin` writes, or the `Outbox` does; the answer resumes whoever awaits the given `Waiter`, at the
end of `data_received`: no task, no timer and no closure for each request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from gateway.driver import Waiter
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server.backend_failures import (
    StaleConnectionError,
    broken_answer,
    broken_request,
    client_certificate_refusal,
    no_answer,
    unreachable,
)
from gateway.server.backend_parser import InvalidResponseError, ResponseParser
from gateway.server.deadlines import NEVER, Deadline, Deadlines
from gateway.server.outbox import Outbox
from gateway.server.plain_head import PlainHead, PlainHeads
from gateway.streams import BodyError, BodyStream

_JOINED_BODY_BYTES: Final = 65_536
"""Up to here head and body are joined for one write: copying costs less than a second buffer."""
_PAUSES: Final = 4
"""A paused body may rest for this many idle times. The client's connection has its own limit, which
is shorter: this one catches a body that nobody takes."""


class ConnectionOwner(Protocol):
    """The pool, as a connection sees it."""

    __slots__ = ()

    def release(self, connection: BackendConnection) -> None:
        """Take back a connection that may be used again."""
        ...

    def forget(self, connection: BackendConnection) -> None:
        """Note that a connection has ended, idle or busy."""
        ...


class BackendConnection(asyncio.Protocol, Deadline):
    """A connection and the exchange on it, if any. The loop and its pool are its only callers.

    It is the sink of a streamed request body and the producer of a streamed response body.
    """

    __slots__ = (
        "_deadlines", "_has_body", "_held", "_is_body_chunked", "_is_read_paused", "_is_to_head",
        "_is_untouched", "_is_write_paused", "_now", "_origin", "_outbox", "_owner", "_parser",
        "_plain_heads", "_response_idle_seconds", "_response_limit", "_stream",
        "_timeout_seconds", "_transport", "_upload", "_waiter",
        "answer_headers", "failure", "idle_seconds", "is_closed", "is_closing", "is_reused",
        "retire_at",
    )  # fmt: skip

    def __init__(
        self,
        owner: ConnectionOwner,
        deadlines: Deadlines,
        now: Callable[[], float],
        plain_heads: PlainHeads,
        outbox: Outbox,
        *,
        response_idle_seconds: float,
        retire_at: float = NEVER,
        origin: Origin | None = None,
    ) -> None:
        super().__init__()
        self._origin = origin
        self._owner = owner
        self._deadlines = deadlines
        self._now = now
        self._response_idle_seconds = response_idle_seconds
        self._plain_heads = plain_heads
        self._outbox = outbox
        self._parser = ResponseParser()
        self._transport: asyncio.Transport
        """Set by `connection_made`, before which no other method is called."""
        self.is_closing: Callable[[], bool]
        """The transport's own, asked for each request: whether it has ended, or is about to."""
        # Of the exchange under way.
        self._waiter: Waiter[EndpointResponse] | None = None
        """Set until the head of the answer is there."""
        self._stream: BodyStream | None = None
        """The rest of the answer, while it is streamed."""
        self._held = b""
        """The request, from `begin` until the outbox has it written; empty: it has left."""
        self._upload: BodyStream | None = None
        """The rest of the request, while it is streamed."""
        self._has_body = False
        """Whether the request has a body, which an early answer may overtake."""
        self._is_to_head = False
        self._is_untouched = True
        """Whether no byte of the answer has come."""
        self._is_body_chunked = False
        self._timeout_seconds = 0.0
        self._response_limit: int | None = None
        self._is_read_paused = False
        self._is_write_paused = False
        self.is_closed = False
        self.retire_at = retire_at
        """When it is too old to be used again, seconds of CLOCK_MONOTONIC."""
        self.is_reused = False
        """Whether it may have been closed at the other end before the request under way was sent.
        Written by its pool."""
        self.idle_seconds: float | None = None
        """How long it may stay unused; None until an answer told. Written by its pool."""
        self.answer_headers: Sequence[tuple[bytes, bytes]] = ()
        """The headers of the answer that came last."""
        self.failure = ""
        """Why the backend ended it before the first request, as far as it said."""

    def __repr__(self) -> str:
        if self.is_closed:
            state = "closed"
        elif self._waiter is not None:
            state = "waiting"
        else:
            state = "idle" if self._stream is None else "streaming"
        return f"<BackendConnection {state}, {'reused' if self.is_reused else 'new'}>"

    # The pool's side

    @property
    def peer(self) -> tuple[str, int] | None:
        """Address and port at the other end; None: a unix socket, or gone."""
        address = self._transport.get_extra_info("peername")
        return (address[0], address[1]) if isinstance(address, tuple) else None

    def begin(
        self, request: IntegrationRequest, deadline: float, waiter: Waiter[EndpointResponse]
    ) -> None:
        """Write a request; `waiter` gets its answer, or a Fault or `StaleConnectionError`."""
        self._waiter = waiter
        self._response_limit = request.response_limit
        self.deadline = deadline
        if deadline < self.watched_until:
            self._deadlines.watch(self)
        self._is_untouched = True
        self._is_to_head = request.method == "HEAD"
        body = request.body
        if body is None:
            self._has_body = False
            self._held = request.head + b"\r\n"
            self._outbox.put(self)
            return
        self._has_body = True
        if isinstance(body, BodyStream):
            self._timeout_seconds = request.timeout_seconds
            self._begin_upload(request.head, body)
            if self._upload is not None and not self._is_write_paused:
                self.deadline = NEVER
        else:
            self._write_whole(request.head, body)

    def write_held(self) -> None:
        """Write the request that was put off, unless the connection has ended since."""
        if not self.is_closing():
            self._transport.write(self._held)
            self._held = b""

    def give_up(self, waiter: Waiter[EndpointResponse]) -> None:
        """End the exchange that `waiter` stands for, if it is still under way: nobody waits."""
        if self._waiter is waiter:
            self._waiter = None
            self.close()

    def close(self) -> None:
        """End the connection at once; what is under way on it breaks off."""
        if self.is_closed:
            return
        self.is_closed = True
        self._deadlines.forget(self)
        self._parser.close()
        self._transport.abort()
        upload, self._upload = self._upload, None
        stream, self._stream = self._stream, None
        waiter, self._waiter = self._waiter, None
        self._owner.forget(self)
        if upload is not None:
            upload.cut(BodyError("the backend no longer takes the request body"))
        if stream is not None:
            stream.fail(BodyError("the connection to the backend was closed"))
        if waiter is not None:
            waiter.fail(broken_answer("the connection was closed before an answer"))

    def _fail(self, fault: Exception) -> None:
        """End the connection; whoever waits for the head gets `fault`, a stream breaks off."""
        waiter, self._waiter = self._waiter, None
        stream, self._stream = self._stream, None
        self.close()
        if waiter is not None:
            waiter.fail(fault)
        elif stream is not None:
            stream.fail(BodyError(str(fault)))

    # The loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_closing = transport.is_closing

    def data_received(self, data: bytes) -> None:
        """Parse what came, then resume whoever waits for it."""
        waiter = self._waiter
        if waiter is None and self._stream is None:
            # Nothing was asked: this would be taken for the answer to the next request.
            self.close()
            return
        if self._is_untouched:
            if self._held:
                # Nor was this asked: the request that it would pass for the answer to is here yet.
                self._end_unanswered(broken_answer("the backend sent bytes before it was asked"))
                return
            self._is_untouched = False
            if waiter is not None and not self._is_to_head:
                head, end, body = data.partition(b"\r\n\r\n")
                if end:
                    known = self._plain_heads
                    plain = known.heads.get(head) or known.read(head)
                    if plain is not None and plain.length == len(body):
                        self._answer_plain(waiter, plain, body)
                        return
            self._parser.expect(is_head=self._is_to_head)
        self._parse(data, waiter)

    def _parse(self, data: bytes, waiter: Waiter[EndpointResponse] | None) -> None:
        parser = self._parser
        try:
            parser.feed(data)
        except InvalidResponseError as error:
            self._fail(broken_answer(str(error)))
            return
        if waiter is not None:
            if parser.is_head_complete:
                self._answer(waiter)
        elif self._stream is not None:
            self._relay(self._stream)

    def eof_received(self) -> None:
        """Note that the backend closed; some bodies end that way."""
        self._end(is_clean=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        if exc is not None and self._origin is not None and not self.is_closed:
            refusal = client_certificate_refusal(exc, self._origin)
            if refusal is not None and self._is_untouched:
                self.failure = str(refusal)
                self._fail(unreachable(self.failure))
                return
        self._end(is_clean=False)

    def pause_writing(self) -> None:
        """Stop the client: the backend is slow."""
        self._is_write_paused = True
        if self._upload is not None:
            self._upload.pause()
            self._expect_head()

    def resume_writing(self) -> None:
        """Let the client go on."""
        self._is_write_paused = False
        if self._upload is not None:
            if self._waiter is not None:
                self.deadline = NEVER
            self._upload.resume()

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 (Deadline's signature)
        """Give up: no head in time, no byte in time, or idle for too long."""
        if self._waiter is not None:
            self._fail(Fault(GatewayResponseType.INTEGRATION_TIMEOUT, source="integration"))
        elif self._stream is not None:
            cause = "nobody took the body" if self._is_read_paused else "no byte of body came"
            self._fail(broken_answer(f"{cause} in time"))
        else:
            self.close()

    def _end(self, *, is_clean: bool) -> None:
        if self.is_closed:
            return
        stream = self._stream
        if stream is not None:
            if is_clean and self._parser.feed_eof():
                self._stream = None
                self.close()
                stream.finish()
            else:
                self._fail(broken_answer("the connection ended inside the body"))
        elif self._waiter is None:
            self.close()
        elif self._is_untouched:
            self._end_unanswered(no_answer(self._origin))
        else:
            self._fail(broken_answer("the connection ended inside the head"))

    def _end_unanswered(self, fault: Fault) -> None:
        """End an exchange without an answer: a reused connection may have been closed before it."""
        self._fail(StaleConnectionError(not self._held) if self.is_reused else fault)

    # The answer

    def _answer_plain(self, waiter: Waiter[EndpointResponse], head: PlainHead, body: bytes) -> None:
        """Give an answer that came whole, in one piece: its parser was not needed."""
        if self._response_limit is not None and head.length > self._response_limit:
            self._fail(broken_answer(f"the body exceeds {self._response_limit} bytes"))
            return
        self._waiter = None
        self.answer_headers = head.headers
        # First, for the caller may send its next request before `set` returns.
        if self._has_body:
            self._finish(is_reusable=True)
        else:
            self._owner.release(self)
        waiter.set(EndpointResponse(head.status, head.headers, body, head.length, head.derived))

    def _answer(self, waiter: Waiter[EndpointResponse]) -> None:
        """Give the answer to whoever waits, whole if its body is here already."""
        parser = self._parser
        self.answer_headers = parser.headers
        chunks = parser.take_body()
        if not parser.is_complete:
            self._answer_stream(waiter, chunks)
            return
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self._response_limit is not None and len(body) > self._response_limit:
            self._fail(broken_answer(f"the body exceeds {self._response_limit} bytes"))
            return
        response = EndpointResponse(parser.status, parser.headers, body, parser.length)
        self._waiter = None
        # First, for the caller may send its next request before `set` returns.
        self._finish(is_reusable=parser.is_reusable)
        waiter.set(response)

    def _answer_stream(self, waiter: Waiter[EndpointResponse], chunks: list[bytes]) -> None:
        parser = self._parser
        limit = self._response_limit
        if limit is not None and max(parser.length or 0, sum(map(len, chunks))) > limit:
            self._fail(broken_answer(f"the body exceeds {limit} bytes"))
            return
        stream = BodyStream(self, parser.length, limit)
        response = EndpointResponse(parser.status, parser.headers, stream, parser.length)
        self._waiter = None
        self._stream = stream
        self._expect_body()
        for chunk in chunks:
            stream.feed(chunk)
        waiter.set(response)

    def _relay(self, stream: BodyStream) -> None:
        """Pass on the pieces of body that came."""
        for chunk in self._parser.take_body():
            stream.feed(chunk)
        if self._stream is not stream:
            return  # Its consumer cut it.
        if self._parser.is_complete:
            self._stream = None
            self._finish(is_reusable=self._parser.is_reusable)
            stream.finish()
        elif not self._is_read_paused:
            self.deadline = self._now() + self._response_idle_seconds

    def _expect_head(self) -> None:
        """Wait for the head of the answer from now on: it is the backend's turn."""
        if self._waiter is not None:
            self.deadline = self._now() + self._timeout_seconds
            if self.deadline < self.watched_until:
                self._deadlines.watch(self)

    def _expect_body(self) -> None:
        """Wait for the next piece of body, but not for ever."""
        self.deadline = self._now() + self._response_idle_seconds
        if self.deadline < self.watched_until:
            self._deadlines.watch(self)

    def _finish(self, *, is_reusable: bool) -> None:
        """End an exchange whose answer is complete: back to the pool, or close."""
        if self._has_body and not self._is_sent():
            # The answer ended first. What the backend would read next is the rest of this body.
            self._stop_upload()
            self.close()
        elif not is_reusable:
            self.close()
        else:
            if self._is_read_paused:
                self.resume_body()
            self._owner.release(self)

    # The response body's producer

    def pause_body(self) -> None:
        """Stop reading: the client is slow, which is no fault of the backend's."""
        if not self.is_closing():
            self._is_read_paused = True
            self.deadline = self._now() + _PAUSES * self._response_idle_seconds
            self._transport.pause_reading()

    def resume_body(self) -> None:
        """Read on."""
        if not self.is_closing():
            self._is_read_paused = False
            self._expect_body()
            self._transport.resume_reading()

    def abandon_body(self) -> None:
        """Close: nobody wants the rest."""
        self._stream = None
        self.close()

    # The request body's sink

    def _write_whole(self, head: bytes, body: bytes) -> None:
        head += b"Content-Length: %d\r\n\r\n" % len(body)
        if len(body) <= _JOINED_BODY_BYTES:
            self._held = head + body
            self._outbox.put(self)
        else:
            self._transport.writelines((head, body))

    def _begin_upload(self, head: bytes, body: BodyStream) -> None:
        """Write the head and what is here of the body; the rest follows as it comes.

        While the client is the one that is waited for, its connection's limits apply, not the time
        for the head of the answer: a slow upload is not the backend's fault.
        """
        held = body.take()
        length = body.length
        if length is None:
            head += b"Transfer-Encoding: chunked\r\n\r\n"
            if held:
                held = b"%x\r\n%b\r\n" % (len(held), held)
            if body.is_complete:
                held += b"0\r\n\r\n"
        else:
            head += b"Content-Length: %d\r\n\r\n" % length
        if body.is_complete:
            self._transport.write(head + held)
            return
        self._upload = body
        self._is_body_chunked = length is None
        self._transport.write(head + held)
        body.attach(self)
        if self._is_write_paused and self._upload is not None:
            # Attaching made it flow, after this connection's buffer had filled up.
            self._upload.pause()

    def body_chunk(self, chunk: bytes) -> None:
        """Write a piece of the request body."""
        if self._upload is None or self.is_closing():
            return
        if self._is_body_chunked:
            self._transport.writelines((b"%x\r\n" % len(chunk), chunk, b"\r\n"))
        else:
            self._transport.write(chunk)

    def body_finished(self) -> None:
        """Write the end of the request body; now the backend has its time."""
        if self._upload is None or self.is_closing():
            return
        self._upload = None
        if self._is_body_chunked:
            self._transport.write(b"0\r\n\r\n")
        self._expect_head()

    def body_failed(self, error: BodyError) -> None:
        """Break off: the request will never be complete."""
        if self._upload is None:
            return
        self._upload = None
        self._fail(broken_request(error))

    def _is_sent(self) -> bool:
        """Whether the whole request has left for the backend."""
        return self._upload is None and self._transport.get_write_buffer_size() == 0

    def _stop_upload(self) -> None:
        """Stop the request body, if it is still on its way: its answer has ended."""
        upload, self._upload = self._upload, None
        if upload is not None:
            self._parser.is_reusable = False
            upload.cut(BodyError("the backend answered before the body was complete"))
