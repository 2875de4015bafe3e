"""Facts about a worker's life, in this process."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.control.workers import WorkerLinks
from gateway.release.disk import ReleaseStore
from gateway.release.encode import encode_release
from gateway.server.tasks import spawn
from gateway.telemetry.metrics import Cell
from gateway.worker import main
from gateway.worker.main import Worker
from tests.builders import api, mock, release
from tests.inheritances import RUN, inherited

PARTS = encode_release(release(api({"/pets": {"GET": mock(200, "one")}})))
REQUEST = b"GET /_aws/execute-api/shop/dev/pets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Bench:
    """A worker and control's end of its socket."""

    def __init__(self, directory: Path, opened: contextlib.ExitStack) -> None:
        self.inherited = inherited(directory, opened, worker=0)
        self.store = ReleaseStore(directory / "data" / "release")
        self.links = WorkerLinks(SystemClock())
        self._running: asyncio.Task[None] | None = None
        self.worker: Worker | None = None

    def start(self) -> None:
        self.worker = Worker(self.inherited, asyncio.get_running_loop(), SystemClock())
        self._running = spawn(self.worker.run(), "worker")

    async def ended(self) -> None:
        assert self._running is not None
        await asyncio.wait_for(self._running, 10)

    async def until(self, fact: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not fact():  # noqa: ASYNC110 (facts have no events)
                await asyncio.sleep(0.001)

    def revision(self) -> int:
        state = self.links.states.get(0)
        return 0 if state is None else state.revision

    async def ask(self) -> bytes:
        host, _, port = self.inherited.boot["addresses"]["listen"].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(REQUEST)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.rpartition(b"\r\n\r\n")[2]

    def listen_for_worker(self) -> None:
        self.links.serve(self.inherited.release_listening())

    async def close(self) -> None:
        if self._running is not None and not self._running.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await self.ended()
        await self.links.close()


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
async def bench(tmp_path: Path, opened: contextlib.ExitStack) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, opened)
    yield bench
    await bench.close()
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTERM)
    loop.remove_signal_handler(signal.SIGHUP)


async def test_a_replaced_worker_serves_this_runs_release_without_control(bench: Bench) -> None:
    bench.store.save(4, RUN, PARTS)
    bench.start()

    assert await bench.ask() == b"one"


async def test_a_replaced_worker_serves_nothing_older_than_what_control_has(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "CURRENT_SECONDS", 10.0)
    bench.store.save(4, RUN, PARTS)
    newer = api({"/pets": {"GET": mock(200, "two")}})
    bench.links.send(5, encode_release(release({"d2": newer})))
    bench.start()
    worker = bench.worker
    assert worker is not None
    await bench.until(lambda: worker._applier.cell)
    asked = asyncio.ensure_future(bench.ask())  # noqa: TID251 (a test)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not asked.done()
    bench.listen_for_worker()

    assert await asked == b"two"


async def test_a_new_gateways_worker_waits_for_control(bench: Bench) -> None:
    bench.store.save(4, "an earlier run", PARTS)
    bench.start()
    bench.listen_for_worker()
    await bench.until(lambda: bench.links.states)
    assert bench.revision() == 0
    bench.links.send(5, PARTS)

    assert await bench.ask() == b"one"
    await bench.until(lambda: bench.revision() == 5)


async def test_without_control_the_last_good_release_is_served_in_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "CONTROL_SECONDS", 0.0)
    bench.store.save(4, "an earlier run", PARTS)
    bench.start()

    assert await bench.ask() == b"one"


async def test_a_damaged_last_good_release_is_waited_out(bench: Bench) -> None:
    bench.store.save(4, RUN, {key: PARTS[key] for key in ("settings", "api/shop")})
    bench.start()
    bench.listen_for_worker()
    await bench.until(lambda: bench.links.states)
    bench.links.send(5, PARTS)

    assert await bench.ask() == b"one"


async def test_a_new_release_is_acknowledged_and_counted(bench: Bench) -> None:
    bench.store.save(4, RUN, PARTS)
    bench.start()
    await bench.ask()
    bench.listen_for_worker()
    await bench.until(lambda: bench.revision() == 4)
    two = {"d2": api({"/pets": {"GET": mock(200, "two")}})}
    bench.links.send(5, encode_release(release(two)))
    await bench.until(lambda: bench.revision() == 5)

    assert await bench.ask() == b"two"
    assert bench.worker is not None
    assert bench.worker._metrics.get(Cell.REVISION) == 5
    assert bench.worker._metrics.get(Cell.RELEASES_APPLIED) == 2
    assert bench.worker._metrics.get(Cell.HEARTBEAT) > 0


async def test_a_worker_tells_of_its_first_release_once_it_listens(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is told once a release is settled comes before anybody can connect, and not after.
    monkeypatch.setattr(main, "REST_SECONDS", 0.0)
    bench.start()
    worker = bench.worker
    assert worker is not None
    told: list[tuple[str, bool]] = []

    def tell(type_: str, **_fields: object) -> None:
        told.append((type_, worker._data_plane.is_listening))

    monkeypatch.setattr(worker._client, "tell", tell)
    bench.listen_for_worker()
    await bench.until(lambda: bench.links.states)
    bench.links.send(5, PARTS)
    await bench.ask()

    assert told == [("ack", True)]


async def test_a_release_that_cannot_be_used_is_refused(bench: Bench) -> None:
    bench.store.save(4, RUN, PARTS)
    bench.start()
    await bench.ask()
    bench.listen_for_worker()
    await bench.until(lambda: bench.revision() == 4)
    bench.links.send(5, {key: PARTS[key] for key in ("settings", "api/shop")})
    await bench.until(lambda: bench.links.states[0].refused_revision == 5)

    assert bench.links.states[0].problems == ("api/shop: stage dev: deployment d1 is missing",)
    assert await bench.ask() == b"one"


async def test_term_ends_it_and_says_that_it_drains(bench: Bench) -> None:
    bench.store.save(4, RUN, PARTS)
    bench.start()
    await bench.ask()
    bench.listen_for_worker()
    await bench.until(lambda: bench.revision() == 4)
    os.kill(os.getpid(), signal.SIGTERM)
    await bench.ended()

    host, _, port = bench.inherited.boot["addresses"]["listen"].rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


async def test_term_before_there_is_anything_to_serve_ends_it(bench: Bench) -> None:
    bench.start()
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)

    await bench.ended()


async def test_hangup_reopens_the_logs_and_nothing_else(bench: Bench) -> None:
    bench.store.save(4, RUN, PARTS)
    bench.start()
    await bench.ask()
    os.kill(os.getpid(), signal.SIGHUP)

    assert await bench.ask() == b"one"


async def test_what_is_repeated_goes_on_after_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    is_enough = asyncio.Event()

    def fragile() -> None:
        calls.append(1)
        if len(calls) == 5:
            is_enough.set()
        if len(calls) != 3:
            raise RuntimeError("a fact that nobody thought of")

    running = spawn(main._repeat(fragile, 0.0), "repeat")
    async with asyncio.timeout(20):
        await is_enough.wait()
    running.cancel()
    await asyncio.wait([running])

    # Once for each row of failures: calls one and two, then four and five.
    assert caplog.text.count("it is tried again") == 2


async def test_nothing_is_collected_until_clients_can_connect(bench: Bench) -> None:
    gc.disable()
    try:
        bench.store.save(4, RUN, PARTS)
        bench.start()
        assert await bench.ask() == b"one"
        assert gc.isenabled()
    finally:
        gc.enable()
