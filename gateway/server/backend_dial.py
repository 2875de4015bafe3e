"""Opens connections to backends: names to addresses, TCP, TLS. Runs in tasks, off the hot path.

Every address of a name is tried, a quarter of a second apart and the families by turns (RFC 8305),
so that one dead address costs no request its time-out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final, Protocol, TypeVar, cast

import aiohappyeyeballs

from gateway.messages import Origin

P = TypeVar("P", bound=asyncio.Protocol)

_NEXT_ADDRESS_SECONDS: Final = 0.25
"""RFC 8305 section 5: the recommended Connection Attempt Delay."""
_PINNED: Final = 1024
"""Most certificates of unverified origins to remember."""


class CannotConnectError(Exception):
    """No connection came about: the name, the network, TLS or time; the text says which."""


class Dial(Protocol):
    """How connections are opened; tests pass one without sockets."""

    async def __call__(self, origin: Origin, protocol_factory: Callable[[], P], /) -> P:
        """Return the protocol of an open connection.

        Raises:
            CannotConnectError: there is none.
        """
        ...


class Dialer:
    """Opens TCP and TLS connections. One for each worker: it keeps the TLS contexts."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connect_seconds: float) -> None:
        self._loop = loop
        self._connect_seconds = connect_seconds
        self._verified: ssl.SSLContext | None = None
        self._pinned: dict[str, ssl.SSLContext] = {}
        """By origin: contexts that trust the certificate which the backend showed last."""

    async def __call__(self, origin: Origin, protocol_factory: Callable[[], P], /) -> P:
        """Return the protocol of an open connection to `origin`."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._connect(origin, protocol_factory)
        except TimeoutError as error:
            raise CannotConnectError(f"no connection in {self._connect_seconds} s") from error
        except ssl.SSLError as error:
            raise CannotConnectError(f"TLS failed: {error}") from error
        except socket.gaierror as error:
            raise CannotConnectError(f"no address for {origin.host}: {error.strerror}") from error
        except (OSError, OverflowError, ValueError) as error:
            # Names that IDNA or the resolver cannot take and ports beyond 65535 end here as well.
            raise CannotConnectError(f"cannot connect: {error}") from error

    async def _connect(self, origin: Origin, protocol_factory: Callable[[], P]) -> P:
        if origin.scheme != "https":
            return await self._open(origin, protocol_factory, None)
        if origin.is_verified:
            if self._verified is None:
                # Loading the system's authorities takes some 20 ms, so once.
                self._verified = _context()
            return await self._open(origin, protocol_factory, self._verified)
        pinned = self._pinned.get(origin.key)
        if pinned is not None:
            with contextlib.suppress(ssl.SSLCertVerificationError):
                return await self._open(origin, protocol_factory, pinned)
        # New here, or the backend has another certificate by now.
        pinned = await self._pin(origin)
        return await self._open(origin, protocol_factory, pinned)

    async def _open(
        self, origin: Origin, protocol_factory: Callable[[], P], context: ssl.SSLContext | None
    ) -> P:
        addresses = await self._loop.getaddrinfo(
            origin.host, origin.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        connected = await aiohappyeyeballs.start_connection(
            addresses,
            loop=self._loop,
            happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
            interleave=1,
        )
        try:
            # One write is one request: nothing to gain from Nagle's waiting.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, protocol = await self._loop.create_connection(
                protocol_factory,
                sock=connected,
                ssl=context,
                server_hostname=None if context is None else origin.host,
            )
        except BaseException:
            # The loop may not have taken the socket over yet.
            with contextlib.suppress(OSError):
                connected.close()
            raise
        return protocol

    async def _pin(self, origin: Origin) -> ssl.SSLContext:
        """Return a context for insecureSkipVerification: any issuer, but the right name and dates.

        Python's ssl checks name and dates only of certificates that it trusts. So the certificate
        is fetched first, and then trusted itself: what remains to be checked is what AWS checks.
        """
        unchecked = _context()
        unchecked.check_hostname = False
        unchecked.verify_mode = ssl.CERT_NONE
        witness = await self._open(origin, _Witness, unchecked)
        pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        pinned.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
        pinned.set_alpn_protocols(["http/1.1"])
        pinned.load_verify_locations(cadata=witness.certificate)
        if len(self._pinned) >= _PINNED:
            self._pinned.clear()
        self._pinned[origin.key] = pinned
        return pinned


class _Witness(asyncio.Protocol):
    """Looks at a backend's certificate and closes."""

    certificate = b""
    """DER."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        self.certificate = tls.getpeercert(binary_form=True) or b""
        cast("asyncio.Transport", transport).abort()


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
