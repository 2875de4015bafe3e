"""TLS between a client's TCP transport and its `ClientConnection`: bytes in, bytes out.

The handshake is bounded in number and time before anything else of a connection exists. Then this
is the connection's transport. No task and no loop of its own: OpenSSL is driven by what arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from typing import Any, Final, Protocol, cast

from gateway.client_tls import ClientTls
from gateway.server import refusal
from gateway.server.client_certificate import client_certificate
from gateway.server.client_hello import ClientHello
from gateway.server.client_socket import ClientSocket
from gateway.server.deadlines import Deadline
from gateway.server.tls_table import TlsEntry

READ_BYTES: Final = 65_536
"""The most that is decrypted at once; OpenSSL gives a record, of 16 KB at most."""

# What a connection is at.
_HELLO: Final = 0
"""The client's first message is not whole."""
_SHAKING: Final = 1
_OPEN: Final = 2
_ENDED: Final = 3
"""We have said that no more will come; what the client still sends is counted only."""
_CLOSED: Final = 4

_STATES: Final = ("hello", "shaking", "open", "ended", "closed")


class Gate(Protocol):
    """What all TLS connections of a worker share. `tls_gate.TlsGate` satisfies it."""

    def enter(self, connection: TlsConnection) -> float | None:
        """Count a handshake in; return its deadline, or None: there are too many."""
        ...

    def leave(self, connection: TlsConnection) -> None:
        """Count a handshake out that `enter` let in, however it ended."""
        ...

    def find(self, server_name: str) -> TlsEntry | None:
        """Return what is used for a name now."""
        ...

    def seconds_until(self, epoch: float) -> float:
        """Return how long it is until a time in seconds since 1970; negative: it is over."""
        ...

    def opened(self, connection: TlsConnection) -> ClientSocket:
        """Return the protocol of a connection whose handshake is done."""
        ...

    def closed(self, connection: TlsConnection) -> None:
        """Forget an open connection."""
        ...

    def is_stale(self, connection: TlsConnection) -> bool:
        """Whether its name would be let in by other rules now."""
        ...

    def refused(self, reason: str, address: str) -> None:
        """Count a connection that never became one."""
        ...

    def watch(self, item: Deadline) -> None:
        """See to its deadline."""
        ...

    def forget(self, item: Deadline) -> None:
        """Watch it no more."""
        ...

    def call_soon(self, connection: TlsConnection) -> None:
        """Call the connection's `pump` from the loop."""
        ...


