"""Facts about opening connections: what each failure is called. TLS is shown in integration."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import aiohappyeyeballs
import pytest

from gateway.messages import Origin
from gateway.server.backend_addresses import AddressBook, AddressInfo
from gateway.server.backend_dial import Dialer
from gateway.server.backend_failures import CannotConnectError, Failure
from gateway.settings import Backends
from gateway.telemetry.logs import RateLimited

PLAIN = Origin.make("http", "backend.test", 80)
TLS = Origin.make("https", "backend.test", 443)


class FakeLoop:
    """A loop that fails where a test says; it connects to a listening socket of its own."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.resolve: Callable[[], Awaitable[None]] = _nothing
        self.connect: Callable[[], Awaitable[None]] = _nothing
        self.connected: list[dict[str, Any]] = []

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


def dialer(fake: FakeLoop, seconds: float = 5, **settings: Any) -> Dialer:
    async def resolve(_host: str, _port: int) -> Sequence[AddressInfo]:
        await fake.resolve()
        address = fake.listening.getsockname()
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    loop = asyncio.get_running_loop()
    log = RateLimited(logging.getLogger("test"), loop.time)
    addresses = AddressBook(resolve, 30, loop, loop.time, log)
    return Dialer(cast("Any", fake), Backends(connect_seconds=seconds, **settings), addresses)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (socket.gaierror(-2, "Name or service not known"), "NO_ADDRESS: no address for backend"),
        (OverflowError("port must be 0-65535"), "cannot connect to backend.test:80: port"),
        (UnicodeError("label too long"), "NO_ADDRESS: no address for backend.test: label"),
        (ValueError("embedded null character"), "cannot connect to backend.test:80: embedded"),
    ],
)
async def test_name_without_addresses_is_named(
    loop: FakeLoop, error: Exception, detail: str
) -> None:
    loop.resolve = raising(error)
    with pytest.raises(CannotConnectError, match=detail):
        await dialer(loop)(PLAIN, asyncio.Protocol)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ssl.SSLError(1, "handshake failure"), "TLS_FAILED: .*handshake failure"),
        (ConnectionResetError(), "TLS_FAILED: .*closed the connection during the TLS handshake"),
        (OSError("no more descriptors"), "CANNOT_CONNECT: .*no more descriptors"),
    ],
)
async def test_failed_connection_is_named_and_its_socket_closed(
    loop: FakeLoop, error: Exception, detail: str
) -> None:
    loop.connect = raising(error)
    with pytest.raises(CannotConnectError, match=detail):
        await dialer(loop)(TLS, asyncio.Protocol)

    assert loop.connected[0]["sock"].fileno() == -1


async def test_an_address_that_refuses_leaves_no_error_that_is_its_own_cause(
    loop: FakeLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a cycle, and all that its traceback refers to, would wait for a collection."""

    async def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(aiohappyeyeballs, "start_connection", refuse)
    with pytest.raises(CannotConnectError, match="CONNECTION_REFUSED") as caught:
        await dialer(loop)(PLAIN, asyncio.Protocol)

    refused = caught.value.__cause__
    assert isinstance(refused, ConnectionRefusedError)
    assert refused.__cause__ is None


@pytest.mark.parametrize("step", ["resolve", "connect"])
async def test_time_bounds_every_step(loop: FakeLoop, step: str) -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    setattr(loop, step, for_ever)
    with pytest.raises(
        CannotConnectError, match=r"CONNECT_TIMEOUT: no connection to backend.test:80 in 0\.01 s"
    ):
        await dialer(loop, 0.01)(PLAIN, asyncio.Protocol)


async def test_plain_connection_has_no_tls_and_no_delay(loop: FakeLoop) -> None:
    await dialer(loop)(PLAIN, asyncio.Protocol)
    (options,) = loop.connected

    assert (options["ssl"], options["server_hostname"]) == (None, None)
    assert options["sock"].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_tls_connection_checks_issuer_and_name(loop: FakeLoop) -> None:
    dial = dialer(loop)
    await dial(TLS, asyncio.Protocol)
    await dial(TLS, asyncio.Protocol)
    first, second = loop.connected
    context = first["ssl"]

    assert first["server_hostname"] == "backend.test"
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert second["ssl"] is context


@pytest.mark.parametrize(
    ("directory", "path"),
    [
        (None, "/run/app.sock"),
        ("/run/apps", "/run/docker.sock"),
        ("/run/apps", "/run/apps/../docker.sock"),
        ("/run/apps", "/run/apps-too/docker.sock"),
    ],
)
async def test_socket_outside_of_the_allowed_directory_is_never_opened(
    loop: FakeLoop, directory: str | None, path: str
) -> None:
    allowed = None if directory is None else Path(directory)
    with pytest.raises(CannotConnectError, match=r"set backends\.unix_directory") as caught:
        await dialer(loop, unix_directory=allowed)(Origin.make_unix(path), asyncio.Protocol)

    assert caught.value.failure is Failure.SOCKET_NOT_ALLOWED


async def test_link_that_leads_out_of_the_allowed_directory_is_not_followed(
    loop: FakeLoop, tmp_path: Path
) -> None:
    (allowed := tmp_path / "apps").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (allowed / "app.sock").symlink_to(tmp_path / "elsewhere" / "app.sock")
    (allowed / "deep").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "named").symlink_to(allowed)
    dial = dialer(loop, unix_directory=allowed)

    for name in ("app.sock", "deep/app.sock"):
        with pytest.raises(CannotConnectError) as caught:
            await dial(Origin.make_unix(f"{allowed}/{name}"), asyncio.Protocol)
        assert caught.value.failure is Failure.SOCKET_NOT_ALLOWED
    # The directory itself may be a link, as /var/run is.
    with pytest.raises(CannotConnectError, match="SOCKET_NOT_THERE"):
        await dialer(loop, unix_directory=tmp_path / "named")(
            Origin.make_unix(f"{tmp_path}/named/app2.sock"), asyncio.Protocol
        )


async def test_socket_that_is_not_there_is_named(loop: FakeLoop, tmp_path: Path) -> None:
    origin = Origin.make_unix(f"{tmp_path}/app.sock")
    with pytest.raises(CannotConnectError, match=r"SOCKET_NOT_THERE: .*app\.sock"):
        await dialer(loop, unix_directory=tmp_path)(origin, asyncio.Protocol)
