"""More, through the command, is in tests/integration/test_export.py."""

from __future__ import annotations

from sqlalchemy import select, update

from gateway.store.left_out import left_out
from gateway.store.tables import REST_API
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers


def told(handlers: Handlers, served: int) -> list[str]:
    def work(transaction: Transaction) -> list[str]:
        return list(left_out(transaction, transaction.one(select(REST_API)), served))

    outcome = handlers.store.run(work)
    assert outcome.error is None
    sentences: list[str] = outcome.value
    return sentences


def test_nothing_is_left_out_of_a_plain_api(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)

    assert told(handlers, 1) == []


def test_a_log_without_a_format_is_told(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    operation = {
        "op": "replace",
        "path": "/accessLogSettings/destinationArn",
        "value": "arn:aws:logs:us-east-1:1:log-group:z",
    }
    handlers.call(
        "UpdateStage", {"patchOperations": [operation]}, restapi_id=api, stage_name="prod"
    )

    (sentence,) = told(handlers, 1)
    assert sentence.startswith("the accessLogSettings of stage prod are not exported")


def test_an_access_mode_of_an_older_store_is_told(handlers: Handlers) -> None:
    """Clients can set none any more."""
    handlers.method()
    handlers.store.run(
        lambda transaction: transaction.run(update(REST_API).values(endpoint_access_mode="STRICT"))
    )

    assert told(handlers, 0) == ["its endpointAccessMode, STRICT, is not exported"]


def test_only_leaves_without_methods_are_told_and_no_more_than_a_few(handlers: Handlers) -> None:
    made = handlers.method()
    below = {"restapi_id": made["restapi_id"], "parent_id": made["resource_id"]}
    first = handlers.call("CreateResource", {"pathPart": "a"}, **below)["id"]
    for index in range(12):
        handlers.call(
            "CreateResource",
            {"pathPart": f"p{index:02}"},
            restapi_id=made["restapi_id"],
            parent_id=first,
        )

    (sentence,) = told(handlers, 0)
    assert sentence.startswith("resources without methods are not exported (12): /a/p00, /a/p01")
    assert sentence.endswith("/a/p09, …")
