"""Facts about control's end of the socket to the workers."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.control.workers import WorkerLinks, WorkerState
from gateway.release.encode import encode_release
from gateway.release.parts import digest_of_parts, digests_of
from gateway.release.wire import Splitter, message, read_message
from tests.builders import FakeClock, api, mock, release

ONE = encode_release(release({"d1": api({"/pets": {"GET": mock(200, "one")}})}))
TWO = encode_release(release({"d2": api({"/pets": {"GET": mock(200, "two")}})}))


class FakeWorker:
    """A worker that says what a test has it say."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._splitter = Splitter()
        self._payloads: list[bytes] = []

    async def connect(self, address: str, **hello: object) -> None:
        await asyncio.get_running_loop().sock_connect(self._socket, address)
        said = {"worker": self.worker, "pid": 7, "have": {}, "revision": 0, "digest": "", **hello}
        await self.say("hello", **said)

    async def say(self, type_: str, **fields: object) -> None:
        await self.say_bytes(message(type_, **fields))

    async def say_bytes(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, octets)

    async def ack(self, revision: int) -> None:
        await self.say("ack", revision=revision, digest="x", compileSeconds=0.5)

    async def payload(self) -> bytes:
        while not self._payloads:
            data = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
            if not data:
                return b""
            self._payloads += self._splitter.feed(data)
        return self._payloads.pop(0)

    async def release(self) -> tuple[set[str], dict[str, Any]]:
        """Return the keys of the parts that came before a release, and the release."""
        keys: set[str] = set()
        while True:
            received = read_message(await self.payload())
            if received["type"] == "release":
                return keys, received
            keys.add(received["key"])
            for _ in range(received["frames"]):
                await self.payload()

    def close(self) -> None:
        self._socket.close()


class Bench:
    def __init__(self) -> None:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind("")
        listening.listen()
        listening.setblocking(False)
        self.address: str = listening.getsockname().decode()
        self.links = WorkerLinks(FakeClock())
        self.links.serve(listening)
        self._workers: list[FakeWorker] = []

    async def join(self, worker: int = 0, **hello: object) -> FakeWorker:
        joined = FakeWorker(worker)
        self._workers.append(joined)
        await joined.connect(self.address, **hello)
        await self.until(lambda: worker in self.links.states)
        return joined

    async def until(self, fact: Any) -> None:
        async with asyncio.timeout(10):
            while not fact():  # noqa: ASYNC110 (facts have no events)
                await asyncio.sleep(0)

    async def close(self) -> None:
        await self.links.close()
        for worker in self._workers:
            worker.close()
        await asyncio.sleep(0)

    def state(self) -> WorkerState:
        return self.links.states[0]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


async def test_a_worker_that_joins_is_sent_the_current_release(bench: Bench) -> None:
    bench.links.send(3, ONE)
    worker = await bench.join()
    keys, received = await worker.release()

    assert keys == set(ONE)
    assert received == {"type": "release", "revision": 3, "parts": digests_of(ONE)}


async def test_only_what_a_worker_lacks_is_sent(bench: Bench) -> None:
    worker = await bench.join(have=digests_of(ONE))
    bench.links.send(3, ONE)
    assert (await worker.release())[0] == set()

    bench.links.send(4, TWO)
    assert (await worker.release())[0] == {"deployment/d2", "api/shop"}


async def test_a_worker_that_serves_it_already_is_left_alone(bench: Bench) -> None:
    digest = digest_of_parts(digests_of(ONE))
    worker = await bench.join(have=digests_of(ONE), revision=3, digest=digest)
    bench.links.send(3, ONE)
    bench.links.send(4, TWO)

    assert (await worker.release())[1]["revision"] == 4


async def test_a_publication_waits_for_every_connected_worker(bench: Bench) -> None:
    first, second = await bench.join(0), await bench.join(1)
    bench.links.send(3, ONE)
    await first.ack(3)
    await bench.until(lambda: bench.state().revision == 3)

    assert not await bench.links.acknowledged(3, 0.0)
    await second.ack(3)
    assert await bench.links.acknowledged(3, 10.0)
    assert bench.links.highest_revision == 3
    assert bench.state().compile_seconds == 0.5


async def test_a_refusal_is_an_answer_too_and_its_reasons_are_kept(bench: Bench) -> None:
    worker = await bench.join()
    await worker.say("nack", revision=3, digest="x", problems=["wrong"])

    assert await bench.links.acknowledged(3, 10.0)
    assert (bench.state().refused_revision, bench.state().problems) == (3, ("wrong",))


async def test_a_worker_that_dies_is_not_waited_for(bench: Bench) -> None:
    worker = await bench.join()
    bench.links.send(3, ONE)
    worker.close()

    assert await bench.links.acknowledged(3, 10.0)
    assert bench.links.states == {}


async def test_without_workers_nothing_is_waited_for(bench: Bench) -> None:
    assert await bench.links.acknowledged(3, 10.0)
    assert not bench.links.is_serving


async def test_a_worker_serves_once_it_has_a_release_and_until_it_drains(bench: Bench) -> None:
    worker = await bench.join()
    assert not bench.links.is_serving
    await worker.ack(1)
    await bench.until(lambda: bench.links.is_serving)
    await worker.say("draining")

    await bench.until(lambda: not bench.links.is_serving)
    assert await bench.links.acknowledged(9, 10.0)


async def test_a_replaced_worker_takes_the_place_of_its_predecessor(bench: Bench) -> None:
    before = await bench.join(0, pid=1)
    await bench.join(0, pid=2)
    await bench.until(lambda: bench.state().pid == 2)

    assert await before.payload() == b""
    assert bench.state().pid == 2


@pytest.mark.parametrize(
    "nonsense", [b"\xff\xff\xff\xff", message("surprise"), message("hello"), message("ack")]
)
async def test_who_talks_nonsense_is_disconnected(
    bench: Bench, nonsense: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await bench.join()
    await worker.say_bytes(nonsense)

    assert await worker.payload() == b""
    assert "closing a worker's connection" in caplog.text


async def test_a_stranger_must_say_hello_first(bench: Bench) -> None:
    stranger = FakeWorker(0)
    await asyncio.get_running_loop().sock_connect(stranger._socket, bench.address)
    await stranger.ack(3)

    assert await stranger.payload() == b""
    stranger.close()


async def test_another_users_process_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    stranger = FakeWorker(0)
    await asyncio.get_running_loop().sock_connect(stranger._socket, bench.address)

    assert await stranger.payload() == b""
    stranger.close()
