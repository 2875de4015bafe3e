"""Facts about the worker's end of the socket to control."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from gateway.errors import ConfigurationError, Problem
from gateway.release.parts import Part, digest_of_frames, digests_of
from gateway.release.wire import Splitter, message, part_messages, read_message, release_message
from gateway.server.tasks import spawn
from gateway.worker.release_client import ReleaseClient
from gateway.worker.shelf import PartShelf

FRAMES = (b"[1]", b"[2]")
PART = Part("api/shop", digest_of_frames(FRAMES), FRAMES)


class FakeOffers:
    def __init__(self) -> None:
        self.offered: list[tuple[int, dict[str, str]]] = []
        self.is_new = asyncio.Event()
        self.failure: Exception | None = None

    def offer(self, revision: int, digests: Mapping[str, str]) -> None:
        if self.failure is not None:
            raise self.failure
        self.offered.append((revision, dict(digests)))
        self.is_new.set()


class FakeControl:
    """Control's end: takes connections as they come."""

    def __init__(self) -> None:
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind("")
        self._listening.listen()
        self._listening.setblocking(False)
        self._splitter = Splitter()
        self._heard: list[bytes] = []
        self._connection: socket.socket | None = None

    @property
    def address(self) -> str:
        name: bytes = self._listening.getsockname()
        return name.decode()

    async def accept(self) -> None:
        self.drop()
        self._splitter = Splitter()
        self._connection, _ = await asyncio.get_running_loop().sock_accept(self._listening)

    async def hear(self) -> dict[str, Any]:
        assert self._connection is not None
        while not self._heard:
            data = await asyncio.get_running_loop().sock_recv(self._connection, 65536)
            assert data
            self._heard += self._splitter.feed(data)
        return read_message(self._heard.pop(0))

    async def say(self, *messages: bytes) -> None:
        assert self._connection is not None
        await asyncio.get_running_loop().sock_sendall(self._connection, b"".join(messages))

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def close(self) -> None:
        self.drop()
        self._listening.close()


class Bench:
    def __init__(self) -> None:
        self.control = FakeControl()
        self.offers = FakeOffers()
        self.shelf = PartShelf()
        self.client = ReleaseClient(
            self.control.address, self.shelf, self.offers, lambda: {"worker": 3, "revision": 7}
        )


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    running = spawn(bench.client.run(), "client")
    await bench.control.accept()
    yield bench
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    bench.control.close()


async def test_the_worker_says_first_who_it_is_and_what_it_has(bench: Bench) -> None:
    assert await bench.control.hear() == {
        "type": "hello", "worker": 3, "revision": 7, "have": {},
    }  # fmt: skip


async def test_a_release_is_offered_once_its_parts_are_there(bench: Bench) -> None:
    digests = digests_of({PART.key: PART})
    await bench.control.say(*part_messages(PART), release_message(8, digests))
    await bench.offers.is_new.wait()

    assert bench.offers.offered == [(8, digests)]
    assert bench.shelf.digests == digests


async def test_what_became_of_a_release_is_told(bench: Bench) -> None:
    await bench.control.hear()
    bench.client.tell("ack", revision=8)

    assert await bench.control.hear() == {"type": "ack", "revision": 8}


async def test_it_connects_again_and_tells_what_it_holds(bench: Bench) -> None:
    digests = digests_of({PART.key: PART})
    await bench.control.hear()
    await bench.control.say(*part_messages(PART), release_message(8, digests))
    await bench.offers.is_new.wait()
    await bench.control.accept()

    assert (await bench.control.hear())["have"] == digests


@pytest.mark.parametrize(
    "nonsense",
    [
        message("surprise"),
        message("part"),
        b"\xff\xff\xff\xff",
        *[b"".join(part_messages(Part("api/shop", "wrong", FRAMES)))],
    ],
)
async def test_nonsense_ends_the_connection_and_everything_is_asked_for_anew(
    bench: Bench, nonsense: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.control.hear()
    await bench.control.say(*part_messages(PART), nonsense)
    await bench.control.accept()

    assert (await bench.control.hear())["have"] == {}
    assert "closing the connection to control" in caplog.text


async def test_an_offer_without_its_parts_begins_anew(bench: Bench) -> None:
    bench.offers.failure = ConfigurationError((Problem("api/cats", "is missing"),))
    await bench.control.hear()
    await bench.control.say(release_message(8, {"api/cats": "x"}))
    await bench.control.accept()

    assert (await bench.control.hear())["have"] == {}


async def test_another_user_in_controls_place_is_not_listened_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.getuid()
    await bench.control.hear()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    await bench.control.accept()

    with pytest.raises(AssertionError):
        await bench.control.hear()
