"""Facts about opening connections: what each failure is called. TLS is shown in integration."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from gateway.messages import Origin
from gateway.server.backend_dial import CannotConnectError, Dialer

PLAIN = Origin.make("http", "backend.test", 80)
TLS = Origin.make("https", "backend.test", 443)


class FakeLoop:
    """A loop that fails where a test says; it connects to a listening socket of its own."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.resolve: Callable[[], Awaitable[None]] = _nothing
        self.connect: Callable[[], Awaitable[None]] = _nothing
        self.connected: list[dict[str, Any]] = []

    async def getaddrinfo(self, host: str, port: int, **options: object) -> list[Any]:
        await self.resolve()
        address = self.listening.getsockname()
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    async def sock_connect(self, sock: socket.socket, address: object) -> None:
        await asyncio.get_running_loop().sock_connect(sock, cast("Any", address))

    async def create_connection(
        self, protocol_factory: Callable[[], asyncio.Protocol], **options: Any
    ) -> tuple[object, asyncio.Protocol]:
        self.connected.append(options)
        await self.connect()
        return object(), protocol_factory()

    def close(self) -> None:
        self.listening.close()
        for options in self.connected:
            options["sock"].close()


async def _nothing() -> None:
    pass


def raising(error: Exception) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


@pytest.fixture
def loop() -> Any:
    fake = FakeLoop()
    yield fake
    fake.close()


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no address for backend.test: Name"),
        (OverflowError("port must be 0-65535"), "cannot connect: port"),
        (UnicodeError("label too long"), "cannot connect: label"),
        (ValueError("embedded null character"), "cannot connect: embedded"),
    ],
)
async def test_name_without_addresses_is_named(
    loop: FakeLoop, error: Exception, detail: str
) -> None:
    loop.resolve = raising(error)
    with pytest.raises(CannotConnectError, match=detail):
        await Dialer(cast("Any", loop), 5)(PLAIN, asyncio.Protocol)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ssl.SSLError(1, "handshake failure"), "TLS failed: .*handshake failure"),
        (ConnectionResetError("reset"), "cannot connect: reset"),
    ],
)
async def test_failed_connection_is_named_and_its_socket_closed(
    loop: FakeLoop, error: Exception, detail: str
) -> None:
    loop.connect = raising(error)
    with pytest.raises(CannotConnectError, match=detail):
        await Dialer(cast("Any", loop), 5)(TLS, asyncio.Protocol)

    assert loop.connected[0]["sock"].fileno() == -1


@pytest.mark.parametrize("step", ["resolve", "connect"])
async def test_time_bounds_every_step(loop: FakeLoop, step: str) -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    setattr(loop, step, for_ever)
    with pytest.raises(CannotConnectError, match=r"no connection in 0\.01 s"):
        await Dialer(cast("Any", loop), 0.01)(PLAIN, asyncio.Protocol)


async def test_plain_connection_has_no_tls_and_no_delay(loop: FakeLoop) -> None:
    await Dialer(cast("Any", loop), 5)(PLAIN, asyncio.Protocol)
    (options,) = loop.connected

    assert (options["ssl"], options["server_hostname"]) == (None, None)
    assert options["sock"].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_tls_connection_checks_issuer_and_name(loop: FakeLoop) -> None:
    dialer = Dialer(cast("Any", loop), 5)
    await dialer(TLS, asyncio.Protocol)
    await dialer(TLS, asyncio.Protocol)
    first, second = loop.connected
    context = first["ssl"]

    assert first["server_hostname"] == "backend.test"
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert second["ssl"] is context
