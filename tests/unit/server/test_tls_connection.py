"""Facts about one client's TLS, with OpenSSL on both sides and no socket."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gateway.clock import IdMinter
from gateway.configuration.certificate_text import read_pair, read_truststore
from gateway.definitions.domain import DomainName, MutualTlsAuthentication
from gateway.definitions.served_certificate import ServedCertificate
from gateway.messages import Exchange, InvocationResponse
from gateway.release import Release
from gateway.release.certificate_store import CertificateStore
from gateway.server.connection import ClientConnection
from gateway.server.deadlines import Deadlines
from gateway.server.edge import Edge
from gateway.server.tls_connection import TlsConnection
from gateway.server.tls_gate import TlsGate
from gateway.server.tls_table import EMPTY, TlsTable, build_table
from gateway.settings import Limits, Timeouts, Tls
from gateway.snapshot import finish
from tests.certificates import Authority, Issued
from tests.clients import FakeLoop, FakeService, FakeTransport, answers
from tests.tls_client import trusting

AUTHORITY = Authority()
CLIENTS = Authority("Clients")
PUBLIC, SAFE = "public.example.com", "safe.example.com"
GET = b"GET /pets HTTP/1.1\r\nHost: public.example.com\r\n\r\n"


def table_in(directory: Path) -> TlsTable:
    """Return a table with a public domain and one with mutual TLS."""
    store = CertificateStore(directory)
    issued = AUTHORITY.server(PUBLIC, SAFE)
    pair = read_pair(issued.certificate.encode(), issued.key.encode())
    truststore = read_truststore(CLIENTS.certificate.encode(), 0.0)
    store.put(pair.digest, pair.content)
    store.put(truststore.digest, truststore.content)
    mutual = MutualTlsAuthentication(truststore_uri="t.pem")
    release = Release(
        revision=1,
        digest="",
        region="",
        account="",
        domains=(
            DomainName(domain_name=PUBLIC),
            DomainName(domain_name=SAFE, mutual_tls_authentication=mutual),
        ),
        certificates={
            PUBLIC: ServedCertificate(domain_name=PUBLIC, certificate=pair.digest),
            SAFE: ServedCertificate(
                domain_name=SAFE, certificate=pair.digest, truststore=truststore.digest
            ),
        },
    )
    return finish(build_table(release, store, EMPTY))


class World:
    """A gate, moved by hand."""

    def __init__(
        self, directory: Path, settings: Tls | None = None, limits: Limits | None = None
    ) -> None:
        self.service = FakeService()
        self.clock = self.service.clock
        self.loop = FakeLoop(self.clock)
        self.edge = Edge(
            service=self.service,
            limits=limits or Limits(connections=100),
            timeouts=Timeouts(),
            trusted_proxies=(),
            clock=self.clock,
            ids=IdMinter(bytes),
            loop=self.loop.as_loop,
            deadlines=Deadlines(self.loop.as_loop, self.clock),
        )
        self.table = table_in(directory)
        self.gate = TlsGate(
            self.edge, settings or Tls(), self.table, lambda: ClientConnection(self.edge)
        )


class Client:
    """A client with OpenSSL, and the connection that serves it."""

    def __init__(
        self,
        world: World,
        name: str | None = PUBLIC,
        certificate: Issued | None = None,
        address: str = "192.0.2.7",
    ) -> None:
        context = trusting(AUTHORITY, certificate)
        context.check_hostname = name is not None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.transport = FakeTransport(address)
        self.connection: TlsConnection = world.gate.accept()
        self.connection.connection_made(self.transport)
        self._taken = 0

    def shake(self, step: int = 100_000) -> None:
        """Do the handshake, `step` bytes at a time."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                if not self.deliver(step):
                    raise
            else:
                self.deliver(step)
                return

    def deliver(self, step: int = 100_000) -> bool:
        """Carry bytes both ways; return whether there were any for the client."""
        data = self._outgoing.read()
        for start in range(0, len(data), step):
            self.connection.data_received(data[start : start + step])
        answer = bytes(self.transport.written[self._taken :])
        self._taken += len(answer)
        self._incoming.write(answer)
        return bool(answer)

    def ask(self, data: bytes = GET, step: int = 100_000) -> bytes:
        """Send something, and return what is answered."""
        self.tls.write(data)
        self.deliver(step)
        return self.read()

    def read(self) -> bytes:
        self.deliver()
        told = b""
        while True:
            try:
                data = self.tls.read(100_000)
            except ssl.SSLWantReadError:
                return told
            if not data:
                return told
            told += data


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("step", [1, 100, 100_000])
def test_requests_are_answered_however_the_bytes_come(world: World, step: int) -> None:
    client = Client(world)
    client.shake(step)

    first = client.ask(GET + GET, step)
    second = client.ask(GET, step)

    assert [answer.status for answer in answers(first + second)] == [200, 200, 200]
    request = world.service.requests[0]
    assert (request.scheme, request.source_ip) == ("https", "192.0.2.7")
    assert request.tls is not None
    assert (request.tls.server_name, request.tls.domain_name) == (PUBLIC, PUBLIC)
    assert request.tls.version == "TLSv1.3"
    assert request.tls.certificate is None
    # Known once for a connection.
    assert world.service.requests[1].tls is request.tls


