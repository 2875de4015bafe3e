"""Facts about connections to real backends: TLS, client certificates, addresses, unix sockets.

Certificates are made on the fly. Like in `test_wire_backend`, the endpoints are driven as the
server drives them, on both loops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.clock import SystemClock
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server.backend_addresses import AddressInfo, Resolve
from gateway.server.deadlines import Deadlines
from gateway.server.upstream import HttpEndpoints
from gateway.settings import Backends
from tests.backend_certificates import Pair, authority, issued, self_signed, server_context
from tests.raw_backend import OK, Move, RawBackend, drive, driven, run, until
from tests.tls_backend import TlsBackend

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory:
    factory: LoopFactory = request.param
    return factory


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The test authority's certificate, as a file."""
    path = tmp_path / "ca.pem"
    path.write_text(authority().pem)
    return path


@contextlib.asynccontextmanager
async def endpoints(
    settings: Backends | None = None, resolve: Resolve | None = None
) -> AsyncIterator[HttpEndpoints]:
    loop = asyncio.get_running_loop()
    made = HttpEndpoints(
        settings or Backends(), loop, Deadlines(loop, SystemClock()), resolve=resolve
    )
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0.01)


async def ask(made: HttpEndpoints, origin: Origin, seconds: float = 10) -> EndpointResponse:
    return await drive(made.send(a_get(origin, seconds)))


def a_get(origin: Origin, seconds: float = 10) -> IntegrationRequest:
    head = b"GET /path HTTP/1.1\r\nHost: backend.test\r\n"
    return IntegrationRequest(origin, head, None, "GET", seconds, 1_000_000, SystemClock.now())


async def refused(made: HttpEndpoints, origin: Origin) -> str:
    """Return what the log will say of a request that finds no backend."""
    with pytest.raises(Fault) as caught:
        await ask(made, origin)
    fault = caught.value
    assert (fault.type, fault.status) == (GatewayResponseType.INTEGRATION_FAILURE, 504)
    assert fault.message == "Network error communicating with endpoint"
    return fault.detail


# Verification