class TlsConnection(asyncio.Protocol, Deadline):
    """One client's TLS: the protocol of its TCP transport, the transport of its connection."""

    __slots__ = (
        "_app", "_gate", "_hello", "_incoming", "_is_entered", "_is_paused", "_is_pumping",
        "_object", "_outgoing", "_state", "_tcp", "address", "entry", "tls",
    )  # fmt: skip

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        Deadline.__init__(self)
        self._gate = gate
        self._state = _HELLO
        self._tcp: asyncio.Transport = cast("asyncio.Transport", None)
        self._hello: ClientHello | None = None
        """Once the client has begun, until its first message is whole."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object: ssl.SSLObject = cast("ssl.SSLObject", None)
        self._app: ClientSocket | None = None
        self._is_entered = False
        self._is_paused = False
        self._is_pumping = False
        self.address = ""
        """The peer's."""
        self.entry: TlsEntry | None = None
        """Of the domain that the client asked for."""
        self.tls: ClientTls | None = None
        """Once the handshake is done."""

    def __repr__(self) -> str:
        name = self.entry.domain_name if self.entry is not None else ""
        return f"<TlsConnection {_STATES[self._state]} {name}>"

    # The TCP transport's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a handshake, unless there are too many."""
        self._tcp = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if isinstance(peer, tuple) else ""
        deadline = self._gate.enter(self)
        if deadline is None:
            self._refuse(refusal.TLS_LIMIT)
            return
        self._is_entered = True
        self.deadline = deadline
        self._gate.watch(self)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        state = self._state
        if state == _OPEN:
            self._incoming.write(data)
            if not self._is_paused:
                self.pump()
        elif state == _HELLO:
            self._read_hello(data)
        elif state == _SHAKING:
            self._incoming.write(data)
            self._shake()
        elif state == _ENDED and self._app is not None:
            # It lingers, and only counts; nothing is decrypted to be thrown away.
            self._app.data_received(data)

    def _read_hello(self, data: bytes) -> None:
        hello = self._hello
        if hello is None:
            hello = self._hello = ClientHello()
        try:
            name = hello.feed(data)
        except ssl.SSLError:
            self._tcp.write(hello.alert())
            self._refuse(refusal.TLS_HANDSHAKE)
            return
        if name is None:
            return
        entry = self.entry = self._gate.find(name)
        if entry is None or entry.context is None:
            # OpenSSL's alert says that the name is unknown.
            self._tcp.write(hello.alert())
            self._refuse(refusal.TLS_NAME)
            return
        self.tls = ClientTls(server_name=name, version="", cipher="")
        self._incoming.write(hello.received)
        self._hello = None
        self._object = entry.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._state = _SHAKING
        self._shake()

    def _shake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError:
            # The alert that says why.
            self._flush()
            self._refuse(refusal.TLS_HANDSHAKE)
            return
        self._flush()
        self._open()

    def _open(self) -> None:
        """The handshake is done: begin the connection, with what came after it."""
        tls = self.tls = self._described()
        left = None
        if tls.certificate is not None:
            left = self._gate.seconds_until(ssl.cert_time_to_seconds(tls.certificate.not_after))
            if left < 0:
                # Of a session that was begun while it was valid: OpenSSL does not look again.
                self._refuse(refusal.TLS_HANDSHAKE)
                return
        self._leave()
        self._state = _OPEN
        app = self._app = self._gate.opened(self)
        app.connection_made(cast("asyncio.Transport", self))
        if left is not None:
            app.retire_in(left)
        if self._gate.is_stale(self):
            # The table was swapped within the handshake.
            app.retire()
        if self._state == _OPEN:
            self.pump()

    def _described(self) -> ClientTls:
        entry, tls = cast("TlsEntry", self.entry), cast("ClientTls", self.tls)
        certificate = None
        if entry.truststore:
            # Verified by OpenSSL, or there would be no connection; but not every certificate can
            # be put into words, and one that cannot counts as none.
            with contextlib.suppress(KeyError, ValueError, ssl.SSLError):
                der = self._object.getpeercert(binary_form=True)
                told = self._object.getpeercert()
                certificate = client_certificate(told, der) if told and der else None
        cipher = self._object.cipher()
        return ClientTls(
            server_name=tls.server_name,
            version=self._object.version() or "",
            cipher=cipher[0] if cipher else "",
            domain_name=entry.domain_name,
            truststore=entry.truststore,
            certificate=certificate,
        )

    def pump(self) -> None:
        """Decrypt what has come, and hand it on, until there is no more or nobody wants it."""
        app = self._app
        if self._is_pumping or app is None:
            return
        self._is_pumping = True
        try:
            while self._state == _OPEN and not self._is_paused:
                data = self._object.read(READ_BYTES)
                if not data:
                    self._on_end()
                    break
                app.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._on_end()
        except ssl.SSLError:
            self._flush()
            self.abort()
        finally:
            self._is_pumping = False
        if self._state == _OPEN:
            # A change of keys is answered.
            self._flush()

    def _on_end(self) -> None:
        """The client sends no more: it cannot be told that half of the connection stays."""
        if self._state == _OPEN and self._app is not None and not self._app.eof_received():
            self.close()

    def eof_received(self) -> bool:
        """Take the end of TCP for the end of TLS: lengths and chunks tell what is whole."""
        if self._state in {_HELLO, _SHAKING}:
            # Whoever has sent nothing has only looked whether the port is open.
            if self._state == _SHAKING or self._hello is not None:
                self._gate.refused(refusal.TLS_HANDSHAKE, self.address)
            self._state = _CLOSED
        else:
            self._on_end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Give everything back."""
        self._state = _CLOSED
        self._leave()
        app, self._app = self._app, None
        if app is not None:
            self._gate.closed(self)
            app.connection_lost(exc)

    def pause_writing(self) -> None:
        """Too much is unsent."""
        if self._app is not None:
            self._app.pause_writing()

    def resume_writing(self) -> None:
        """Enough was sent."""
        if self._app is not None:
            self._app.resume_writing()

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 (the deadline is the handshake's)
        """End a handshake that takes too long."""
        if self._state in {_HELLO, _SHAKING}:
            self._refuse(refusal.TLS_SLOW)

    def retire(self) -> None:
        """Have the connection end after its next answer: what it was let in by has changed."""
        if self._app is not None:
            self._app.retire()

    # The connection's transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self._state != _OPEN or not data:
            return
        try:
            self._object.write(data)
        except ssl.SSLError:
            self.abort()
            return
        self._tcp.write(self._outgoing.read())

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Encrypt and send, as one."""
        self.write(b"".join(parts))

    def close(self) -> None:
        """Say goodbye, and close when all is sent."""
        if self._state == _OPEN:
            self._say_goodbye()
        self._state = _CLOSED
        self._tcp.close()

    def can_write_eof(self) -> bool:
        """Whether `write_eof` works; yes."""
        return True

    def write_eof(self) -> None:
        """Say that no more will come, and let the client finish."""
        if self._state == _OPEN:
            self._say_goodbye()
            self._state = _ENDED
            self._tcp.write_eof()

    def abort(self) -> None:
        """Close at once."""
        self._state = _CLOSED
        self._tcp.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._state == _CLOSED or self._tcp.is_closing()

    def pause_reading(self) -> None:
        """Hand nothing on until `resume_reading`."""
        self._is_paused = True
        if not self._tcp.is_closing():
            self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Hand on again what comes, and what was held back."""
        self._is_paused = False
        if not self._tcp.is_closing():
            self._tcp.resume_reading()
        if self._incoming.pending or self._object.pending():
            # Not from within: whoever resumes does not expect data before it returns.
            self._gate.call_soon(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set at how many unsent bytes writing pauses and resumes."""
        self._tcp.set_write_buffer_limits(high=high, low=low)

    def get_write_buffer_size(self) -> int:
        """Return the unsent bytes, encrypted."""
        return self._tcp.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection: asyncio's names, and `client_tls`."""
        if name == "client_tls":
            return self.tls
        if name == "sslcontext":
            return self._object.context
        return self._tcp.get_extra_info(name, default)

    # Inside

    def _say_goodbye(self) -> None:
        # The client's own goodbye is not waited for.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._tcp.write(data)

    def _leave(self) -> None:
        if self._is_entered:
            self._is_entered = False
            self._gate.forget(self)
            self._gate.leave(self)

    def _refuse(self, reason: str) -> None:
        """End a connection that never became one."""
        self._gate.refused(reason, self.address)
        self._state = _CLOSED
        self._leave()
        if reason in {refusal.TLS_LIMIT, refusal.TLS_SLOW}:
            self._tcp.abort()
        else:
            # After the alert.
            self._tcp.close()
