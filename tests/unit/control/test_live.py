from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from gateway.clock import SystemClock
from gateway.configuration.loaded import Loaded
from gateway.control import live
from gateway.control.deployed_problems import DeployedProblems
from gateway.control.live import Live
from gateway.control.publisher import Publisher
from gateway.control.room import Places, Room
from gateway.control.unserved import Unserved
from gateway.control.usage_keeper import UsageKeeper
from gateway.definitions.domain import DomainName
from gateway.definitions.stage import Stage
from gateway.definitions.usage_plan import NO_USAGE, ApiKey, UsageDefinitions
from gateway.release import Release
from gateway.store import thread
from gateway.store.account_wide import NOTHING_WIDE, AccountWide
from gateway.store.connections import StoredConnections
from gateway.store.database import Outcome, Store, Work
from gateway.store.served import ServedApi
from gateway.store.tables import API_KEY, DOMAIN_NAME
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes
from gateway.throttle.usage_table import UsageTable, usage_bytes
from tests.running_gateway import PATIENCE_SECONDS
from tests.unit.control.api.handlers import Handlers

EMPTY = Release(revision=1, digest="", region="r", account="a")


class FakePublisher:
    """Notes what it is given; publishes when it is let."""

    def __init__(self) -> None:
        self.held: list[list[str]] = []
        self.usage: list[UsageDefinitions | None] = []
        self.published: list[list[str]] = []
        self.domains: list[tuple[DomainName, ...] | None] = []
        self.connections: list[StoredConnections | None] = []
        self.file_domains: tuple[DomainName, ...] = ()
        self.began = asyncio.Event()
        self.are_workers_slow = False
        self.flushed: list[set[tuple[str, str]]] = []
        self.may_publish = asyncio.Event()
        self.may_publish.set()
        self.release = EMPTY
        self.fails = False
        self.fails_for = ""
        self.lack_room: set[str] = set()
        self.unserved = Unserved()
        self.succeeded: list[list[str]] = []
        self.stored: Mapping[str, ServedApi | None] = {}
        self.done: asyncio.Queue[list[str]] = asyncio.Queue()

    async def hold_stored(
        self, stored: Mapping[str, ServedApi | None], wide: AccountWide = NOTHING_WIDE
    ) -> None:
        self.held.append(sorted(stored))
        self.connections.append(wide.connections)
        self.stored = stored

    def known_deployments(self) -> frozenset[str]:
        return frozenset()

    async def publish_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        wide: AccountWide = NOTHING_WIDE,
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        self.published.append(sorted(stored))
        self.connections.append(wide.connections)
        self.usage.append(wide.usage)
        self.domains.append(wide.domains)
        self.began.set()
        if self.are_workers_slow:
            on_sent()
        await self.may_publish.wait()
        if self.fails or self.fails_for in stored:
            raise RuntimeError("a bug")
        if self.lack_room & stored.keys():
            for api_id in stored:
                self.unserved.note(api_id, ["no room"], lacks_room=True)
            return
        for api_id in stored:
            self.unserved.forget(api_id)
        self.succeeded.append(sorted(stored))
        self.done.put_nowait(sorted(stored))

    async def flush(
        self, stages: Iterable[tuple[str, str]], on_sent: Callable[[], None] = lambda: None
    ) -> None:
        self.flushed.append(set(stages))
        if self.are_workers_slow:
            on_sent()


def keeper_of(store: StoreThread) -> UsageKeeper:
    table = UsageTable(bytearray(usage_bytes(8, 1)), 8, 1)
    return UsageKeeper(store, table, SystemClock(), EMPTY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreThread]:
    made = StoreThread(lambda: Store(tmp_path / "store.sqlite", SystemClock()))
    yield made
    made.close()


def at_once(store: StoreThread) -> Callable[..., Awaitable[Outcome]]:
    """Return a `run` that holds the loop: what follows comes before any time is up."""

    async def run(work: Work, *, is_mutation: bool = False, is_bounded: bool = True) -> Outcome:
        outcome = store.submit(work, is_mutation=is_mutation, is_bounded=is_bounded).result()
        assert outcome.error is None
        return outcome

    return run