WRONG: dict[str, tuple[Callable[[], Pair], str]] = {
    "expired": (lambda: issued(days=(-3, -1)), "CERTIFICATE_EXPIRED"),
    "not yet valid": (lambda: issued(days=(1, 3)), "CERTIFICATE_NOT_YET_VALID"),
    "another host's": (lambda: issued(names=("elsewhere.test",)), "CERTIFICATE_WRONG_HOST"),
    "another authority's": (
        lambda: issued(by=authority("Another authority")),
        "CERTIFICATE_UNKNOWN_ISSUER",
    ),
    "self-signed": (self_signed, "CERTIFICATE_SELF_SIGNED"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_certificate_is_an_integration_failure_with_its_name(
    loop_factory: LoopFactory, bundle: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, failure = WRONG[name]

    async def scenario() -> None:
        async with (
            endpoints(Backends(ca_bundle=bundle)) as made,
            TlsBackend(server_context(make())) as backend,
        ):
            details = [await refused(made, backend.origin()) for _ in range(3)]

            assert len(set(details)) == 1
            assert details[0].startswith(
                f"{failure}: the certificate of localhost:{backend.port} was refused: "
            )
            assert backend.connections == 0
            told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
            assert told == [f"no connection to a backend: {details[0]}"]

    caplog.set_level(logging.WARNING)
    run(scenario, loop_factory)


def test_authority_of_the_bundle_is_believed_and_nobody_else(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        async with TlsBackend(server_context(issued())) as backend:
            async with endpoints(Backends(ca_bundle=bundle)) as made:
                assert (await ask(made, backend.origin())).status == 200
            async with endpoints() as made:
                detail = await refused(made, backend.origin())
                assert detail.startswith("CERTIFICATE_UNKNOWN_ISSUER: ")

    run(scenario, loop_factory)


def test_bundle_that_vanished_is_an_integration_failure(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = Backends(ca_bundle=tmp_path / "gone.pem")
        async with endpoints(settings) as made, TlsBackend(server_context(issued())) as backend:
            detail = await refused(made, backend.origin())

            assert detail.startswith("TLS_FAILED: backends.ca_bundle cannot be used")

    run(scenario, loop_factory)


@pytest.mark.parametrize(
    ("name", "failure"),
    [("self-signed", ""), ("another authority's", ""), ("expired", "CERTIFICATE_EXPIRED"),
     ("another host's", "CERTIFICATE_WRONG_HOST")],
)  # fmt: skip
def test_skipping_verification_spares_the_issuer_and_nothing_else(
    loop_factory: LoopFactory, name: str, failure: str
) -> None:
    async def scenario() -> None:
        async with endpoints() as made, TlsBackend(server_context(WRONG[name][0]())) as backend:
            origin = backend.origin(is_verified=False)
            if failure:
                assert (await refused(made, origin)).startswith(f"{failure}: ")
            else:
                assert (await ask(made, origin)).status == 200

    run(scenario, loop_factory)


# Requests of one turn


def test_requests_that_leave_together_get_an_answer_each(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        async with (
            endpoints(Backends(ca_bundle=bundle)) as made,
            TlsBackend(server_context(issued())) as backend,
        ):
            for _ in range(3):
                answers = await asyncio.gather(*(ask(made, backend.origin()) for _ in range(5)))
                assert [each.status for each in answers] == [200] * 5

            assert made.counters.opened == backend.connections == 5
            assert len(backend.heads) == 15

    run(scenario, loop_factory)


def test_request_of_a_caller_that_left_in_the_same_turn_does_not_leave(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        async with (
            endpoints(Backends(ca_bundle=bundle)) as made,
            TlsBackend(server_context(issued())) as backend,
        ):
            await asyncio.gather(*(ask(made, backend.origin()) for _ in range(2)))
            leaving, _ = driven(made.send(a_get(backend.origin())))
            staying = drive(made.send(a_get(backend.origin())))
            leaving.close()

            assert (await staying).status == 200
            assert made.counters.open == 1
            assert len(backend.heads) == 3

    run(scenario, loop_factory)


# Client certificates


def test_backend_that_demands_a_certificate_gets_the_one_of_the_origin(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        shown = issued("client")
        context = server_context(issued(), clients=authority())
        async with endpoints(Backends(ca_bundle=bundle)) as made, TlsBackend(context) as backend:
            answers = [
                await ask(made, backend.origin().presenting(shown.client())),
                await ask(made, backend.origin(is_verified=False).presenting(shown.client())),
            ]

            assert [int(bytes(answer.body), 16) for answer in answers] == [shown.serial] * 2  # type: ignore[arg-type]

    run(scenario, loop_factory)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_backend_that_refuses_our_certificate_is_named(
    loop_factory: LoopFactory, bundle: Path, version: ssl.TLSVersion
) -> None:
    async def scenario() -> None:
        stranger = self_signed("client").client("partner")
        context = server_context(issued(), clients=authority())
        context.maximum_version = version
        async with endpoints(Backends(ca_bundle=bundle)) as made, TlsBackend(context) as backend:
            detail = await refused(made, backend.origin().presenting(stranger))

            assert detail.startswith(
                f"CLIENT_CERTIFICATE_REFUSED: localhost:{backend.port} refused the client "
                "certificate partner: "
            )

    run(scenario, loop_factory)


def test_backend_that_misses_our_certificate_is_named(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        context = server_context(issued(), clients=authority())
        async with endpoints(Backends(ca_bundle=bundle)) as made, TlsBackend(context) as backend:
            detail = await refused(made, backend.origin())

            assert detail.startswith("CLIENT_CERTIFICATE_REFUSED: ")
            assert "a request without a client certificate" in detail

    run(scenario, loop_factory)


def test_connections_of_one_certificate_never_carry_requests_of_another(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        old, new = issued("client"), issued("client")
        context = server_context(issued(), clients=authority())
        async with endpoints(Backends(ca_bundle=bundle)) as made, TlsBackend(context) as backend:
            serials = []
            for pair in (old, old, new, old, new):
                answer = await ask(made, backend.origin().presenting(pair.client("same id")))
                assert isinstance(answer.body, bytes)
                serials.append(int(answer.body, 16))

            assert serials == [each.serial for each in (old, old, new, old, new)]
            assert backend.connections == 2
            assert made.counters.reused == 3

    run(scenario, loop_factory)


def test_key_that_does_not_fit_is_named_without_being_shown(
    loop_factory: LoopFactory, bundle: Path
) -> None:
    async def scenario() -> None:
        shown, other = issued("client"), issued("client")
        broken = Pair(shown.certificate, other.key).client("partner")
        async with (
            endpoints(Backends(ca_bundle=bundle)) as made,
            TlsBackend(server_context(issued())) as backend,
        ):
            detail = await refused(made, backend.origin().presenting(broken))

            assert detail.startswith(
                "CLIENT_CERTIFICATE_UNUSABLE: the client certificate partner cannot be used"
            )
            assert "PRIVATE" not in detail
            assert other.key_pem.splitlines()[1] not in repr(broken)

    run(scenario, loop_factory)


# Addresses


class Names:
    """A resolver that knows one name; its answers are what a test says."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: tuple[str, ...] = addresses
        self.problem: OSError | None = None
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[AddressInfo]:
        assert host == "backend.test"
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        return [address_info(each, port) for each in self.addresses]


def address_info(address: str, port: int) -> AddressInfo:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    rest: tuple[Any, ...] = (0, 0) if ":" in address else ()
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, *rest))


@contextlib.asynccontextmanager
async def two_backends() -> AsyncIterator[tuple[RawBackend, RawBackend]]:
    """Two backends on one port of 127.0.0.1 and 127.0.0.2."""
    first, second = await on_one_port()
    try:
        yield first, second
    finally:
        await second.stop()
        await first.stop()


async def on_one_port() -> tuple[RawBackend, RawBackend]:
    for _ in range(10):
        first = await RawBackend().start()
        # Another process may have it there.
        with contextlib.suppress(OSError):
            return first, await RawBackend().start("127.0.0.2", first.port)
        await first.stop()
    raise AssertionError("no port is free on both addresses")


def test_dead_address_falls_to_the_next(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        names = Names("127.0.0.3", "127.0.0.4", "127.0.0.1")
        backend = await RawBackend().start()
        async with endpoints(resolve=names) as made:
            origin = Origin.make("http", "backend.test", backend.port)
            for _ in range(3):
                assert (await ask(made, origin)).status == 200
                made.pools()[0].idle[0].close()

            assert made.counters.refused == 0
        await backend.stop()

    run(scenario, loop_factory)


def test_every_address_gets_its_share(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        names = Names("127.0.0.1", "127.0.0.2")
        async with two_backends() as backends, endpoints(resolve=names) as made:
            origin = Origin.make("http", "backend.test", backends[0].port)
            for _ in range(4):
                await ask(made, origin)
                made.pools()[0].idle[0].close()

            assert [each.requests for each in backends] == [2, 2]
            assert names.asked == 1

    run(scenario, loop_factory)


def test_changed_answer_is_followed_by_connections_in_use(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        names = Names("127.0.0.1")
        settings = Backends(resolve_seconds=0.05)
        async with two_backends() as (old, new), endpoints(settings, names) as made:
            origin = Origin.make("http", "backend.test", old.port)
            old.scripts = [(OK,), (asyncio.Event(), OK)]
            await ask(made, origin)
            gate = old.scripts[1][0]
            assert isinstance(gate, asyncio.Event)
            busy, idle = drive(made.send(a_get(origin))), None
            await until(lambda: old.requests == 2)
            idle = await ask(made, origin)
            names.addresses = ("127.0.0.2",)
            # The idle connection ends at once, the busy one with its answer.
            await until(lambda: made.counters.open == 1)
            gate.set()

            assert (idle.status, (await busy).status) == (200, 200)
            await until(lambda: made.counters.open == 0)
            assert (await ask(made, origin)).status == 200
            assert (old.requests, new.requests) == (3, 1)

    run(scenario, loop_factory)


def test_connections_stay_while_their_address_is_in_the_answer(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        names = Names("127.0.0.1")
        backend = await RawBackend().start()
        async with endpoints(Backends(resolve_seconds=0.02), names) as made:
            origin = Origin.make("http", "backend.test", backend.port)
            await ask(made, origin)
            names.addresses = ("127.0.0.9", "127.0.0.1")
            await until(lambda: names.asked >= 4)
            names.problem = socket.gaierror(socket.EAI_AGAIN, "try again")
            await until(lambda: names.asked >= 6)
            await ask(made, origin)

            assert made.counters.opened == 1
        await backend.stop()

    run(scenario, loop_factory)


def test_resolver_out_of_order_leaves_the_last_answer_and_an_unknown_name_none(
    loop_factory: LoopFactory,
) -> None:
    async def scenario() -> None:
        names = Names("127.0.0.1")
        backend = await RawBackend().start()
        async with endpoints(Backends(resolve_seconds=0.02, idle_per_origin=0), names) as made:
            origin = Origin.make("http", "backend.test", backend.port)
            await ask(made, origin)
            await asyncio.sleep(0.03)
            names.problem = socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
            assert (await ask(made, origin)).status == 200

            names.problem = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            detail = await refused(made, origin)
            assert detail == "NO_ADDRESS: no address for backend.test: Name or service not known"
        await backend.stop()

    run(scenario, loop_factory)


def test_backend_that_refuses_is_looked_up_anew(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        names = Names("127.0.0.3")
        backend = await RawBackend().start()
        async with endpoints(resolve=names) as made:
            origin = Origin.make("http", "backend.test", backend.port)
            assert (await refused(made, origin)).startswith("CONNECTION_REFUSED: ")
            names.addresses = ("127.0.0.1",)
            assert (await ask(made, origin)).status == 200
        await backend.stop()

    run(scenario, loop_factory)


def test_vpc_link_leads_to_its_own_addresses(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        async with two_backends() as backends, endpoints() as made:
            port = backends[0].port
            plain = Origin.make("http", "nobody.test", port)
            origin = plain.through((f"127.0.0.1:{port}", "127.0.0.2", "127.0.0.3"))
            for _ in range(6):
                await ask(made, origin)
                made.pools()[0].idle[0].close()

            assert sum(each.requests for each in backends) == 6
            assert all(each.requests for each in backends)

    run(scenario, loop_factory)


# Unix sockets


def test_unix_socket_is_a_backend(loop_factory: LoopFactory, tmp_path: Path) -> None:
    async def scenario() -> None:
        backend = await RawBackend().start_unix(tmp_path / "app.sock")
        async with endpoints(Backends(unix_directory=tmp_path)) as made:
            origin = Origin.make_unix(f"{tmp_path}/app.sock")
            answers = [await ask(made, origin) for _ in range(2)]

            assert [(answer.status, answer.body) for answer in answers] == [(200, b"ok")] * 2
            assert made.counters.opened == 1
        await backend.stop()

    run(scenario, loop_factory)


# How long connections are kept


def test_connection_carries_so_many_requests_and_no_more(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        backend = await RawBackend().start()
        async with endpoints(Backends(requests_per_connection=2)) as made:
            origin = Origin.make("http", "127.0.0.1", backend.port)
            for _ in range(5):
                await ask(made, origin)

            assert made.counters.opened == 3
            assert made.counters.open == 1
        await backend.stop()

    run(scenario, loop_factory)


def test_backend_says_how_long_it_keeps_a_connection(loop_factory: LoopFactory) -> None:
    async def scenario() -> None:
        short = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0, max=5\r\nContent-Length: 0\r\n\r\n"
        backend = await RawBackend([(short,), (Move.HANG,)]).start()
        async with endpoints() as made:
            origin = Origin.make("http", "127.0.0.1", backend.port)
            await ask(made, origin)
            await until(lambda: made.counters.open == 0)
        await backend.stop()

    run(scenario, loop_factory)
