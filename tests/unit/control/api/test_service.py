from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.control.api.protocol import Answer, Call, Caller, Served
from gateway.control.api.service import (
    ControlAnswer,
    ControlApi,
    ControlRequest,
    error_answer,
    parse_query,
)
from gateway.control.api.tags import put_tags, tags_of
from gateway.errors import ControlError, access_denied, bad_request, too_many_requests
from gateway.store.database import Store
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes, Transaction


def breaks(_transaction: Transaction, _call: Call) -> Answer:
    raise RuntimeError("a secret of the inside")


def half(transaction: Transaction, _call: Call) -> Answer:
    put_tags(transaction, "/x", {"a": "b"})
    transaction.changes.apis.add("a")
    raise bad_request("no")


def changes(transaction: Transaction, _call: Call) -> Answer:
    put_tags(transaction, "/x", {"a": "b"})
    transaction.changes.apis.add("a")
    return {"id": "x"}


def raw(_transaction: Transaction, call: Call) -> Answer:
    return {"length": len(call.raw)}


def keys(_transaction: Transaction, _call: Call) -> Answer:
    return {"item": [{"id": "k", "value": "secret"}]}


SERVED = {
    "GetAccount": Served(breaks),
    "DeleteRestApi": Served(half),
    "CreateUsagePlan": Served(changes),
    "ImportApiKeys": Served(raw, is_raw=True),
    "GetUsage": Served(changes),
    "GetUsagePlanKeys": Served(keys),
}


class Harness:
    """A control API with a few handlers of its own."""

    def __init__(self, directory: Path) -> None:
        self.role = "admin"
        self.is_served = True
        self.published: list[Changes] = []
        self.flushed = 0
        self.store = StoreThread(lambda: Store(directory / "store.sqlite", SystemClock()))
        self.api = ControlApi(
            store=self.store,
            gate=self,
            publish=self._publish,
            region="r",
            account="1",
            served=SERVED,
            flush_usage=self._flush,
        )

    def admit(self, request: ControlRequest) -> Caller:
        if self.role == "nobody":
            raise access_denied("no")
        return Caller(user="u", role=self.role)

    async def ask(
        self, verb: str, path: str, body: bytes = b"", query: str = ""
    ) -> tuple[ControlAnswer, Any]:
        answer = await self.api.answer(
            ControlRequest(
                verb=verb, path=path, query=query, headers=(), body=body, source_ip="::1"
            )
        )
        return answer, json.loads(answer.body) if answer.body else None

    async def _flush(self) -> None:
        self.flushed += 1

    async def _publish(self, changes: Changes) -> bool:
        self.published.append(changes)
        return self.is_served


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    made = Harness(tmp_path)
    yield made
    made.store.close()


async def test_a_bug_is_500_without_detail(harness: Harness) -> None:
    answer, told = await harness.ask("GET", "/account")

    assert answer.status == 500
    assert answer.headers["x-amzn-ErrorType"] == "InternalServerErrorException"
    assert told == {"message": "Internal server error"}


async def test_a_refusal_leaves_nothing_and_publishes_nothing(harness: Harness) -> None:
    answer, _ = await harness.ask("DELETE", "/restapis/a")

    assert answer.status == 400
    assert await harness.store.read(lambda transaction: tags_of(transaction, "/x")) == {}
    assert harness.published == []


async def test_what_changes_what_is_served_is_published(harness: Harness) -> None:
    answer, told = await harness.ask("POST", "/usageplans")

    assert (answer.status, told) == (201, {"id": "x"})
    assert harness.published == [Changes({"a"})]


async def test_a_raw_body_reaches_its_handler_as_it_is(harness: Harness) -> None:
    answer, told = await harness.ask("POST", "/apikeys", b"\xff\x00a", "mode=import&format=csv")

    assert (answer.status, told) == (201, {"length": 3})


