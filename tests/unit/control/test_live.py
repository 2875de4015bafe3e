from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from gateway.clock import SystemClock
from gateway.configuration.loaded import Loaded
from gateway.control import live
from gateway.control.live import Live
from gateway.control.publisher import Publisher, ReloadState
from gateway.control.room import Places, Room
from gateway.definitions.domain import DomainName
from gateway.errors import Problem
from gateway.release import Release
from gateway.store.database import Store
from gateway.store.served import ServedApi
from gateway.store.tables import DOMAIN_NAME
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes


class FakePublisher:
    """Notes what it is given; publishes when it is let."""

    def __init__(self) -> None:
        self.held: list[list[str]] = []
        self.published: list[list[str]] = []
        self.domains: list[tuple[DomainName, ...] | None] = []
        self.file_domains: tuple[DomainName, ...] = ()
        self.began = asyncio.Event()
        self.may_publish = asyncio.Event()
        self.may_publish.set()
        self.release = Release(revision=1, digest="", region="r", account="a")
        self.fails = False
        self.state = ReloadState()

    async def hold_stored(
        self, stored: Mapping[str, ServedApi | None], domains: tuple[DomainName, ...] = ()
    ) -> None:
        self.held.append(sorted(stored))

    def known_deployments(self) -> frozenset[str]:
        return frozenset()

    async def publish_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        domains: tuple[DomainName, ...] | None = None,
    ) -> None:
        self.published.append(sorted(stored))
        self.domains.append(domains)
        self.began.set()
        await self.may_publish.wait()
        if self.fails:
            raise RuntimeError("a bug")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreThread]:
    made = StoreThread(lambda: Store(tmp_path / "store.sqlite", SystemClock()))
    yield made
    made.close()


def begun(store: StoreThread) -> tuple[Live, FakePublisher]:
    publisher = FakePublisher()
    bridge = Live(store, cast("Publisher", publisher), Room(Places()))
    bridge.begin()
    return bridge, publisher


async def test_everything_is_held_before_the_first_reload(store: StoreThread) -> None:
    bridge, publisher = begun(store)

    await bridge.start()

    assert publisher.held == [[]]


async def test_what_comes_meanwhile_is_published_together(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.may_publish.clear()
    waiting: list[asyncio.Future[None]] = [asyncio.ensure_future(bridge.publish(Changes({"a"})))]  # noqa: TID251 (a test)
    await publisher.began.wait()
    waiting += [asyncio.ensure_future(bridge.publish(Changes({name}))) for name in "bc"]  # noqa: TID251 (a test)
    await asyncio.sleep(0)
    publisher.may_publish.set()
    await asyncio.gather(*waiting)

    assert publisher.published == [["a"], ["b", "c"]]


async def test_a_mutation_waits_no_longer_than_it_must(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WAIT_SECONDS", 0.01)
    bridge, publisher = begun(store)
    publisher.may_publish.clear()

    await bridge.publish(Changes({"a"}))
    monkeypatch.setattr(live, "WAIT_SECONDS", 10)
    publisher.may_publish.set()
    await bridge.publish(Changes({"b"}))

    assert publisher.published[0] == ["a"]


async def test_a_bug_in_publishing_does_not_stop_the_next(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.fails = True
    await bridge.publish(Changes({"a"}))
    publisher.fails = False

    await bridge.publish(Changes({"b"}))

    assert publisher.published == [["a"], ["b"]]


async def test_nothing_is_published_before_the_first_reload(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WAIT_SECONDS", 0.01)
    publisher = FakePublisher()
    bridge = Live(store, cast("Publisher", publisher), Room(Places()))

    await bridge.publish(Changes({"a"}))
    assert publisher.published == []
    monkeypatch.setattr(live, "WAIT_SECONDS", 10)
    bridge.begin()
    await bridge.publish(Changes())

    assert publisher.published == [["a"]]


async def test_files_without_apis_show_nothing(store: StoreThread) -> None:
    bridge, publisher = begun(store)

    await bridge.show_files(Loaded())

    assert publisher.published == []
    assert cast("Any", bridge).__repr__().startswith("<Live ")


async def test_domains_are_published_when_they_change(store: StoreThread) -> None:
    bridge, publisher = begun(store)

    await bridge.publish(Changes({"a"}))
    await bridge.publish(Changes(are_domains_changed=True))

    assert publisher.published == [["a"], []]
    assert publisher.domains == [None, ()]


async def test_the_domains_of_files_are_shown(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.file_domains = (DomainName(domain_name="api.example.com"),)

    await bridge.show_files(Loaded())

    query = select(DOMAIN_NAME.c.domain_name, DOMAIN_NAME.c.file)
    rows = await store.read(lambda transaction: transaction.rows(query))
    assert [tuple(row) for row in rows] == [("api.example.com", "domains.yaml")]


async def test_what_found_no_room_is_tried_again_after_the_next_change(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.state.unserved = {"a": (Problem("", "no room"),)}

    await bridge.publish(Changes({"a"}))
    await bridge.publish(Changes({"b"}))

    assert publisher.published == [["a"], ["b"], ["a"]]


async def test_of_changes_that_do_not_fit_together_each_is_tried_alone(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.state.unserved = dict.fromkeys("ab", (Problem("", "no room"),))

    await bridge.publish(Changes({"a", "b"}))

    assert publisher.published == [["a", "b"], ["a"], ["b"]]
