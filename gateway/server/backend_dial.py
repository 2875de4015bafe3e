"""Opens connections to backends: addresses, TCP or a unix socket, TLS. In tasks, off the hot path.

Every address of a name is tried, a quarter of a second apart and the families by turns (RFC 8305),
so that one dead address costs no request its time-out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
import socket
import ssl
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, TypeVar, cast

import aiohappyeyeballs

from gateway.messages import Origin
from gateway.server.backend_addresses import AddressBook
from gateway.server.backend_failures import (
    CannotConnectError,
    Failure,
    connect_failure,
    handshake_broken,
)
from gateway.server.backend_tls import TlsContexts
from gateway.settings import Backends

P = TypeVar("P", bound=asyncio.Protocol)

_NEXT_ADDRESS_SECONDS: Final = 0.25
"""RFC 8305 section 5: the recommended Connection Attempt Delay."""


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

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settings: Backends, addresses: AddressBook
    ) -> None:
        self._loop = loop
        self._connect_seconds = settings.connect_seconds
        self._unix_directory = settings.unix_directory
        self._addresses = addresses
        self._tls = TlsContexts(settings.ca_bundle)

    async def __call__(self, origin: Origin, protocol_factory: Callable[[], P], /) -> P:
        """Return the protocol of an open connection to `origin`."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._connect(origin, protocol_factory)
        except (OSError, OverflowError, ValueError) as error:
            raise connect_failure(error, origin, self._connect_seconds) from error

    async def _connect(self, origin: Origin, protocol_factory: Callable[[], P]) -> P:
        if origin.scheme != "https":
            return await self._open(origin, protocol_factory, None)
        if origin.is_verified:
            return await self._open(origin, protocol_factory, await self._tls.verified(origin))
        pinned = self._tls.pinned(origin)
        if pinned is not None:
            with contextlib.suppress(ssl.SSLCertVerificationError):
                return await self._open(origin, protocol_factory, pinned)
        # New here, or the backend has another certificate by now.
        pinned = await self._pin(origin)
        return await self._open(origin, protocol_factory, pinned)

    async def _open(
        self, origin: Origin, protocol_factory: Callable[[], P], context: ssl.SSLContext | None
    ) -> P:
        connected = await (
            self._reach_socket(origin.unix_path) if origin.unix_path else self._reach(origin)
        )
        try:
            if origin.unix_path:
                _, protocol = await self._loop.create_unix_connection(
                    protocol_factory, sock=connected
                )
                return protocol
            # One write is one request: nothing to gain from Nagle's waiting.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, protocol = await self._loop.create_connection(
                protocol_factory,
                sock=connected,
                ssl=context,
                server_hostname=None if context is None else origin.host,
            )
        except BaseException as error:
            # The loop may not have taken the socket over yet.
            with contextlib.suppress(OSError):
                connected.close()
            if context is not None and isinstance(error, ConnectionError):
                raise handshake_broken(origin) from error
            raise
        return protocol

    async def _reach(self, origin: Origin) -> socket.socket:
        """Return a socket that is connected to one of an origin's addresses."""
        addresses = await self._addresses.find(origin)
        try:
            return await aiohappyeyeballs.start_connection(
                addresses,
                loop=self._loop,
                happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
                interleave=1,
            )
        except (OSError, RuntimeError) as error:
            self._addresses.distrust(origin)
            # Never an error from itself: that is a cycle, which only a collection frees.
            if isinstance(error, OSError):
                raise
            # uvloop raises RuntimeError for some addresses.
            raise OSError(str(error)) from error

    async def _reach_socket(self, path: str) -> socket.socket:
        """Return a socket that is connected to a unix socket.

        Raises:
            CannotConnectError: the settings do not allow it.
        """
        directory = self._unix_directory
        inside = None if directory is None else await asyncio.to_thread(_below, directory, path)
        if inside is None:
            allowed = "none are" if directory is None else f"only those below {directory} are"
            text = f"unix:{path} is no socket that may be a backend: {allowed}; set {_SETTING}"
            raise CannotConnectError(text, Failure.SOCKET_NOT_ALLOWED)
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connected.setblocking(False)
        try:
            await self._loop.sock_connect(connected, inside)
        except BaseException:
            connected.close()
            raise
        return connected

    async def _pin(self, origin: Origin) -> ssl.SSLContext:
        """Return a context for insecureSkipVerification: any issuer, but the right name and dates.

        Python's ssl checks name and dates only of certificates that it trusts. So the certificate
        is fetched first, and then trusted itself: what remains to be checked is what AWS checks.
        """
        witness = await self._open(origin, _Witness, await self._tls.unchecked(origin))
        return await self._tls.pin(origin, witness.certificate)


_SETTING: Final = "backends.unix_directory"


def _below(directory: Path, path: str) -> str | None:
    """Return the real path of a socket; None when it, or what it links to, lies elsewhere.

    Whoever may put a file there must not lead the gateway to sockets that only it may open.
    """
    if not PurePosixPath(posixpath.normpath(path)).is_relative_to(directory):
        return None
    real = os.path.realpath(path)
    return real if PurePosixPath(real).is_relative_to(os.path.realpath(directory)) else None


class _Witness(asyncio.Protocol):
    """Looks at a backend's certificate and closes."""

    certificate = b""
    """DER."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        self.certificate = tls.getpeercert(binary_form=True) or b""
        cast("asyncio.Transport", transport).abort()