async def test_what_was_counted_is_stored_before_usage_is_told(harness: Harness) -> None:
    await harness.ask("POST", "/usageplans")
    assert harness.flushed == 0
    answer, _ = await harness.ask("GET", "/usageplans/x/usage")

    assert (answer.status, harness.flushed) == (200, 1)


async def test_who_may_only_read_gets_no_further(harness: Harness) -> None:
    harness.role = "read-only"

    answer, told = await harness.ask("POST", "/usageplans")

    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert "read-only" in told["message"]


async def refused(harness: Harness) -> list[tuple[str, str]]:
    """Return event and error of every refusal in the trail."""
    rows: list[tuple[str, str]] = await harness.store.read(
        lambda transaction: transaction.execute(
            "SELECT event_name, error_code FROM audit WHERE error_code IS NOT NULL "
            "ORDER BY sequence"
        )
    )
    return rows


async def test_every_refused_mutation_leaves_a_record(harness: Harness) -> None:
    await harness.ask("DELETE", "/restapis/a")
    await harness.ask("POST", "/usageplans", b'{"wrong": 1}')
    await harness.ask("POST", "/restapis")
    await harness.ask("GET", "/apikeys")
    harness.role = "read-only"
    await harness.ask("POST", "/usageplans")
    harness.role = "nobody"
    await harness.ask("DELETE", "/restapis/a")
    await harness.ask("DELETE", "/nothing")
    await harness.ask("GET", "/apikeys")

    assert await refused(harness) == [
        ("DeleteRestApi", "BadRequestException"),
        ("CreateUsagePlan", "BadRequestException"),
        ("CreateRestApi", "BadRequestException"),
        ("CreateUsagePlan", "AccessDeniedException"),
        ("DeleteRestApi", "AccessDeniedException"),
    ]


async def test_the_record_of_a_wrong_body_has_nothing_of_the_body(harness: Harness) -> None:
    await harness.ask("POST", "/usageplans", b'{"certificatePrivateKey": "secret"}')

    ((record,),) = await harness.store.read(
        lambda transaction: transaction.execute("SELECT record FROM audit")
    )
    assert json.loads(record)["requestParameters"] == {}


async def test_whoever_may_only_read_sees_no_values_of_keys(harness: Harness) -> None:
    _, shown = await harness.ask("GET", "/usageplans/a/keys")
    harness.role = "read-only"
    _, hidden = await harness.ask("GET", "/usageplans/a/keys")

    assert shown == {"item": [{"id": "k", "value": "secret"}]}
    assert hidden == {"item": [{"id": "k", "value": "HIDDEN_DUE_TO_SECURITY_REASONS"}]}


async def test_what_is_served_later_is_told_so(harness: Harness) -> None:
    served, _ = await harness.ask("POST", "/usageplans")
    harness.is_served = False
    pending, _ = await harness.ask("POST", "/usageplans")

    assert "x-stagegate-pending" not in served.headers
    assert pending.headers["x-stagegate-pending"] == "true"


async def test_what_is_not_served_is_told_so(harness: Harness) -> None:
    answer, told = await harness.ask("GET", "/apikeys")

    assert (answer.status, told) == (400, {"message": "GetApiKeys is not supported yet"})


async def test_every_answer_has_an_id_of_its_own(harness: Harness) -> None:
    ids = {
        (await harness.ask("GET", path))[0].headers["x-amzn-RequestId"]
        for path in ("/apikeys", "/account", "/nothing")
    }
    ids.add(harness.api.refuse(bad_request("no")).headers["x-amzn-RequestId"])

    assert len(ids) == 4


def test_a_query_is_parsed_within_bounds() -> None:
    assert parse_query("a=1&b=&a=%C3%A4") == {"a": ["1", "ä"], "b": [""]}
    for text in ("a" * 8193, "a=%FF", "&".join(["a=1"] * 201)):
        with pytest.raises(ControlError, match="BadRequestException"):
            parse_query(text)


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    assert error_answer(too_many_requests("x")).headers["Retry-After"] == "1"
