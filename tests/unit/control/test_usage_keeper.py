"""Counts to the store, ceilings back: flushes, periods, grants, restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.control import usage_keeper
from gateway.control.mirror_usage import mirror_usage
from gateway.control.usage_keeper import UsageKeeper
from gateway.definitions.usage_plan import (
    ApiKey,
    QuotaPeriod,
    QuotaSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.errors import ControlError, too_many_requests
from gateway.release import Release
from gateway.release.usage import all_keys
from gateway.reload.usage import UsageState
from gateway.server.tasks import spawn
from gateway.store import thread
from gateway.store.database import Outcome, Store, Work
from gateway.store.tables import USAGE
from gateway.store.thread import StoreThread
from gateway.store.transaction import Transaction
from gateway.throttle.usage_table import UsageCounter, UsageTable, usage_bytes

EMPTY = Release(revision=0, digest="", region="r", account="a")
NOON = datetime(2026, 5, 6, 12, tzinfo=UTC).timestamp()
DAY = 86_400


class Clock:
    def __init__(self, epoch: float) -> None:
        self.time = epoch

    def now(self) -> float:
        return self.time

    def epoch(self) -> float:
        return self.time


class Bench:
    """A store, a table that two workers count in, and a keeper between them."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock(NOON)
        self.store = StoreThread(lambda: Store(directory / "store.sqlite", self.clock))
        self.table = UsageTable(bytearray(usage_bytes(16, 2)), 16, 2)
        self.state = UsageState(EMPTY, 16, 16)
        self.keeper = UsageKeeper(self.store, self.table, self.clock, EMPTY)

    def restart(self, release: Release, *, is_run_new: bool) -> None:
        if is_run_new:
            self.table = UsageTable(bytearray(usage_bytes(16, 2)), 16, 2)
        self.keeper = UsageKeeper(self.store, self.table, self.clock, release)

    async def serve(self, *plans: UsagePlan, is_mirrored: bool = True) -> Release:
        ids = [key_id for plan in plans for key_id in plan.api_keys]
        usage = UsageDefinitions(
            api_keys={id_: ApiKey(id=id_, value=id_ * 20) for id_ in ids},
            usage_plans={plan.id: plan for plan in plans},
        )
        if is_mirrored:
            await self.store.run(lambda transaction: mirror_usage(transaction, usage))
        self.state.hold_stored(usage)
        release = self.state.put_into(EMPTY)
        await self.keeper.prepare(release)
        return release

    def counter(self, release: Release, key_id: str = "k", worker: int = 0) -> UsageCounter:
        (row, *_), *_ = (
            key.plans["gold"] for key in all_keys(release.api_keys) if key.id == key_id
        )
        return UsageCounter(self.table, row, worker)

    async def used(self) -> dict[str, int]:
        rows: Any = await self.store.read(
            lambda transaction: transaction.rows(select(USAGE.c.day, USAGE.c.used))
        )
        return {row.day: row.used for row in rows}


def gold(limit: int = 5, period: QuotaPeriod = QuotaPeriod.DAY, *keys: str) -> UsagePlan:
    quota = QuotaSettings(limit=limit, period=period)
    return UsagePlan(id="gold", name="gold", quota=quota, api_keys=keys or ("k",))


def admitted(counter: UsageCounter, attempts: int = 20) -> int:
    """Return how many of some requests the quota lets in."""
    let_in = 0
    for _ in range(attempts):
        if counter.has_left(0.0):
            counter.count()
            let_in += 1
    return let_in


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


async def test_a_quota_is_shared_by_workers_and_stored(bench: Bench) -> None:
    release = await bench.serve(gold(5))

    assert admitted(bench.counter(release, worker=0), 3) == 3
    assert admitted(bench.counter(release, worker=1)) == 2
    await bench.keeper.tick()
    assert admitted(bench.counter(release)) == 0
    assert await bench.used() == {"2026-05-06": 5}
    await bench.keeper.tick()
    assert await bench.used() == {"2026-05-06": 5}


async def test_a_day_begins_with_a_fresh_quota_and_what_was_counted_stays_with_its_own(
    bench: Bench,
) -> None:
    release = await bench.serve(gold(5))
    counter = bench.counter(release)
    admitted(counter)
    bench.clock.time += DAY / 2
    await bench.keeper.tick()

    assert admitted(counter) == 5
    await bench.keeper.tick()
    assert await bench.used() == {"2026-05-06": 5, "2026-05-07": 5}