def test_a_verified_certificate_comes_with_every_request(world: World) -> None:
    client = Client(world, SAFE, CLIENTS.client("me"))
    client.shake()
    client.ask()

    tls = world.service.requests[0].tls
    assert tls is not None
    assert tls.certificate is not None
    assert tls.certificate.subject_dn == "CN=me,O=Test"
    assert tls.truststore == world.table.entries[SAFE].truststore != ""


def test_a_wrong_certificate_ends_the_handshake(world: World) -> None:
    client = Client(world, SAFE, AUTHORITY.client("me"))

    # In TLS 1.3 the client is done before it is told.
    client.shake()
    with pytest.raises(ssl.SSLError, match="unknown ca"):
        client.ask()
    assert world.service.refusals == ["tls_handshake"]
    assert client.transport.is_closed
    assert world.gate.shaking == 0


def at(world: World, issued: Issued, seconds: float) -> None:
    """Move the clock to so many seconds after the end of a certificate."""
    world.clock.time += issued.parsed.not_valid_after_utc.timestamp() - world.clock.epoch()
    world.clock.time += seconds


def test_a_certificate_that_ended_after_it_was_verified_opens_nothing(world: World) -> None:
    """As one does that comes with a resumed session: OpenSSL does not look at it again."""
    partner = CLIENTS.client("partner")
    at(world, partner, 1)
    client = Client(world, SAFE, partner)
    client.shake()

    assert client.transport.is_closed
    assert not world.service.requests
    assert world.service.refusals == ["tls_handshake"]
    assert world.gate.shaking == 0


def test_a_connection_does_not_outlive_its_certificate(world: World) -> None:
    partner = CLIENTS.client("partner")
    at(world, partner, -60)
    client = Client(world, SAFE, partner)
    client.shake()
    assert answers(client.ask())[0].headers["connection"] == "keep-alive"
    world.clock.time += 61

    assert answers(client.ask())[0].headers["connection"] == "close"


@pytest.mark.parametrize("name", [None, "unknown.example.com"])
def test_a_name_without_a_certificate_gets_an_alert(world: World, name: str | None) -> None:
    client = Client(world, name)

    with pytest.raises(ssl.SSLError, match="unrecognized name"):
        client.shake()
    assert world.service.refusals == ["tls_name"]
    assert client.transport.is_closed


def test_what_is_no_tls_is_closed(world: World) -> None:
    client = Client(world)

    client.connection.data_received(GET)

    assert world.service.refusals == ["tls_handshake"]
    assert client.transport.is_closed
    client.connection.connection_lost(None)
    assert world.gate.shaking == 0


def test_a_handshake_has_its_time(world: World) -> None:
    client = Client(world)
    client.connection.data_received(b"\x16\x03\x01")

    world.loop.advance(9.0)
    assert not client.transport.is_aborted
    world.loop.advance(2.0)

    assert client.transport.is_aborted
    assert world.service.refusals == ["tls_slow"]
    assert world.gate.shaking == 0


