from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from gateway.store.database import Store
from gateway.store.tables import ACCOUNT, TAG
from gateway.store.transaction import Changes, Transaction
from tests.unit.store.stores import done, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path)
    yield made
    made.close()


def fail_within_a_savepoint(transaction: Transaction) -> None:
    with transaction.savepoint():
        transaction.insert_all(TAG, [{"target": "/a", "name": "undone", "value": ""}])
        transaction.changes.apis.add("a")
        transaction.changes.flushes.add(("a", "prod"))
        raise ValueError("no")


def test_a_savepoint_undoes_what_is_within_and_keeps_what_was_before(store: Store) -> None:
    def work(transaction: Transaction) -> list[str]:
        transaction.insert_all(TAG, [{"target": "/a", "name": "kept", "value": ""}])
        with pytest.raises(ValueError, match="no"):
            fail_within_a_savepoint(transaction)
        assert not transaction.changes
        return [row.name for row in transaction.rows(select(TAG))]

    assert done(store, work) == ["kept"]


def test_a_savepoint_that_fails_keeps_the_changes_before_it(store: Store) -> None:
    def work(transaction: Transaction) -> Changes:
        transaction.changes.apis.add("before")
        with pytest.raises(ValueError, match="no"):
            fail_within_a_savepoint(transaction)
        return transaction.changes

    assert done(store, work) == Changes(apis={"before"})


def test_rows_are_inserted_found_and_counted(store: Store) -> None:
    def work(transaction: Transaction) -> None:
        sequence = transaction.insert(ACCOUNT, features=["x"])
        query = select(ACCOUNT).where(ACCOUNT.c.sequence == sequence)
        assert transaction.one(query).features == ["x"]
        assert transaction.row(query) is not None
        assert transaction.has(ACCOUNT, ACCOUNT.c.sequence == sequence)
        assert transaction.value(query.with_only_columns(ACCOUNT.c.sequence)) == sequence
        assert transaction.run(delete(ACCOUNT).where(ACCOUNT.c.sequence == sequence)) == 1
        assert transaction.row(query) is None
        transaction.insert_all(TAG, [])

    done(store, work)


def test_changes_add_up() -> None:
    changes = Changes()
    assert not changes

    changes.update(Changes(apis={"a"}, are_domains_changed=True))
    changes.update(Changes(apis={"b"}, is_usage_changed=True))

    assert changes == Changes({"a", "b"}, is_usage_changed=True, are_domains_changed=True)


def test_rows_are_read_as_they_are_asked_for(store: Store) -> None:
    def work(transaction: Transaction) -> list[str]:
        rows = [{"target": "/a", "name": str(number), "value": ""} for number in range(100)]
        transaction.insert_all(TAG, rows)
        found = transaction.each(select(TAG).order_by(TAG.c.name))
        first = next(found).name
        # Others may be asked for meanwhile.
        assert transaction.has(TAG, TAG.c.name == "99")
        second = next(found).name
        found.close()
        return [first, second]

    assert done(store, work) == ["0", "1"]


def test_a_statement_runs_once_with_each_row(store: Store) -> None:
    def work(transaction: Transaction) -> list[tuple[str, ...]]:
        statement = "INSERT INTO tag (target, name, value) VALUES ('/a', ?, ?)"
        transaction.execute_all(statement, [("n", "1"), ("m", "2")])
        transaction.execute_all(statement, [])
        return transaction.execute("SELECT name, value FROM tag ORDER BY name")

    assert done(store, work) == [("m", "2"), ("n", "1")]
