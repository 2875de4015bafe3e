from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.clock import SystemClock
from gateway.control.api import refusals
from gateway.control.api.protocol import Caller
from gateway.control.api.refusals import Allowance, Refusals
from gateway.errors import access_denied
from gateway.store import thread
from gateway.store.database import Store
from gateway.store.thread import StoreThread
from tests.builders import FakeClock
from tests.unit.control.api.handlers import call_of

REFUSED = access_denied("no")
STRANGER = Caller(user="unknown", access_key="AKID", is_known=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreThread]:
    made = StoreThread(lambda: Store(tmp_path / "store.sqlite", SystemClock()))
    yield made
    made.close()


async def records(store: StoreThread) -> list[dict[str, Any]]:
    rows = await store.read(
        lambda transaction: transaction.execute("SELECT record FROM audit ORDER BY sequence")
    )
    return [orjson.loads(row[0]) for row in rows]


async def test_a_refused_mutation_is_a_record(store: StoreThread) -> None:
    noted = Refusals(store, FakeClock().now)

    await noted.note(call_of("DeleteRestApi", labels={"restapi_id": "a"}), REFUSED)
    await noted.note(call_of("GetRestApis"), REFUSED)

    (record,) = await records(store)
    assert record["eventName"] == "DeleteRestApi"
    assert record["errorCode"] == "AccessDeniedException"
    assert record["requestParameters"] == {"restapi_id": "a"}
    assert record["stagegateRevision"] is None


async def test_a_flood_is_counted_and_told_by_the_next_record(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "KNOWN_AT_ONCE", 2)
    clock = FakeClock()
    noted = Refusals(store, clock.now)

    for _ in range(5):
        await noted.note(call_of("DeleteRestApi"), REFUSED)
    assert repr(noted) == "<Refusals 3 omitted>"
    clock.time += 1.0
    await noted.note(call_of("DeleteRestApi"), REFUSED)

    found = await records(store)
    assert len(found) == 3
    assert found[-1]["additionalEventData"] == {"refusalsNotRecorded": 3}
    assert noted.omitted == 0


async def test_strangers_take_no_room_from_callers_who_are_known(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "STRANGERS_AT_ONCE", 1)
    noted = Refusals(store, FakeClock().now)

    for caller in (STRANGER, STRANGER, Caller(user="bob", access_key="AKIB")):
        call = call_of("DeleteRestApi")
        call.caller = caller
        await noted.note(call, REFUSED)

    assert [record["userIdentity"] for record in await records(store)] == [
        {
            "type": "Unknown",
            "accountId": "000000000000",
            "userName": "unknown",
            "accessKeyId": "AKID",
        },
        {
            "type": "IAMUser",
            "accountId": "000000000000",
            "userName": "bob",
            "accessKeyId": "AKIB",
        },
    ]


async def test_a_busy_store_is_left_to_those_who_may(
    store: StoreThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Refusals(store, FakeClock().now)
    monkeypatch.setattr(thread, "WAITING", 0)

    await noted.note(call_of("DeleteRestApi"), REFUSED)

    assert noted.omitted == 1


def test_an_allowance_is_so_many_at_once_and_so_many_a_second() -> None:
    allowance = Allowance(2.0, 3)

    assert [allowance.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.take(10.4)
    assert allowance.take(10.5)
    assert not allowance.take(10.5)
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert repr(allowance) == "<Allowance one in 0.5 s>"
