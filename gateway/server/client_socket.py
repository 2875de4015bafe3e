"""The transport side of a client's connection: admission, pausing, closing without losing bytes."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from gateway.client_tls import ClientTls
from gateway.messages import Derived
from gateway.server.deadlines import Deadline
from gateway.server.edge import Edge
from gateway.server.parser import X_FORWARDED_FOR, X_FORWARDED_PORT, X_FORWARDED_PROTO, Fields
from gateway.server.peer import port_of, scheme_of

WRITE_HIGH_BYTES: Final = 65_536
WRITE_LOW_BYTES: Final = 32_768
"""Unsent bytes at which an answer's source is paused and resumed."""

RETIRE_SECONDS: Final = 1.0
"""How long a connection that must end is kept for a request that may be on its way."""

LINGER_BYTES: Final = 1_048_576
LINGER_SECONDS: Final = 2.0
"""What is still read, and thrown away, after an answer to a request that was not read to its end:
closing at once would reset the connection, and the client might never see the answer."""


# What a connection is at. Plain numbers: compared several times per request.
IDLE: Final = 0
"""Between requests, or holding part of a head."""
BUSY: Final = 1
"""An exchange is open."""
LINGERING: Final = 2
"""Answered, or idle for too long: closing, and throwing away what still comes."""
CLOSED: Final = 3

PHASES: Final = ("idle", "busy", "lingering", "closed")
"""Their names."""


class ClientSocket(asyncio.Protocol, Deadline):
    """What a `ClientConnection` knows of its transport. To be inherited."""

    __slots__ = (
        "_address", "_edge", "_is_admitted", "_is_ended", "_is_proxied", "_is_reading_paused",
        "_is_writing_paused", "_linger_left", "_phase", "_port", "_retire_at", "_scheme",
        "_tls", "_transport", "_unsent",
    )  # fmt: skip

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        Deadline.__init__(self)
        self._edge = edge
        self._phase = IDLE
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._address = ""
        """The peer's; IPv4 in its own notation."""
        self._port = 0
        self._scheme = "http"
        self._tls: ClientTls | None = None
        self._is_admitted = False
        self._is_proxied = False
        """Whether the peer is a trusted proxy."""
        self._retire_at = 0.0
        self._is_ended = False
        """The client sends no more (half-close)."""
        self._is_reading_paused = False
        self._is_writing_paused = False
        self._linger_left = LINGER_BYTES
        self._unsent = 0
        """Bytes that were unsent when progress was looked at last; 0: not yet."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is in hand."""
        return self._phase == BUSY

    def _admit(self, transport: asyncio.BaseTransport) -> bool:
        """Begin, with the time for a first byte; False: one connection too many, and reset."""
        self._transport = cast("asyncio.Transport", transport)
        edge = self._edge
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        # A dual-stack listener names IPv4 clients so.
        self._address = address.removeprefix("::ffff:") if "." in address else address
        reason = edge.admission.admit(self._address)
        if reason is not None:
            edge.refused(reason, self._address)
            self._transport.abort()
            return False
        self._is_admitted = True
        here = transport.get_extra_info("sockname")
        self._port = here[1] if isinstance(here, tuple) else 0
        if transport.get_extra_info("sslcontext") is not None:
            self._scheme = "https"
            self._tls = transport.get_extra_info("client_tls")
        self._is_proxied = edge.proxies.is_trusted(self._address)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES, low=WRITE_LOW_BYTES)
        now = edge.now()
        self._retire_at = now + edge.limits.connection_seconds
        self._expire_at(now + edge.timeouts.idle_seconds)
        return True

    def retire(self) -> None:
        """Close after the next answer, or soon if none is asked for."""
        now = self._edge.now()
        self._retire_at = now
        if self._phase == IDLE:
            self._expire_at(min(self.deadline, now + RETIRE_SECONDS))

    def retire_in(self, seconds: float) -> None:
        """Close after the first answer that comes so late."""
        self._retire_at = min(self._retire_at, self._edge.now() + seconds)

    def _release(self) -> None:
        """Give back what `_admit` took."""
        self._edge.deadlines.forget(self)
        if self._is_admitted:
            self._is_admitted = False
            self._edge.admission.release(self._address)

    def _note_client(self, derived: Derived, fields: Fields) -> None:
        """Note whose headers they are; a trusted proxy's say which client it speaks for."""
        derived.tls = self._tls
        if not self._is_proxied:
            derived.source_ip = self._address
            derived.scheme = self._scheme
            derived.port = self._port
            return
        chain = fields.getall(X_FORWARDED_FOR, ())
        derived.source_ip = self._edge.proxies.client_of(self._address, chain)
        derived.scheme = scheme_of(fields.getall(X_FORWARDED_PROTO, ())) or self._scheme
        derived.port = port_of(fields.getall(X_FORWARDED_PORT, ())) or self._port

    def _expire_at(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.watched_until:
            self._edge.deadlines.watch(self)

    def _pause_reading(self, is_paused: bool) -> None:
        if is_paused is self._is_reading_paused or self._is_ended:
            return
        self._is_reading_paused = is_paused
        if is_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close(self, *, is_all_read: bool) -> None:
        """Close after what was just written; linger if more bytes may be coming."""
        transport = self._transport
        if is_all_read or self._is_ended:
            transport.close()
        elif not transport.is_closing():
            if transport.can_write_eof():
                transport.write_eof()
            self._pause_reading(False)
        self._unsent = 0
        self._expire_at(self._edge.now() + LINGER_SECONDS)

    def _end_idle(self) -> None:
        """Close between requests; not even an answer that is not read keeps the connection."""
        if self._phase == IDLE:
            self._phase = LINGERING
            self._close(is_all_read=True)

    def _discard(self, data: bytes) -> None:
        """Throw away what comes after the last answer; not for ever."""
        self._linger_left -= len(data)
        if self._linger_left < 0:
            self._transport.abort()

    def _watch_writing(self) -> None:
        """The client reads slower than we write: give it time to make progress."""
        self._unsent = self._transport.get_write_buffer_size()
        self._expire_at(self._edge.now() + self._edge.timeouts.response_idle_seconds)

    def _check_writing(self, now: float) -> None:
        """End a connection whose client has not read a byte since the last look, or has all."""
        unsent = self._transport.get_write_buffer_size()
        if not unsent or unsent >= self._unsent > 0:
            self._transport.abort()
            return
        self._unsent = unsent
        self._expire_at(now + self._edge.timeouts.response_idle_seconds)
