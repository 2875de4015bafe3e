"""Facts about names and addresses, without a socket; over sockets see test_backend_connections."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

import pytest

from gateway.messages import Origin
from gateway.server import backend_addresses
from gateway.server.backend_addresses import (
    AddressBook,
    AddressInfo,
    Place,
    is_literal,
    place_of,
    places_of,
    rotated,
)
from gateway.telemetry.logs import RateLimited
from tests.builders import FakeClock

ORIGIN = Origin.make("http", "backend.test", 80)


def info(address: str) -> AddressInfo:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))


class Rig:
    """An address book whose resolver answers as a test says."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.asked: list[str] = []
        self.answers: list[str] = ["192.0.2.1"]
        self.gate = asyncio.Event()
        self.gate.set()
        self.silent: set[str] = set()
        """Names that are never answered for."""
        log = RateLimited(logging.getLogger("test"), self.clock.now)
        loop = asyncio.get_running_loop()
        self.book = AddressBook(self.resolve, 30, loop, self.clock.now, log)

    async def resolve(self, host: str, _port: int) -> Sequence[AddressInfo]:
        self.asked.append(host)
        if host in self.silent:
            await asyncio.Event().wait()
        await self.gate.wait()
        if len(host) > 64:
            raise UnicodeError("label too long")
        if not self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [info(each) for each in self.answers]

    async def found(self, origin: Origin = ORIGIN) -> list[str]:
        return [each[4][0] for each in await self.book.find(origin)]


async def test_answer_is_believed_for_its_time() -> None:
    rig = Rig()
    await rig.found()
    rig.answers = ["192.0.2.2"]
    rig.clock.time += 29
    assert await rig.found() == ["192.0.2.1"]
    rig.clock.time += 2
    assert await rig.found() == ["192.0.2.2"]
    assert len(rig.asked) == 2


async def test_resolver_that_hangs_leaves_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_addresses, "_PATIENCE_SECONDS", 0.0)
    rig = Rig()
    await rig.found()
    rig.clock.time += 31
    rig.answers = ["192.0.2.2"]
    rig.gate.clear()
    assert await rig.found() == ["192.0.2.1"]
    rig.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    # What comes late counts for the next.
    assert await rig.found() == ["192.0.2.2"]
    assert len(rig.asked) == 2


async def test_those_who_ask_at_once_share_a_look_up() -> None:
    rig = Rig()
    rig.gate.clear()
    waiting = [asyncio.get_running_loop().create_task(rig.found()) for _ in range(3)]
    await asyncio.sleep(0)
    rig.gate.set()

    assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * 3
    assert len(rig.asked) == 1


async def test_who_gives_up_takes_nobody_along() -> None:
    rig = Rig()
    rig.gate.clear()
    leaving = asyncio.get_running_loop().create_task(rig.found())
    staying = asyncio.get_running_loop().create_task(rig.found())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    rig.gate.set()

    assert await staying == ["192.0.2.1"]


async def test_distrusted_answer_is_not_given_again() -> None:
    rig = Rig()
    await rig.found()
    rig.answers = ["192.0.2.2"]
    rig.book.distrust(ORIGIN)

    assert await rig.found() == ["192.0.2.2"]
    assert len(rig.asked) == 2


async def test_distrusted_answer_is_better_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_addresses, "_PATIENCE_SECONDS", 0.0)
    rig = Rig()
    await rig.found()
    rig.gate.clear()
    rig.book.distrust(ORIGIN)

    assert await rig.found() == ["192.0.2.1"]
    rig.book.close()


async def test_link_has_the_addresses_of_all_its_targets_that_are_known() -> None:
    rig = Rig()
    linked = ORIGIN.through(("one.test", "two.test:81"))
    assert await rig.found(linked) == ["192.0.2.1", "192.0.2.1"]
    assert rig.asked == ["one.test", "two.test"]

    rig.answers = []
    rig.clock.time += 60
    with pytest.raises(socket.gaierror):
        await rig.found(linked)


async def test_silent_target_of_a_link_is_not_waited_for() -> None:
    rig = Rig()
    rig.silent = {"one.test"}

    assert await rig.found(ORIGIN.through(("one.test", "two.test"))) == ["192.0.2.1"]
    rig.book.close()


async def test_target_that_is_no_name_takes_no_other_along() -> None:
    rig = Rig()
    linked = ORIGIN.through((f"{'a' * 70}.test", "two.test"))

    assert await rig.found(linked) == ["192.0.2.1"]
    with pytest.raises(socket.gaierror):
        await rig.found(ORIGIN.through((f"{'a' * 70}.test", f"{'b' * 70}.test")))


async def test_only_names_are_followed() -> None:
    rig = Rig()
    rig.book.watch(Origin.make("http", "192.0.2.1", 80), lambda _: None)
    assert "0 watched" in repr(rig.book)
    rig.book.watch(ORIGIN, lambda _: None)
    assert "1 watched" in repr(rig.book)
    rig.book.unwatch(ORIGIN)
    assert "0 watched" in repr(rig.book)
    rig.book.close()


async def test_a_slow_resolver_gathers_no_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.gate.clear()
    timers: list[Callable[[], None]] = []

    class Handle:
        def cancel(self) -> None:
            timers.clear()

    def call_later(_delay: float, callback: Callable[[], None]) -> Handle:
        timers.append(callback)
        return Handle()

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    followed: asyncio.Queue[frozenset[Place]] = asyncio.Queue()
    rig.book.watch(ORIGIN, followed.put_nowait)
    before = len(asyncio.all_tasks())
    for _ in range(5):
        timers.pop()()
        await asyncio.sleep(0)
    # One that follows, and the look-up that it waits for.
    assert len(asyncio.all_tasks()) - before == 2
    rig.gate.set()

    assert await followed.get() == frozenset({("192.0.2.1", 80)})
    await asyncio.sleep(0)
    timers.pop()()
    await followed.get()
    rig.book.close()


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("10.0.0.1", ("10.0.0.1", 80)),
        ("10.0.0.1:8080", ("10.0.0.1", 8080)),
        ("one.test", ("one.test", 80)),
        ("one.test:8080", ("one.test", 8080)),
        ("[::1]", ("::1", 80)),
        ("[::1]:8080", ("::1", 8080)),
        ("::1", ("::1", 80)),
    ],
)
def test_targets_are_read(target: str, place: tuple[str, int]) -> None:
    assert place_of(target, 80) == place
    assert places_of(ORIGIN.through((target,))) == [place]


def test_turns_go_round_within_a_family() -> None:
    addresses = [info(each) for each in ("::1", "::2", "10.0.0.1", "10.0.0.2")]
    turns = [[each[4][0] for each in rotated(addresses, turn)] for turn in range(3)]

    assert turns == [
        ["::1", "::2", "10.0.0.1", "10.0.0.2"],
        ["::2", "::1", "10.0.0.2", "10.0.0.1"],
        ["::1", "::2", "10.0.0.1", "10.0.0.2"],
    ]


def test_addresses_are_told_from_names() -> None:
    assert [is_literal(host) for host in ("127.0.0.1", "::1", "a.test")] == [True, True, False]
