from __future__ import annotations

from typing import Any

from sqlalchemy import select

from gateway.store.sync import sync_rows
from gateway.store.tables import MODEL, REST_API
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers


def model(name: str, id_: str, schema: str = "{}") -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "description": None,
        "schema": schema,
        "content_type": "application/json",
    }


Shown = list[tuple[int, str, str, str]]
"""Place, name, id and schema of each model."""


def synced(handlers: Handlers, *wanted: list[dict[str, Any]]) -> list[Shown]:
    """Sync an API's models with each list, and return what is there after each."""
    handlers.api()

    def work(transaction: Transaction) -> list[Shown]:
        api = transaction.value(select(REST_API.c.sequence))
        listed = select(MODEL).where(MODEL.c.api == api).order_by(MODEL.c.sequence)
        found = []
        for rows in wanted:
            sync_rows(transaction, MODEL, ("api", api), "name", rows)
            models = transaction.rows(listed)
            found.append([(row.sequence, row.name, row.id, row.schema) for row in models])
        return found

    outcome = handlers.store.run(work)
    assert outcome.error is None, outcome.error
    found: list[Shown] = outcome.value
    return found


def test_what_stays_keeps_its_place_and_what_is_new_comes_last(handlers: Handlers) -> None:
    a, b, c = model("A", "a"), model("B", "b"), model("C", "c")

    before, after = synced(handlers, [a, b], [c, model("B", "b", schema="[]")])

    place = before[1][0]
    assert after[0] == (place, "B", "b", "[]")
    assert after[1][1:] == ("C", "c", "{}")
    assert len(after) == 2


def test_ids_may_be_swapped(handlers: Handlers) -> None:
    _, after = synced(
        handlers, [model("A", "a"), model("B", "b")], [model("A", "b"), model("B", "a")]
    )

    assert [row[1:3] for row in after] == [("A", "b"), ("B", "a")]