def live_of(
    store: StoreThread, publisher: FakePublisher, keeper: UsageKeeper | None = None
) -> Live:
    deployed = DeployedProblems(lambda _: None)
    keeper = keeper or keeper_of(store)
    room = Room(Places())
    return Live(
        store, cast("Publisher", publisher), keeper, room, deployed, wait_seconds=PATIENCE_SECONDS
    )


def begun(store: StoreThread) -> tuple[Live, FakePublisher]:
    publisher = FakePublisher()
    bridge = live_of(store, publisher)
    bridge.begin()
    return bridge, publisher


def deployed(handlers: Handlers) -> str:
    """Make an API with a stage, and return its id."""
    api: str = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    return api


def spoil(handlers: Handlers, api: str) -> None:
    """Make an API one that this version cannot read."""
    operation = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}
    handlers.call(
        "UpdateStage", {"patchOperations": [operation]}, restapi_id=api, stage_name="prod"
    )
    handlers.store.run(
        lambda transaction: transaction.execute(
            "UPDATE stage_method_setting SET logging_level = 'LOUD'"
        )
    )


async def test_everything_is_held_before_the_first_reload(store: StoreThread) -> None:
    bridge, publisher = begun(store)

    await bridge.start()

    assert publisher.held == [[]]


async def test_what_comes_meanwhile_is_published_together(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.may_publish.clear()
    waiting: list[asyncio.Future[bool]] = [asyncio.ensure_future(bridge.publish(Changes({"a"})))]  # noqa: TID251 (a test)
    await publisher.began.wait()
    waiting += [asyncio.ensure_future(bridge.publish(Changes({name}))) for name in "bc"]  # noqa: TID251 (a test)
    await asyncio.sleep(0)
    publisher.may_publish.set()
    await asyncio.gather(*waiting)

    assert publisher.published == [["a"], ["b", "c"]]


async def test_a_mutation_waits_no_longer_than_it_must(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    bridge.wait_seconds = 0.01
    publisher.may_publish.clear()

    assert not await bridge.publish(Changes({"a"}))
    bridge.wait_seconds = PATIENCE_SECONDS
    publisher.may_publish.set()
    assert await bridge.publish(Changes({"b"}))

    assert publisher.published[0] == ["a"]


async def test_where_many_wait_the_others_are_answered_soon(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WAITING_MAX", 2)
    monkeypatch.setattr(live, "CROWDED_SECONDS", 0.01)
    bridge, publisher = begun(store)
    publisher.may_publish.clear()
    waiting: list[asyncio.Future[bool]] = [
        asyncio.ensure_future(bridge.publish(Changes({name})))  # noqa: TID251 (a test)
        for name in "ab"
    ]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        assert not await bridge.publish(Changes({"c"}))
        assert not await bridge.publish(Changes({"d"}))
    assert not any(each.done() for each in waiting)
    publisher.may_publish.set()
    assert await asyncio.gather(*waiting) == [True, True]
    monkeypatch.setattr(live, "CROWDED_SECONDS", 0.0)
    assert await bridge.publish(Changes({"e"}))


async def test_what_only_waits_for_slow_workers_is_not_pending(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "run", at_once(store))
    bridge, publisher = begun(store)
    bridge.wait_seconds = 0.01
    publisher.are_workers_slow = True
    publisher.may_publish.clear()

    assert await bridge.publish(Changes({"a"}))
    assert not await bridge.publish(Changes({"b"}))
    assert not await bridge.publish(Changes({"a"}))
    publisher.may_publish.set()


async def test_a_flush_is_pending_until_a_release_says_so(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    bridge.wait_seconds = 0.01
    publisher.are_workers_slow = True
    publisher.may_publish.clear()

    assert not await bridge.publish(Changes(flushes={("a", "prod")}))
    publisher.may_publish.set()
    bridge.wait_seconds = PATIENCE_SECONDS
    assert await bridge.publish(Changes(flushes={("b", "prod")}))
    assert publisher.flushed == [{("a", "prod")}, {("b", "prod")}]


async def test_a_bug_in_publishing_does_not_stop_the_next(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.fails = True
    await bridge.publish(Changes({"a"}))
    publisher.fails = False

    await bridge.publish(Changes({"b"}))

    assert publisher.published == [["a"], ["a"], ["b"]]
    assert publisher.unserved.texts() == {}


async def test_what_failed_is_tried_again_though_nothing_else_comes(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.001)
    bridge, publisher = begun(store)
    publisher.fails = True

    everything = Changes({"a"}, is_usage_changed=True, are_domains_changed=True)
    assert not await bridge.publish(everything)
    assert publisher.unserved.texts() == {"a": ["cannot be published: see the log"]}
    publisher.fails = False

    assert [await publisher.done.get() for _ in range(3)] == [["a"], [], []]
    assert publisher.domains[-3:] == [None, (), None]
    assert publisher.usage[-3:] == [None, None, NO_USAGE]
    assert publisher.unserved.texts() == {}


async def test_one_that_fails_again_takes_no_other_along(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 1000.0)
    bridge, publisher = begun(store)
    publisher.fails_for = "bad"

    await bridge.publish(Changes({"bad", "good"}))
    assert publisher.succeeded == []
    assert await bridge.publish(Changes({"good"}))
    assert not await bridge.publish(Changes({"bad"}))

    assert publisher.succeeded == [["good"]]
    assert not await bridge.publish(Changes({"bad"}))
    assert [*publisher.unserved.texts()] == ["bad"]


async def test_what_does_not_fit_is_pending(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.lack_room = {"a"}

    assert not await bridge.publish(Changes({"a"}))
    publisher.lack_room.clear()

    assert await bridge.publish(Changes({"a"}))
    assert publisher.unserved.texts() == {}


async def test_pauses_grow_and_end() -> None:
    bridge = live_of(cast("StoreThread", None), FakePublisher())

    assert [bridge._pause() for _ in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


async def test_a_publication_does_not_wait_in_line_to_be_refused(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "WAITING", 0)
    bridge, publisher = begun(store)

    await bridge.publish(Changes({"a"}))

    assert publisher.published == [["a"]]


async def test_an_api_that_cannot_be_read_stays_as_it_was_and_is_named(
    tmp_path: Path, store: StoreThread
) -> None:
    handlers = Handlers(tmp_path)
    ids = sorted(deployed(handlers) for _ in range(3))
    spoil(handlers, ids[1])
    bridge, publisher = begun(store)
    stage = Stage(stage_name="prod", deployment_id="d1")
    publisher.release = replace(publisher.release, stages={ids[1]: {"prod": stage}})

    await bridge.start()

    assert publisher.held == [ids]
    assert publisher.stored[ids[1]] == ServedApi(
        stages={"prod": stage}, deployment_ids=frozenset({"d1"}), deployments={}
    )
    ((api_id, (text,)),) = publisher.unserved.texts().items()
    assert api_id == ids[1]
    assert "LOUD" in text
    await bridge.publish(Changes(set(ids)))
    assert publisher.published == [[ids[0], ids[2]]]
    handlers.close()


async def test_a_store_that_cannot_be_read_does_not_hold_up_the_start(
    store: StoreThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.001)
    handlers = Handlers(tmp_path)
    api = deployed(handlers)
    handlers.store.run(lambda transaction: transaction.execute("ALTER TABLE stage RENAME TO lost"))
    bridge, publisher = begun(store)
    stage = Stage(stage_name="prod", deployment_id="d1")
    publisher.release = replace(publisher.release, stages={"gone": {"prod": stage}})

    await bridge.start()
    assert publisher.held == []
    handlers.store.run(lambda transaction: transaction.execute("ALTER TABLE lost RENAME TO stage"))
    await publisher.done.get()

    assert publisher.published == [sorted([api, "gone"])]
    assert publisher.domains == [()]
    assert publisher.usage == [NO_USAGE]
    handlers.close()


async def test_nothing_is_published_before_the_first_reload(store: StoreThread) -> None:
    publisher = FakePublisher()
    bridge = live_of(store, publisher)
    bridge.wait_seconds = 0.01

    await bridge.publish(Changes({"a"}))
    assert publisher.published == []
    bridge.wait_seconds = PATIENCE_SECONDS
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


async def test_connections_are_published_when_they_change(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    await bridge.start()
    await bridge.publish(Changes({"a"}))
    await bridge.publish(Changes(are_connections_changed=True))

    assert publisher.connections == [StoredConnections(), None, StoredConnections()]


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
    bridge = live_of(store, publisher, keeper)
    bridge.begin()
    refreshed: list[int] = []

    async def refresh() -> None:
        refreshed.append(len(publisher.published))

    monkeypatch.setattr(keeper, "refresh", refresh)
    await bridge.publish(Changes({"a"}))
    await bridge.publish(Changes(is_usage_changed=True))

    assert publisher.usage == [None, NO_USAGE]
    assert refreshed == [2]


async def test_usage_that_cannot_be_read_takes_no_other_along(
    store: StoreThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 1000.0)
    handlers = Handlers(tmp_path)
    handlers.store.run(lambda transaction: transaction.execute("ALTER TABLE api_key RENAME TO k"))
    bridge, publisher = begun(store)

    assert not await bridge.publish(Changes({"a"}, is_usage_changed=True))
    assert await bridge.publish(Changes(are_domains_changed=True))
    assert not await bridge.publish(Changes(is_usage_changed=True))

    assert publisher.succeeded == [["a"], []]
    handlers.close()


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


async def test_what_found_no_room_is_tried_again_after_the_next_change(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.lack_room = {"a"}

    await bridge.publish(Changes({"a"}))
    publisher.lack_room.clear()
    assert await bridge.publish(Changes({"b"}))

    assert publisher.published == [["a"], ["b"], ["a"]]
    assert publisher.unserved.texts() == {}


async def test_what_found_no_room_is_tried_again_after_a_reload_of_files(
    store: StoreThread,
) -> None:
    bridge, publisher = begun(store)
    publisher.lack_room = {"a"}
    await bridge.publish(Changes({"a"}))
    publisher.lack_room.clear()

    await bridge.show_files(Loaded())

    assert publisher.succeeded == [["a"]]
    assert publisher.unserved.texts() == {}


async def test_of_changes_that_do_not_fit_together_each_is_tried_alone(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.lack_room = {"b"}

    assert not await bridge.publish(Changes({"a", "b"}, are_domains_changed=True))

    assert publisher.published == [["a", "b"], ["a"], ["b"], []]
    assert publisher.domains == [(), None, None, ()]
    assert publisher.unserved.texts() == {"b": ["no room"]}


async def test_what_finds_no_room_takes_nothing_else_along(store: StoreThread) -> None:
    bridge, publisher = begun(store)
    publisher.lack_room = {"b"}

    wide = Changes({"b"}, is_usage_changed=True, are_connections_changed=True)
    assert not await bridge.publish(wide)

    assert publisher.published == [["b"], []]
    assert publisher.usage == [NO_USAGE, NO_USAGE]
    assert publisher.connections == [StoredConnections(), StoredConnections()]


async def test_what_found_no_room_is_not_told_as_released(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge, publisher = begun(store)
    publisher.lack_room = {"b"}
    seen: list[bool] = []

    async def second_try(*_: object) -> None:
        seen.append(bridge._released.is_usage_changed)

    first = publisher.publish_stored

    async def publish_stored(stored: Any, *more: Any) -> None:
        await (first(stored, *more) if stored else second_try())

    monkeypatch.setattr(publisher, "publish_stored", publish_stored)
    await bridge.publish(Changes({"b"}, is_usage_changed=True))

    assert seen == [False]
