"""Which name a TLS client asks for, read before anything is answered.

Once OpenSSL has begun a handshake, its certificate can be changed (an SNI callback does that), but
not whether the client is asked for one, nor the oldest version. So the first message is shown to
an OpenSSL object that does nothing but read the name, and then, unchanged, to one of the right
domain. OpenSSL reads it both times: no parser of ours could take it for something else.
"""

from __future__ import annotations

import ssl
import sys
from typing import Any, Final

HELLO_BYTES: Final = 65_536
"""The most of a first message; browsers send some 2 KB."""


class _Probe(ssl.SSLObject):
    """Notes the name."""

    server_name: str | None = None
    is_read: bool = False


def _note(probe: Any, server_name: str | None, _context: ssl.SSLContext) -> int:
    probe.server_name = server_name
    probe.is_read = True
    # Ends the handshake, which is never answered.
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def _probing() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = _Probe
    context.sni_callback = _note
    return context


# Process
_CONTEXT: Final = _probing()


class ClientHello:
    """The first message of one connection, while it comes in."""

    __slots__ = ("_incoming", "_outgoing", "_probe", "received")

    def __init__(self) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._probe: Any = _CONTEXT.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.received = b""
        """Everything so far."""

    def feed(self, data: bytes) -> str | None:
        """Take what came; return the name, lower case, empty if none is named; None: go on.

        Raises:
            ssl.SSLError: this is no TLS, or none that is spoken here.
        """
        self.received += data
        if len(self.received) > HELLO_BYTES:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the first message is too long")
        self._incoming.write(data)
        # A name that is no ASCII would be told on standard error, once for each such client.
        hook, sys.unraisablehook = sys.unraisablehook, _ignore
        try:
            self._probe.do_handshake()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError:
            if self._probe.is_read:
                return (self._probe.server_name or "").lower()
            raise
        finally:
            sys.unraisablehook = hook
        raise AssertionError("a handshake without a certificate has ended")

    def alert(self) -> bytes:
        """Return what OpenSSL would tell a client that it refuses."""
        return self._outgoing.read()


def _ignore(_unraisable: object) -> None:
    """Do nothing: the handshake fails, and is counted."""