async def test_usage_of_long_ago_is_forgotten(bench: Bench) -> None:
    release = await bench.serve(gold(5))
    admitted(bench.counter(release))
    await bench.keeper.tick()
    bench.clock.time += usage_keeper.KEPT_DAYS * DAY
    await bench.keeper.tick()
    assert await bench.used() == {"2026-05-06": 5}
    bench.clock.time += DAY
    await bench.keeper.tick()

    assert await bench.used() == {}


@pytest.mark.parametrize(("period", "days"), [(QuotaPeriod.WEEK, 4), (QuotaPeriod.MONTH, 26)])
async def test_weeks_and_months_end_when_they_do(
    bench: Bench, period: QuotaPeriod, days: int
) -> None:
    release = await bench.serve(gold(5, period))
    counter = bench.counter(release)
    assert admitted(counter) == 5
    for _ in range(days - 1):
        bench.clock.time += DAY
        await bench.keeper.tick()
        assert admitted(counter) == 0
    bench.clock.time += DAY
    await bench.keeper.tick()

    assert admitted(counter) == 5


async def test_the_offset_counts_in_the_first_period_alone(bench: Bench) -> None:
    plan = gold(5)
    release = await bench.serve(
        replace(plan, quota=QuotaSettings(limit=5, offset=3, period=QuotaPeriod.WEEK))
    )
    counter = bench.counter(release)

    assert admitted(counter) == 2
    bench.clock.time += 7 * DAY
    await bench.keeper.tick()
    assert admitted(counter) == 5


@pytest.mark.parametrize("is_run_new", [True, False])
async def test_a_restart_goes_on_where_it_was(bench: Bench, is_run_new: bool) -> None:
    release = await bench.serve(gold(5))
    admitted(bench.counter(release), 2)
    await bench.keeper.flush()
    bench.restart(release, is_run_new=is_run_new)
    await bench.keeper.prepare(release)
    counter = bench.counter(release)

    assert admitted(counter) == 3
    await bench.keeper.flush()
    assert await bench.used() == {"2026-05-06": 5}


async def test_control_that_died_stores_what_it_had_not(bench: Bench) -> None:
    release = await bench.serve(gold(5))
    admitted(bench.counter(release), 2)
    bench.restart(release, is_run_new=False)
    await bench.keeper.prepare(release)

    assert await bench.used() == {"2026-05-06": 2}
    assert admitted(bench.counter(release)) == 3


class BrokenOff:
    """A store whose next flush is broken off before or after its commit, and never answers."""

    def __init__(self, store: StoreThread, *, is_committed: bool) -> None:
        self._store = store
        self._is_committed = is_committed
        self.is_over = asyncio.Event()

    async def run(self, work: Work, *, is_mutation: bool, is_bounded: bool) -> Outcome:
        def broken_off(transaction: Transaction) -> None:
            work(transaction)
            if not self._is_committed:
                raise OSError("killed")

        if not is_mutation:
            return await self._store.run(work)
        with contextlib.suppress(OSError):
            await self._store.run(broken_off, is_mutation=True)
        self.is_over.set()
        return await asyncio.Future()


@pytest.mark.parametrize("is_committed", [True, False])
async def test_control_killed_in_a_flush_counts_nothing_twice_and_nothing_never(
    bench: Bench, is_committed: bool
) -> None:
    release = await bench.serve(gold(9))
    admitted(bench.counter(release), 2)
    await bench.keeper.flush()
    admitted(bench.counter(release, worker=1), 3)
    store: Any = BrokenOff(bench.store, is_committed=is_committed)
    dying = spawn(UsageKeeper(store, bench.table, bench.clock, release).flush(), "dying")
    await store.is_over.wait()
    assert await bench.used() == {"2026-05-06": 5 if is_committed else 2}
    admitted(bench.counter(release), 1)
    bench.restart(release, is_run_new=False)
    await bench.keeper.tick()
    await bench.keeper.tick()
    dying.cancel()

    assert await bench.used() == {"2026-05-06": 6}
    assert admitted(bench.counter(release)) == 3


async def test_a_commit_that_says_it_failed_and_did_not_counts_once(bench: Bench) -> None:
    release = await bench.serve(gold(9))
    admitted(bench.counter(release), 2)
    run = bench.store.run

    async def fails_late(*arguments: Any, **options: Any) -> Outcome:
        await run(*arguments, **options)
        raise OSError("disk")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bench.store, "run", fails_late)
        with pytest.raises(OSError, match="disk"):
            await bench.keeper.flush()
    admitted(bench.counter(release), 1)
    await bench.keeper.tick()

    assert await bench.used() == {"2026-05-06": 3}
    assert admitted(bench.counter(release)) == 6


