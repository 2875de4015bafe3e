"""Handlers called with values: a store, no sockets, no HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.control.api.families import SERVED
from gateway.control.api.operations import OPERATIONS
from gateway.control.api.protocol import Call, Caller
from gateway.control.api.shapes import check_body
from gateway.store.database import Store
from gateway.store.transaction import Changes, Transaction
from tests.builders import FakeClock


class Handlers:
    """Calls operations by name, each in a transaction of its own."""

    def __init__(self, directory: Path, clock: Clock | None = None) -> None:
        # It stands: no day or month ends while a test counts what is left of it.
        self.store = Store(directory / "store.sqlite", clock or FakeClock())
        self.changes = Changes()
        """Of the last call."""

    def call(
        self,
        name: str,
        body: dict[str, Any] | None = None,
        query: dict[str, list[str]] | None = None,
        **labels: str,
    ) -> Any:
        """Return what an operation's handler returns; raise what it raises."""
        served, operation = SERVED[name], OPERATIONS[name]
        call = call_of(name, query=query, labels=labels)
        if served.body is not None:
            call.body = check_body(served.body, body or {}, operation.input_name)

        def work(transaction: Transaction) -> Any:
            return served.handler(transaction, call)

        outcome = self.store.run(work)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.changes is not None
        self.changes = outcome.changes
        return outcome.value

    def api(self, **members: Any) -> dict[str, Any]:
        """Make an API."""
        made: dict[str, Any] = self.call("CreateRestApi", {"name": "pets", **members})
        return made

    def method(self, **members: Any) -> dict[str, Any]:
        """Make an API whose root has a GET with a MOCK, and return the labels that name it."""
        api = self.api(**members)
        labels = {
            "restapi_id": api["id"],
            "resource_id": api["rootResourceId"],
            "http_method": "GET",
        }
        self.call("PutMethod", {"authorizationType": "NONE"}, **labels)
        self.call("PutIntegration", {"type": "MOCK"}, **labels)
        return labels

    def close(self) -> None:
        self.store.close()


def call_of(
    name: str = "GetRestApis",
    *,
    query: dict[str, list[str]] | None = None,
    labels: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
    user: str = "tester",
) -> Call:
    """Return a call of an operation."""
    return Call(
        operation=OPERATIONS[name],
        labels=labels or {},
        query=query or {},
        body=body or {},
        caller=Caller(user=user, source_ip="127.0.0.1", user_agent="test"),
        region="us-east-1",
        account="000000000000",
        request_id="r",
    )
