"""Facts about a worker's data plane as a whole."""

import asyncio
import contextlib
import http.client
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from gateway.clock import SystemClock
from gateway.configuration.keyring import Keyring
from gateway.release.certificate_store import CertificateStore
from gateway.settings import Address, Settings, Timeouts, Tls
from gateway.snapshot import Snapshot, SnapshotCell, finish
from gateway.telemetry.log_sink import LogSink
from gateway.telemetry.metrics import Cell, WorkerMetrics, segment_bytes
from gateway.throttle import BucketTable, bytes_needed
from gateway.worker.data_plane import DataPlane
from tests.builders import BLOCKS, BUCKETS, api, domain, key_tables, mock, release
from tests.certificates import Authority
from tests.tls_client import connected, trusting

PATH = "/_aws/execute-api/shop/dev/pets"


class Bench:
    def __init__(self, data: Path, settings: Settings | None = None) -> None:
        self.metrics = WorkerMetrics(memoryview(bytearray(segment_bytes(BLOCKS))).cast("d"))
        self.data_plane = DataPlane(
            settings or Settings(timeouts=Timeouts(drain_seconds=0.05)),
            buckets=BucketTable(bytearray(bytes_needed(BUCKETS, 1)), BUCKETS, 1, 0),
            keys=key_tables(),
            metrics=self.metrics,
            logs=LogSink(data),
            clock=SystemClock(),
            loop=asyncio.get_running_loop(),
        )
        served = release(api({"/pets": {"GET": mock(200, "one")}}))
        self.cell = SnapshotCell(
            finish(self.data_plane.compile_release(served, self.data_plane.empty()))
        )
        listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = listening.getsockname()
        self.listening = listening

    async def listen(self) -> None:
        await self.data_plane.listen(self.listening, self.cell)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=10)

    async def ask(self, connection: http.client.HTTPConnection) -> bytes:
        def ask() -> bytes:
            connection.request("GET", PATH)
            return connection.getresponse().read()

        return await asyncio.to_thread(ask)


class Busy:
    """A connection with a request in hand."""

    is_busy = True

    def drain(self) -> None:
        """Nothing."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.data_plane.stop_listening()
    bench.data_plane.close()
    bench.listening.close()


async def test_it_answers_from_the_snapshot(bench: Bench) -> None:
    assert not bench.data_plane.is_listening
    await bench.listen()
    with contextlib.closing(bench.connect()) as connection:
        assert await bench.ask(connection) == b"one"
        bench.data_plane.observe()

        assert bench.data_plane.is_listening
        assert bench.metrics.get(Cell.CONNECTIONS_ACCEPTED) == 1
        assert bench.metrics.get(Cell.CONNECTIONS_OPEN) == 1


async def test_after_stopping_idle_connections_end_and_new_ones_are_refused(
    bench: Bench,
) -> None:
    await bench.listen()
    with contextlib.closing(bench.connect()) as connection:
        await bench.ask(connection)
        bench.data_plane.stop_listening()
        while bench.data_plane.connections:  # noqa: ASYNC110 (connections tell nobody)
            await asyncio.sleep(0.01)

    bench.listening.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(socket.create_connection, bench.address)


async def test_what_backends_counted_is_added_once(bench: Bench) -> None:
    counters = bench.data_plane._endpoints.counters
    counters.opened, counters.reused, counters.open = 5, 7, 2
    counters.retried, counters.refused, counters.overflowed = 3, 4, 9
    bench.data_plane.observe()
    counters.opened = 6
    bench.data_plane.observe()

    assert bench.metrics.get(Cell.BACKEND_CONNECTIONS_OPENED) == 6
    assert bench.metrics.get(Cell.BACKEND_CONNECTIONS_REUSED) == 7
    assert bench.metrics.get(Cell.BACKEND_CONNECTIONS_OPEN) == 2
    assert bench.metrics.get(Cell.BACKEND_REQUESTS_RETRIED) == 3
    assert bench.metrics.get(Cell.BACKEND_CONNECTIONS_FAILED) == 4
    assert bench.metrics.get(Cell.BACKEND_REQUESTS_OVERFLOWED) == 9


async def test_requests_in_flight_are_observed(bench: Bench) -> None:
    bench.data_plane.observe()
    await bench.listen()
    edge = bench.data_plane._edge
    assert edge is not None
    edge.connections |= {Busy(), Busy()}
    bench.data_plane.observe()

    assert bench.metrics.get(Cell.REQUESTS_IN_FLIGHT) == 2


async def test_how_many_clients_are_admitted_is_observed(bench: Bench) -> None:
    bench.data_plane.observe()
    before = bench.metrics.get(Cell.CONNECTIONS_LIMIT)
    await bench.listen()
    bench.data_plane.observe()
    edge = bench.data_plane._edge
    assert edge is not None

    assert before == 0
    assert bench.metrics.get(Cell.CONNECTIONS_LIMIT) == edge.admission.most > 0


async def test_a_bug_counts_as_an_unexpected_error(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.listen()
    with contextlib.closing(bench.connect()) as connection:
        assert await bench.ask(connection) == b"one"
        assert bench.metrics.get(Cell.UNEXPECTED_ERRORS) == 0
        bench.cell.current = cast("Snapshot", None)
        assert b"Internal server error" in await bench.ask(connection)

    assert bench.metrics.get(Cell.UNEXPECTED_ERRORS) == 1
    assert "answering a request failed" in caplog.text


async def test_tls_and_what_belongs_to_it_are_swapped_with_the_release(tmp_path: Path) -> None:
    authority = Authority()
    host = "api.example.com"
    settings = Settings(
        data=tmp_path,
        config=tmp_path,
        listen_tls=Address("127.0.0.1", 0),
        tls=Tls(redirect_http=True, redirect_port=443),
    )
    bench = Bench(tmp_path, settings)
    keyring = Keyring(settings, SystemClock().epoch, CertificateStore(tmp_path), is_listening=True)
    named = replace(domain(host, none="dev"), certificate_file=f"{host}.pem")
    served = release(api({"/pets": {"GET": mock(200, "one")}}), domains=(named,))

    def publish() -> bytes:
        issued = authority.server(host)
        issued.write_whole(tmp_path / f"{host}.pem")
        certified = keyring.certify((named,), (), {})
        made = replace(served, certificates=certified.certificates)
        steps = bench.data_plane.compile_release(made, bench.cell.current)
        bench.cell.current = finish(steps)
        bench.data_plane.applied()
        return issued.der

    first = publish()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "{}:{}".format(*listening.getsockname())
        await bench.data_plane.listen(bench.listening, bench.cell, listening.dup())

        def ask() -> tuple[bytes, tuple[int, bytes]]:
            with connected(address, host, trusting(authority)) as client:
                return client.server_certificate, client.get(host, "/pets")

        assert await asyncio.to_thread(ask) == (first, (200, b"one"))
        second = publish()
        assert await asyncio.to_thread(ask) == (second, (200, b"one"))

        def ask_plainly() -> tuple[int, str | None]:
            connection = bench.connect()
            connection.request("GET", "/pets", headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status, answer.getheader("Location")

        assert await asyncio.to_thread(ask_plainly) == (308, f"https://{host}/pets")
        assert bench.metrics.get(Cell.TLS_HANDSHAKES) == 2
        bench.data_plane.stop_listening()
        bench.data_plane.close()