def test_handshakes_are_bounded_in_number(tmp_path: Path) -> None:
    world = World(tmp_path, Tls(handshakes=2))
    first, second, third = (Client(world) for _ in range(3))

    assert third.transport.is_aborted
    assert world.service.refusals == ["tls_limit"]
    third.connection.connection_lost(None)
    first.shake()
    second.connection.connection_lost(None)
    assert world.gate.shaking == 0
    fourth = Client(world)
    fourth.shake()
    assert answers(fourth.ask())[0].status == 200


def test_one_address_does_not_take_all_handshakes(tmp_path: Path) -> None:
    world = World(tmp_path, limits=Limits(connections=100, connections_per_ip=2))
    first, second, third = (Client(world) for _ in range(3))
    other = Client(world, address="192.0.2.8")
    assert third.transport.is_aborted
    assert world.service.refusals == ["tls_limit"]

    # Each handshake that ends makes room for another.
    other.shake()
    first.shake()
    second.connection.connection_lost(None)
    late = Client(world)
    late.shake()
    assert not late.transport.is_aborted
    assert world.gate.shaking == 0


def test_who_leaves_within_a_handshake_is_counted_and_who_only_looks_is_not(world: World) -> None:
    looking, leaving = Client(world), Client(world)
    leaving.connection.data_received(b"\x16\x03")

    for client in (looking, leaving):
        assert not client.connection.eof_received()
        client.connection.connection_lost(None)

    assert world.service.refusals == ["tls_handshake"]
    assert world.gate.shaking == 0


def test_a_client_that_says_goodbye_is_closed(world: World) -> None:
    client = Client(world)
    client.shake()
    client.ask()

    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    client.deliver()

    assert client.transport.is_closed
    # Ours came back.
    client.tls.unwrap()
    client.connection.connection_lost(None)
    assert not world.edge.connections


def test_the_last_answer_is_followed_by_a_goodbye(world: World) -> None:
    client = Client(world)
    client.shake()

    told = client.ask(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert answers(told)[0].headers["connection"] == "close"
    assert client.transport.is_closed
    assert client.tls.read(1) == b""


def test_a_refused_client_may_finish_and_nothing_of_it_is_read(world: World) -> None:
    client = Client(world)
    client.shake()

    told = client.ask(b"GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answers(told)[0].status == 400
    assert client.transport.is_eof_written
    assert client.tls.read(1) == b""
    client.connection.data_received(b"\x17\x03\x03garbage")
    assert not client.transport.is_aborted
    client.connection.data_received(b"x" * 1_100_000)
    assert client.transport.is_aborted


def test_bytes_that_were_changed_on_the_way_end_the_connection(world: World) -> None:
    client = Client(world)
    client.shake()

    client.connection.data_received(b"\x17\x03\x03\x00\x20" + b"x" * 32)

    assert client.transport.is_aborted
    assert world.service.requests == []


def test_the_end_of_tcp_is_the_end(world: World) -> None:
    client = Client(world)
    client.shake()
    client.ask()

    assert not client.connection.eof_received()
    client.connection.connection_lost(None)

    assert not world.edge.connections


def test_reading_stops_and_goes_on_with_what_was_held_back(world: World) -> None:
    client = Client(world)
    client.shake()
    connection = client.connection
    connection.pause_reading()
    client.tls.write(GET)

    client.deliver()
    assert world.service.requests == []
    assert not client.transport.reads
    connection.resume_reading()
    # Not from within the call.
    assert world.service.requests == []
    world.loop.run_soon()

    assert len(world.service.requests) == 1


def test_large_answers_pass_whole(world: World) -> None:
    body = bytes(range(256)) * 4096

    def reply(_exchange: Exchange) -> InvocationResponse:
        return InvocationResponse(200, b"", body)

    world.service.reply = reply
    client = Client(world)
    client.shake()

    assert answers(client.ask())[0].body == body


def test_its_repr_says_what_it_is_at(world: World) -> None:
    client = Client(world)
    assert repr(client.connection) == "<TlsConnection hello >"
    client.shake()
    assert repr(client.connection) == f"<TlsConnection open {PUBLIC}>"
    assert repr(world.gate) == "<TlsGate 1 open, 0 shaking, <TlsTable 2 entries>>"
