from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from gateway.control.api import audit
from gateway.control.api.audit import REDACTED, event_of, note, redacted
from gateway.errors import bad_request
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers, call_of


def test_an_event_has_the_fields_of_cloudtrail() -> None:
    call = call_of(
        "UpdateStage",
        labels={"restapi_id": "a", "stage_name": "prod"},
        body={"patchOperations": [{"op": "replace", "path": "/description", "value": "x"}]},
    )

    event = event_of(0.5, call, {"stageName": "prod"}, bad_request("no"))

    assert event["eventTime"] == "1970-01-01T00:00:00.500Z"
    assert event["eventID"] == str(UUID(event["eventID"]))
    assert event["eventName"] == "UpdateStage"
    assert event["userIdentity"]["userName"] == "tester"
    assert event["sourceIPAddress"] == "127.0.0.1"
    assert event["requestParameters"] == {
        "restapi_id": "a",
        "stage_name": "prod",
        "patchOperations": [{"op": "replace", "path": "/description", "value": "x"}],
    }
    assert event["responseElements"] == {"stageName": "prod"}
    assert (event["errorCode"], event["errorMessage"]) == ("BadRequestException", "no")


@pytest.mark.parametrize("name", ["CreateApiKey", "CreateUsagePlanKey"])
def test_the_value_of_a_key_is_no_ones_business(name: str) -> None:
    event = event_of(0.0, call_of(name, body={"value": "secret"}), {"value": "secret"}, None)

    assert event["requestParameters"] == {"value": REDACTED}
    assert event["responseElements"] == {"value": REDACTED}
    assert b"secret" not in orjson.dumps(event)


def test_private_keys_are_hidden_however_deep() -> None:
    assert redacted({"a": [{"certificatePrivateKey": "x", "b": "y"}]}) == {
        "a": [{"certificatePrivateKey": REDACTED, "b": "y"}]
    }


def test_a_long_record_tells_the_outline(handlers: Handlers) -> None:
    call = call_of("CreateRestApi", body={"description": "x" * 100_000})

    def work(transaction: Transaction) -> bytes:
        note(transaction, call, None, revision=1)
        ((record,),) = transaction.execute("SELECT record FROM audit")
        return bytes(record, "utf-8")

    record = orjson.loads(handlers.store.run(work).value)
    assert record["requestParameters"] == {"omitted": "too long"}


def test_the_oldest_records_go(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "RECORDS_MAX", 3)
    monkeypatch.setattr(audit, "_PRUNE_EVERY", 5)

    def work(transaction: Transaction) -> list[tuple[int, ...]]:
        for _ in range(10):
            note(transaction, call_of("DeleteRestApi"), None, revision=1)
        return transaction.execute("SELECT sequence FROM audit")

    assert handlers.store.run(work).value == [(8,), (9,), (10,)]


def test_the_oldest_records_go_when_all_are_too_long(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "TRAIL_BYTES", 5000)
    monkeypatch.setattr(audit, "_PRUNE_EVERY", 5)

    def work(transaction: Transaction) -> list[tuple[int, ...]]:
        call = call_of("CreateRestApi", body={"name": "ü" * 1000})
        for _ in range(10):
            note(transaction, call, None, revision=1)
        lengths = transaction.execute(
            "SELECT count(*), sum(length(CAST(record AS BLOB))) FROM audit"
        )
        return [*lengths, *transaction.execute("SELECT bytes FROM audit_size")]

    (count, held), (counted,) = handlers.store.run(work).value
    assert 0 < count < 3
    assert counted == held <= 5000
