from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.errors import ConfigurationError, ControlError
from gateway.store import thread
from gateway.store.database import Outcome, Store, Work
from gateway.store.tables import TAG
from gateway.store.thread import StoreThread
from gateway.store.transaction import Transaction
from tests.unit.store.stores import open_store


def tag(name: str) -> Work:
    def work(transaction: Transaction) -> str:
        transaction.insert_all(TAG, [{"target": "/x", "name": name, "value": ""}])
        return name

    return work


def count(transaction: Transaction) -> int:
    return len(transaction.rows(select(TAG)))


async def test_work_is_done_in_order_and_off_the_loop(tmp_path: Path) -> None:
    store = StoreThread(lambda: open_store(tmp_path))
    threads: set[int] = set()

    def where(_: Transaction) -> None:
        threads.add(threading.get_ident())

    await asyncio.gather(*(store.run(tag(str(n)), is_mutation=True) for n in range(100)))
    await store.run(where)

    assert await store.read(count) == 100
    assert threads.isdisjoint({threading.get_ident()})
    store.close()


async def test_what_work_raises_reaches_whoever_asked(tmp_path: Path) -> None:
    store = StoreThread(lambda: open_store(tmp_path))

    def fails(_: Transaction) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.run(fails, is_mutation=True)
    assert await store.read(count) == 0
    store.close()


async def test_a_mutation_is_done_even_if_nobody_waits_any_more(tmp_path: Path) -> None:
    store = StoreThread(lambda: open_store(tmp_path))
    gate = threading.Event()

    def waits(transaction: Transaction) -> Any:
        gate.wait(10)
        return tag("a")(transaction)

    waiting = asyncio.get_running_loop().create_task(store.run(waits, is_mutation=True))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()

    assert await store.read(count) == 1
    store.close()


def test_too_much_waiting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "WAITING", 2)
    store = StoreThread(lambda: open_store(tmp_path))
    gate = threading.Event()
    began = threading.Event()

    def waits(_: Transaction) -> None:
        began.set()
        gate.wait(10)

    store.submit(waits, is_mutation=False)
    began.wait(10)
    waiting = [store.submit(count, is_mutation=False) for _ in range(2)]
    with pytest.raises(ControlError, match="TooManyRequestsException"):
        store.submit(count, is_mutation=False)
    gate.set()

    assert [each.result(10) for each in waiting] == [Outcome(0, waiting[0].result().changes)] * 2
    store.close()


def test_a_store_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    def broken() -> Store:
        raise ConfigurationError(())

    with pytest.raises(ConfigurationError):
        StoreThread(broken)


async def test_whatever_happens_whoever_waits_is_told_and_the_thread_goes_on(
    tmp_path: Path,
) -> None:
    lost: list[str] = []
    store = StoreThread(lambda: open_store(tmp_path), lambda: lost.append("lost"))

    def exits(_: Transaction) -> None:
        raise SystemExit

    def spoils(transaction: Transaction) -> None:
        transaction.execute("ROLLBACK")

    with pytest.raises(RuntimeError, match="SystemExit"):
        await store.run(exits, is_mutation=True)
    with pytest.raises(Exception, match="savepoint"):
        await store.run(spoils, is_mutation=True)

    await store.run(tag("a"), is_mutation=True)
    assert await store.read(count) == 1
    assert lost == []
    store.close()


async def test_a_lost_connection_is_told_at_once(tmp_path: Path) -> None:
    lost: list[str] = []
    store = StoreThread(lambda: open_store(tmp_path), lambda: lost.append("lost"))

    def closes(transaction: Transaction) -> None:
        transaction.connection.connection.close()

    def is_told() -> bool:
        return bool(lost)

    for work in (closes, count):
        with pytest.raises(Exception, match=r".") as error:
            await store.run(work, is_mutation=True)
        assert not isinstance(error.value, asyncio.CancelledError)

    store.close()
    assert is_told()


def test_what_must_happen_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "WAITING", 0)
    store = StoreThread(lambda: open_store(tmp_path))

    with pytest.raises(ControlError, match="TooManyRequestsException"):
        store.submit(count, is_mutation=False)
    assert store.submit(count, is_mutation=False, is_bounded=False).result(10).value == 0
    store.close()


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    store = StoreThread(lambda: open_store(tmp_path))
    outcomes = [store.submit(tag(str(n)), is_mutation=True) for n in range(200)]

    store.close()

    assert all(outcome.result(0).error is None for outcome in outcomes)
