"""A client's connection: bytes in, one request at a time, bytes out.

The hot path is `data_received`, `_begin`, `_on_answer`, `_end_answer`; an answer that needs no
waiting is written within that call. All else here is for clients that are slow, odd or hostile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from gateway.answer_start import STATUS_LINES
from gateway.driver import Drive, Pending, ignore
from gateway.errors import Fault
from gateway.messages import Exchange, InvocationRequest, InvocationResponse
from gateway.server import refusal
from gateway.server.answer_stream import AnswerStream, frame
from gateway.server.client_socket import BUSY, CLOSED, IDLE, LINGERING, PHASES, ClientSocket
from gateway.server.deadlines import NEVER
from gateway.server.edge import Edge
from gateway.server.head_reader import HeadReader
from gateway.server.parser import EXPECT, NO_BODY, Head
from gateway.server.refusal import Refusal, RefusedError
from gateway.server.request_body import (
    CHECK_SECONDS,
    RequestBody,
    check_expectation,
    empty_body,
    has_framing,
    length_of,
)
from gateway.server.responder import CONTINUE, start_of
from gateway.streams import BodyError, BodyStream

_LOG: Final = logging.getLogger(__name__)

REQUESTS_PER_TURN: Final = 16
"""Pipelined requests that are answered before other connections get their turn."""

AHEAD_BYTES: Final = 16_384
"""Pipelined bytes that are read while a request is in hand; beyond them reading is paused."""

CLIENT_LEFT: Final = 499
"""The status that is recorded when the client left before one was sent."""


class ClientConnection(ClientSocket):
    """Reads requests, has the service answer them, writes the answers in order."""

    __slots__ = (
        "_answer", "_answered", "_body", "_exchange", "_failed", "_heads", "_held",
        "_is_head_timed", "_is_kept", "_is_serving", "_is_yielding",
        "_requests", "_status", "_wants_close", "_work",
    )  # fmt: skip

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge)
        # Connection
        self._heads = HeadReader(edge.limits, edge.hosts)
        self._held = b""
        """Bytes that came and were not looked at: part of a head, or pipelined requests."""
        self._requests = 0
        self._is_head_timed = self._is_serving = self._is_yielding = False
        # Bound once: two objects less per request. They make a cycle, cut in `connection_lost`.
        self._answered: Callable[[InvocationResponse], None] = self._on_answer
        self._failed: Callable[[BaseException], None] = self._on_failure
        # Exchange
        self._exchange: Exchange | None = None
        self._work: Drive[InvocationResponse] | Pending[InvocationResponse] | None = None
        self._body: RequestBody | None = None
        """The request's body while it is not complete."""
        self._answer: AnswerStream | None = None
        self._status = 0
        """Of the answer, once its head was sent."""
        # Of a connection that waits for a head they are so: `_heed` is called where one says more.
        self._is_kept, self._wants_close = True, False

    def __repr__(self) -> str:
        state = PHASES[self._phase]
        return f"<ClientConnection {state} {self._address}, {self._requests} requests>"

    # Transport: the hot path

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        phase = self._phase
        if phase == IDLE:
            self._held = self._held + data if self._held else data
            if not self._is_yielding:
                self._serve_held()
        elif phase == BUSY:
            self._take_more(data)
        elif phase == LINGERING:
            self._discard(data)

    def _serve_held(self) -> None:
        """Serve the requests held, one after the other, until one has to wait."""
        self._is_serving = True
        turns = REQUESTS_PER_TURN
        try:
            while self._held and self._phase == IDLE and not self._is_writing_paused:
                if not turns:
                    self._is_yielding = True
                    self._edge.loop.call_soon(self._take_turn)
                    break
                turns -= 1
                if not self._begin():
                    break
        except RefusedError as refused:
            self._refuse(refused.refusal)
        except Exception as bug:  # noqa: BLE001 (logged with its traceback)
            self._on_bug(bug)
        finally:
            self._is_serving = False
        if self._held or self._is_reading_paused:
            self.settle_reading()

    def _begin(self) -> bool:
        """Begin the first request held. False: its head is not complete.

        Raises:
            RefusedError: before an exchange was opened.
        """
        edge = self._edge
        heads = self._heads
        self._held = heads.read(self._held)
        if not heads.is_complete:
            self._await_head(is_begun=heads.is_begun)
            return False
        self._is_head_timed = False
        self._status = 0
        stream: BodyStream | None = None
        if heads.head is not None:
            stream = self._heed(heads.head, heads)
        self._requests += 1
        derived = heads.derived
        if not derived.source_ip:
            self._note_client(derived, heads.fields)
        service = edge.service
        self._exchange = exchange = service.open(InvocationRequest(heads.line, derived, stream))
        self._phase = BUSY
        body = self._body
        if body is not None:
            now = edge.now()
            body.watch_from(now)
            self._expire_at(now + CHECK_SECONDS)
        answer = service.answer(exchange)
        if isinstance(answer, InvocationResponse):
            self._on_answer(answer)
        elif isinstance(answer, Pending):
            self._work = answer
            answer.start(self._answered, self._failed)
        else:
            self._work = drive = Drive(answer, self._answered, self._failed)
            drive.step()
        if body is not None and self._body is body:
            # Nobody wants it yet, and enough is held.
            self.settle_reading()
        return True

    def _await_head(self, *, is_begun: bool) -> None:
        """Give a head that has begun its time; a connection on which none has, its own."""
        if is_begun is not self._is_head_timed:
            self._is_head_timed = is_begun
            times = self._edge.timeouts
            seconds = times.header_seconds if is_begun else times.keep_alive_seconds
            self._expire_at(self._edge.now() + seconds)

    def _heed(self, head: Head, heads: HeadReader) -> BodyStream | None:
        """Do as the headers ask: take a body, expect, close. Returns the body."""
        fields = head.headers
        stream: BodyStream | None = None
        if heads.payload is not NO_BODY or has_framing(fields):
            stream = self._begin_body(head, heads)
        if EXPECT in fields and head.version[1]:
            check_expectation(fields)
            if self._body is not None and not self._body.stream.received:
                self._body.hold_back()
        self._wants_close = head.should_close
        self._is_kept = not (head.should_close or head.upgrade)
        return stream

    def _on_answer(self, response: InvocationResponse) -> None:
        """Write the answer. Called within `_begin` when nothing had to wait, else by `_work`."""
        exchange = self._exchange
        if exchange is None:
            return  # The client has left.
        start = response.start or start_of(response)
        edge = self._edge
        clock = edge.now  # Called as a method it would be looked up as one: that is slower.
        now = clock()
        if (
            self._body is not None
            or now >= self._retire_at
            or self._requests >= edge.limits.requests_per_connection
        ):
            # Told with the head of the answer: the connection does not outlive it.
            self._is_kept = False
        if not start or exchange.request.method == "HEAD":
            self._answer_apart(exchange, response, now)
            return
        self._status = response.status
        body: Any = response.body  # Bytes: a stream has no such start.
        is_kept = self._is_kept
        self._transport.write(edge.responder.whole(start, exchange.id_lines, body, now, is_kept))
        self._end_answer(exchange, len(body), now)

    def answer_ended(self, sent_bytes: int) -> None:
        """The last byte of the answer was handed to the transport: record, and go on."""
        self._answer = None
        if self._exchange is not None:  # Else the client has left.
            self._end_answer(self._exchange, sent_bytes, self._edge.now())

    def _end_answer(self, exchange: Exchange, sent_bytes: int, now: float) -> None:
        edge = self._edge
        self._exchange = self._work = None  # As `_record`, without a call.
        exchange.status = self._status
        exchange.response_length = sent_bytes
        exchange.response_latency = now - exchange.now
        try:
            edge.service.record(exchange)
        except Exception:  # noqa: BLE001 (logged with its traceback)
            self._on_unrecorded()
        if not self._is_kept:
            self._finish()
            return
        self._phase = IDLE
        self.deadline = deadline = now + edge.timeouts.keep_alive_seconds
        if deadline < self.watched_until:
            self._expire_at(deadline)
        if (self._held or self._is_reading_paused) and not self._is_serving:
            self._serve_held()

    def _record(self, status: int, sent_bytes: int) -> None:
        """Close the books of the exchange in hand, if there is one: it ends with an accident."""
        exchange = self._exchange
        self._exchange = self._work = self._answer = None
        if exchange is None:
            return
        exchange.status = status
        exchange.response_length = sent_bytes
        exchange.response_latency = self._edge.now() - exchange.now
        try:
            self._edge.service.record(exchange)
        except Exception:  # noqa: BLE001 (logged with its traceback)
            self._on_unrecorded()

    def _on_unrecorded(self) -> None:
        _LOG.exception("recording a request failed")  # Its client has the answer: go on.
        self._edge.service.refused(refusal.INTERNAL.reason)

    def _begin_body(self, head: Head, heads: HeadReader) -> BodyStream:
        """Take what is there of the body."""
        length = length_of(head, self._edge.limits.body_bytes)
        if length == 0:
            return empty_body()
        chunked = heads.parser.chunked_body(heads.payload) if length is None else None
        # The rest of this message is counted or decoded apart; the next one gets a new parser.
        heads.parser.renew()
        body = self._body = RequestBody(self, length, chunked, self._edge.limits.body_bytes)
        if self._held:
            self._take_body(body, self._held)
        return body.stream

    def send_continue(self) -> None:
        """Ask the client for the body it holds back."""
        if not self._status:
            self._transport.write(CONTINUE)

    def _take_more(self, data: bytes) -> None:
        """Take bytes while a request is in hand: of its body, or of the next request."""
        body = self._body
        if body is None:
            self._held += data
            self.settle_reading()
            return
        if body.stream.error is not None:
            return
        try:
            self._take_body(body, data)
        except RefusedError as refused:
            self._break_body(refused.refusal)

    def _take_body(self, body: RequestBody, data: bytes) -> None:
        # The answer may come within `take` (its consumer has had enough) or `finish`.
        tail = body.take(data)
        if self._body is not body:
            return
        self._held = tail
        if body.is_whole:
            self._body = None
            body.stream.finish()
            if self._held and self._phase == BUSY:
                self.settle_reading()

    def _break_body(self, why: Refusal) -> None:
        """The body of the request in hand is invalid, too slow, too large or cut short."""
        body, self._body = self._body, None
        # The service first: it must not answer for a body that failed at the edge.
        self._stop_service()
        if body is not None:
            body.stream.fail(BodyError(f"the client's body was refused: {why.reason}"))
        if self._status:
            self._break_off()
        else:
            self._refuse(why)

    def settle_reading(self) -> None:
        """Read or not: not while the body's sink is slow, nor while pipelined requests wait."""
        body = self._body
        if self._phase == BUSY:
            # A client that has gone is noticed by reading only: little may come ahead.
            is_paused = body.is_paused if body is not None else len(self._held) > AHEAD_BYTES
        elif self._phase == IDLE:
            is_paused = bool(self._held) and (self._is_writing_paused or self._is_yielding)
        else:
            return
        self._pause_reading(is_paused)

    def _answer_apart(self, exchange: Exchange, response: InvocationResponse, now: float) -> None:
        """Write an answer that has no body, or streams it."""
        status_line = STATUS_LINES.get(response.status)
        if status_line is None:
            self._on_bug(ValueError(f"{response.status} is no final status"))
            return
        request = exchange.request
        framed = frame(response, is_head=request.method == "HEAD", is_http_1_0=request.is_http_1_0)
        if framed.is_closing:
            self._is_kept = False
        start = status_line + response.head + framed.header
        head = self._edge.responder.whole(start, exchange.id_lines, b"", now, self._is_kept)
        self._status = response.status
        if framed.stream is None:
            self._transport.write(head + framed.data)
            self.answer_ended(len(framed.data))
            return
        answer = AnswerStream(self, self._transport, framed)
        self._answer = answer
        answer.start(head)
        if self._is_writing_paused and self._answer is answer:
            framed.stream.pause()

    def answer_broke(self, *, is_head_sent: bool) -> None:
        """The streamed answer broke off: never a second status line into its body."""
        if is_head_sent:
            self._break_off()
        else:
            self._status = 0
            self._stop_body()
            self._refuse(refusal.BROKEN_ANSWER)

    def _on_failure(self, error: BaseException) -> None:
        """The work of answering failed: refused by a station or the integration, or a bug."""
        exchange = self._exchange
        if exchange is not None and isinstance(error, Fault):
            try:
                self._on_answer(self._edge.service.refuse(exchange, error))
            except Exception as bug:  # noqa: BLE001 (logged with its traceback)
                self._on_bug(bug)
        else:
            self._on_bug(error)

    def _on_bug(self, error: BaseException) -> None:
        """The service raised: answer 500 without detail if nothing was sent."""
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        _LOG.error("answering a request failed", exc_info=error)
        self._work = None
        self._stop_body()
        if self._status:
            self._edge.service.refused(refusal.INTERNAL.reason)
            self._break_off()
        else:
            self._refuse(refusal.INTERNAL)

    def _break_off(self) -> None:
        """End the connection within an answer, so that the client sees it is not whole."""
        answer = self._answer
        self._record(self._status, 0 if answer is None else answer.sent)
        if answer is not None:
            answer.cut()
        self._stop_body()
        self._phase = LINGERING
        self._transport.abort()

    def _refuse(self, why: Refusal) -> None:
        """Give the edge's own answer, and close."""
        edge = self._edge
        edge.refused(why.reason, self._address)
        exchange = self._exchange
        request_id = edge.ids.request_id() if exchange is None else exchange.request_id
        self._status = why.status
        self._transport.write(edge.responder.refusal(why, request_id, edge.now()))
        self._record(why.status, len(why.body))
        self._wants_close = self._is_kept = False
        self._finish()

    def _stop_service(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.close()

    def _stop_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.stream.fail(BodyError("the request has ended before its body"))

    def _finish(self) -> None:
        """Close after the answer that was just written; linger if more bytes may be coming."""
        is_all_read = self._wants_close and self._body is None and not self._held
        self._stop_body()
        self._held = b""
        self._phase = LINGERING
        self._close(is_all_read=is_all_read)

    def drain(self) -> None:
        """Close when the request in hand is answered; soon when there is none."""
        # Not at once: a request may be in the socket's buffer, and would be lost.
        if self._phase == IDLE and not self._held and not self._is_writing_paused:
            edge = self._edge
            self._expire_at(min(self.deadline, edge.now() + edge.timeouts.keep_alive_seconds))

    # Transport: beginnings, ends, back-pressure

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many connections."""
        if not self._admit(transport):
            self._phase = CLOSED
            return
        self._edge.connections.add(self)

    def eof_received(self) -> bool:
        """Answer a client that has only closed its sending side. True: do not close yet."""
        self._is_ended = True
        self._is_kept = False
        if self._phase != BUSY:
            self._end_idle()
            return False
        if self._body is not None:
            self._break_body(refusal.BODY)
        # TLS cannot be half closed.
        return self._scheme == "http"

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio)
        """Give everything back; stop the backend if its answer has lost its reader."""
        self._phase = CLOSED
        self._edge.connections.discard(self)
        self._release()
        self._stop_service()
        answer = self._answer
        if answer is not None:
            answer.cut()
        self._stop_body()
        self._held = b""
        sent = 0 if answer is None else answer.sent
        self._record(self._status or CLIENT_LEFT, sent)
        # Cuts the cycle, so that no garbage collection is needed.
        self._answered = self._failed = ignore

    def pause_writing(self) -> None:
        """Too much is unsent."""
        self._is_writing_paused = True
        if self._answer is not None:
            self._answer.stream.pause()
        self._watch_writing()

    def resume_writing(self) -> None:
        """Enough was sent."""
        self._is_writing_paused = False
        if self._answer is not None:
            self._answer.stream.resume()
        elif self._phase == IDLE:
            self._serve_held()

    def _take_turn(self) -> None:
        self._is_yielding = False
        if self._phase == IDLE:
            self._serve_held()

    def on_deadline(self, now: float) -> None:
        """End what takes too long."""
        if self._phase == LINGERING or self._is_writing_paused:
            self._check_writing(now)
        elif self._phase == BUSY:
            body = self._body
            if body is None:
                # The integration has its own time-out.
                self.deadline = NEVER
            elif body.is_too_slow(now, self._edge.timeouts):
                self._break_body(refusal.SLOW_BODY)
            else:
                self._expire_at(now + CHECK_SECONDS)
        elif self._held or self._heads.is_begun:
            self._refuse(refusal.SLOW_HEAD)
        else:
            self._end_idle()
