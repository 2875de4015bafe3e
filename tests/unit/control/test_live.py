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
from gateway.control.publisher import Publisher
from gateway.control.usage_keeper import UsageKeeper
from gateway.definitions.domain import DomainName
from gateway.definitions.usage_plan import NO_USAGE, ApiKey, UsageDefinitions
from gateway.release import Release
from gateway.store.database import Store
from gateway.store.served import ServedApi
from gateway.store.tables import API_KEY, DOMAIN_NAME
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes
from gateway.throttle.usage_table import UsageTable, usage_bytes

EMPTY = Release(revision=1, digest="", region="r", account="a")


class FakePublisher:
    """Notes what it is given; publishes when it is let."""

    def __init__(self) -> None:
        self.held: list[list[str]] = []
        self.usage: list[UsageDefinitions | None] = []
        self.published: list[list[str]] = []
        self.domains: list[tuple[DomainName, ...] | None] = []
        self.file_domains: tuple[DomainName, ...] = ()
        self.began = asyncio.Event()
        self.may_publish = asyncio.Event()
        self.may_publish.set()
        self.release = EMPTY
        self.fails = False

    def hold_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        domains: tuple[DomainName, ...] = (),
        usage: UsageDefinitions | None = None,
    ) -> None:
        self.held.append(sorted(stored))

    def known_deployments(self) -> frozenset[str]:
        return frozenset()

    async def publish_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        domains: tuple[DomainName, ...] | None = None,
        usage: UsageDefinitions | None = None,
    ) -> None:
        self.published.append(sorted(stored))
        self.usage.append(usage)
        self.domains.append(domains)
        self.began.set()
        await self.may_publish.wait()
        if self.fails:
            raise RuntimeError("a bug")


def keeper_of(store: StoreThread) -> UsageKeeper:
    table = UsageTable(bytearray(usage_bytes(8, 1)), 8, 1)
    return UsageKeeper(store, table, SystemClock(), EMPTY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreThread]:
    made = StoreThread(lambda: Store(tmp_path / "store.sqlite", SystemClock()))
    yield made
    made.close()


def begun(store: StoreThread) -> tuple[Live, FakePublisher]:
    publisher = FakePublisher()
    bridge = Live(store, cast("Publisher", publisher), keeper_of(store))
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
    bridge = Live(store, cast("Publisher", publisher), keeper_of(store))

    await bridge.publish(Changes({"a"}))
    assert publisher.published == []
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


async def test_usage_is_published_when_it_changes_and_grants_count(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = FakePublisher()
    keeper = keeper_of(store)
    bridge = Live(store, cast("Publisher", publisher), keeper)
    bridge.begin()
    refreshed: list[int] = []

    async def refresh() -> None:
        refreshed.append(len(publisher.published))

    monkeypatch.setattr(keeper, "refresh", refresh)
    await bridge.publish(Changes({"a"}))
    await bridge.publish(Changes(is_usage_changed=True))

    assert publisher.usage == [None, NO_USAGE]
    assert refreshed == [2]


async def test_the_usage_plans_of_files_are_shown(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    usage = UsageDefinitions(api_keys={"k": ApiKey(id="k", value="v" * 20)})

    await bridge.show_files(Loaded(usage=usage))
    # What is broken changes nothing of what was shown.
    await bridge.show_files(Loaded(usage=None))

    query = select(API_KEY.c.id, API_KEY.c.file)
    rows = await store.read(lambda transaction: transaction.rows(query))
    assert [tuple(row) for row in rows] == [("k", "usage.yaml")]
    assert publisher.usage == [NO_USAGE]
