"""A connection to the control port: aiohttp's own, with a bound on time and on bytes of the head.

aiohttp bounds the length of a header, and how many there are, but neither the time that a head
takes nor the connections that wait for one. Both are kept here; bodies are bounded where they are
read, in `control.api.edge`. What is malformed is answered in AWS's shape and is no bug: it is one
line in the log, at most once a second, and never a traceback.

Private API of aiohttp, pinned by this module's tests: `RequestHandler._request_count` (heads that
were read), `_handle_request` (runs around a request) and `handle_error`.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from gateway.control.admin_bounds import AdminConnections, is_foreign
from gateway.control.api.service import ControlAnswer
from gateway.errors import ControlError, bad_request
from gateway.server.deadlines import NEVER, CallingDeadline

_log = logging.getLogger(__name__)


class AdminConnection(web.RequestHandler):
    """aiohttp's connection with deadlines."""

    __slots__ = (
        "_connections", "_head_bytes", "_heads", "_is_admitted", "_is_lingering", "_patience",
        "address", "is_busy", "is_foreign", "waiting_since",
    )  # fmt: skip

    def __init__(
        self,
        server: web.Server,
        connections: AdminConnections,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        bounds = connections.bounds
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            max_line_size=bounds.field_bytes,
            max_field_size=bounds.field_bytes,
            max_headers=bounds.header_count,
            lingering_time=bounds.linger_seconds,
            # A signature covers the body as it was sent; and no bomb is unpacked.
            auto_decompress=False,
        )
        self._connections = connections
        # Apart from it: two bases with slots do not mix.
        self._patience = CallingDeadline(self.run_out)
        self._is_admitted = False
        self._heads = 0
        """Heads read until now."""
        self._head_bytes = 0
        """Of a head that is not complete."""
        self._is_lingering = False
        """The last request is answered, and the rest of its body is on the way."""
        self.is_busy = False
        """Whether a request is in hand."""
        self.waiting_since = 0.0
        """When it last had no request in hand, by the monotonic clock."""
        self.address = ""
        self.is_foreign = False
        """Whether the client is another machine."""

    def __repr__(self) -> str:
        return f"<AdminConnection {'busy' if self.is_busy else 'waiting'} {self.address}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there may be one more."""
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self.is_foreign = is_foreign(self.address)
        self._is_admitted = self._connections.admit(self)
        if not self._is_admitted:
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        self._wait(self._connections.bounds.idle_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        if not self._is_admitted:
            return
        self._connections.release(self)
        self._connections.deadlines.forget(self._patience)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; see to it that a head ends in time, and is not too large."""
        if not self._is_admitted:
            return
        super().data_received(data)
        if self._request_count != self._heads:
            self._begin()
        elif data and not self.is_busy and not self._is_lingering:
            bounds = self._connections.bounds
            if not self._head_bytes:
                self._expire_in(bounds.header_seconds)
            self._head_bytes += len(data)
            if self._head_bytes > bounds.header_bytes:
                self._refuse(_head_too_large(), "a head that is too large")

    def pause_writing(self) -> None:
        """Give a client that does not read its answer some time."""
        super().pause_writing()
        if self.is_busy:
            self._expire_in(self._connections.bounds.stall_seconds)

    def resume_writing(self) -> None:
        """Go on with an answer."""
        super().resume_writing()
        if self.is_busy:
            self._patience.deadline = NEVER

    def run_out(self) -> None:
        """The time is over: for a head, for reading the answer, or for the next request."""
        if self._head_bytes:
            error = ControlError("RequestTimeoutException", 408, "The head came too slowly")
            self._refuse(error, "a head that came too slowly")
        else:
            self.cut()

    def cut(self) -> None:
        """End the connection at once, whatever was not sent."""
        transport = self.transport
        if transport is not None:
            transport.abort()
        # Not when the loop comes round to it: the next one may be waiting for the place.
        self._connections.release(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (tells a client its own bytes)
    ) -> web.StreamResponse:
        """Answer what the parser refused, or a bug, in AWS's shape."""
        if isinstance(exc, HttpProcessingError):
            is_too_large = isinstance(exc, LineTooLong) or "Too many headers" in exc.message
            error = _head_too_large() if is_too_large else _malformed()
            self._connections.refused(error.message, self.address)
        else:
            _log.error("control port: answering failed with %d: a bug", status, exc_info=exc)
            error = ControlError("InternalServerErrorException", 500, "Internal server error")
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        answer = self._connections.refuse(error)
        response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        response.force_close()
        return response

    async def _handle_request(
        self, request: web.BaseRequest, start_time: float | None, request_handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        self._begin()
        try:
            return await super()._handle_request(request, start_time, request_handler)
        finally:
            self._is_lingering = not request.content.is_eof()
            bounds = self._connections.bounds
            # A little more than aiohttp takes, which ends it in its own way.
            seconds = bounds.linger_seconds + 1 if self._is_lingering else bounds.keep_alive_seconds
            self._wait(seconds)

    def _begin(self) -> None:
        self._heads = self._request_count
        self._head_bytes = 0
        self.is_busy = True
        self._is_lingering = False
        self._patience.deadline = NEVER

    def _wait(self, seconds: float) -> None:
        self.is_busy = False
        self.waiting_since = self._connections.now()
        self._expire_in(seconds)

    def _expire_in(self, seconds: float) -> None:
        self._patience.deadline = self._connections.now() + seconds
        self._connections.deadlines.watch(self._patience)

    def _refuse(self, error: ControlError, reason: str) -> None:
        """Answer what is no request yet, and end the connection."""
        self._connections.refused(reason, self.address)
        self._head_bytes = 0
        # Should the client not read even this, it is cut off.
        self._expire_in(self._connections.bounds.linger_seconds)
        transport = self.transport
        if transport is not None:
            transport.write(_wire_text(self._connections.refuse(error)))
        self.force_close()


def _wire_text(answer: ControlAnswer) -> bytes:
    status = HTTPStatus(answer.status)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + answer.body


def _malformed() -> ControlError:
    return bad_request("The request is no well-formed HTTP/1.1")


def _head_too_large() -> ControlError:
    return ControlError(
        "RequestHeaderSectionTooLargeException",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request line or the headers are too large",
    )