async def test_a_row_that_changes_hands_after_a_broken_flush_owes_nothing(bench: Bench) -> None:
    release = await bench.serve(gold(5))
    counter = bench.counter(release)
    admitted(counter, 4)
    store: Any = BrokenOff(bench.store, is_committed=True)
    dying = spawn(UsageKeeper(store, bench.table, bench.clock, release).flush(), "dying")
    await store.is_over.wait()
    # By way of a new control process that knows the row's next owner alone.
    bench.restart(EMPTY, is_run_new=False)
    bench.state = UsageState(EMPTY, 16, 16)
    last = await bench.serve(gold(5, QuotaPeriod.DAY, "z"))
    dying.cancel()

    assert bench.counter(last, "z").row == counter.row
    assert admitted(bench.counter(last, "z")) == 5
    await bench.keeper.flush()
    assert sum((await bench.used()).values()) == 5


async def test_a_row_s_next_owner_begins_with_its_own(bench: Bench) -> None:
    first = await bench.serve(gold(5, QuotaPeriod.DAY, "k"))
    counter = bench.counter(first)
    admitted(counter, 4)
    await bench.serve()
    # Rows are given out again last: all others first.
    for number in range(14):
        await bench.serve(gold(5, QuotaPeriod.DAY, f"a{number}"))
    last = await bench.serve(gold(5, QuotaPeriod.DAY, "z"))

    assert bench.counter(last, "z").row == counter.row
    assert admitted(bench.counter(last, "z")) == 5
    await bench.keeper.flush()
    assert sum((await bench.used()).values()) == 5


async def test_a_changed_quota_counts_at_once(bench: Bench) -> None:
    release = await bench.serve(gold(5))
    assert admitted(bench.counter(release)) == 5
    release = await bench.serve(gold(7))
    assert admitted(bench.counter(release)) == 2
    release = await bench.serve(replace(gold(), quota=None))
    assert admitted(bench.counter(release)) == 20

    await bench.keeper.flush()
    assert await bench.used() == {"2026-05-06": 27}


async def test_a_grant_counts_after_a_refresh(bench: Bench) -> None:
    release = await bench.serve(gold(5))
    admitted(bench.counter(release))
    await bench.keeper.flush()
    await bench.store.run(
        lambda transaction: transaction.execute("UPDATE usage SET granted = 3"), is_mutation=True
    )
    await bench.keeper.refresh()

    assert admitted(bench.counter(release)) == 3


async def test_what_the_store_does_not_know_yet_is_counted_later(bench: Bench) -> None:
    release = await bench.serve(gold(5), is_mirrored=False)
    assert admitted(bench.counter(release)) == 5
    await bench.keeper.tick()
    assert await bench.used() == {}
    await bench.serve(gold(5))
    await bench.keeper.tick()

    assert await bench.used() == {"2026-05-06": 5}
    assert admitted(bench.counter(release)) == 0


async def test_a_store_that_fails_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = await bench.serve(gold(5))
    admitted(bench.counter(release))

    async def busy(*_: Any, **__: Any) -> Any:
        raise too_many_requests("busy")

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "run", busy)
        with pytest.raises(ControlError, match="busy"):
            await bench.keeper.tick()
    await bench.keeper.tick()

    assert await bench.used() == {"2026-05-06": 5}


async def test_calls_that_wait_for_the_store_hold_up_no_usage(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = await bench.serve(gold(5))
    admitted(bench.counter(release), 2)
    monkeypatch.setattr(thread, "WAITING", 0)

    await bench.keeper.refresh()
    monkeypatch.undo()

    assert await bench.used() == {"2026-05-06": 2}


async def test_it_runs_until_it_is_cancelled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(usage_keeper, "FLUSH_SECONDS", 0.0)
    failures: list[Exception] = [too_many_requests("busy"), RuntimeError("a bug")]
    ticked = asyncio.Event()

    async def tick() -> None:
        if failures:
            raise failures.pop(0)
        ticked.set()

    monkeypatch.setattr(bench.keeper, "tick", tick)
    running = spawn(bench.keeper.run(), "keeper")
    await ticked.wait()
    running.cancel()
    await asyncio.wait([running])

    assert "usage is stored later" in caplog.text
    assert "it is tried again" in caplog.text
    assert repr(bench.keeper) == "<UsageKeeper 0 keys in plans, 2026-05-06>"


async def test_a_flush_comes_at_midnight_at_the_latest(bench: Bench) -> None:
    assert bench.keeper._pause() == 1.0
    bench.clock.time = NOON + DAY / 2 - 0.25

    assert bench.keeper._pause() == pytest.approx(0.251)
