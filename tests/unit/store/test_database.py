from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from gateway.errors import ConfigurationError
from gateway.store.database import Store
from gateway.store.tables import DEPLOYMENT, REST_API, TAG
from gateway.store.transaction import Transaction
from tests.unit.store.stores import done, open_store


def tag(name: str) -> Any:
    def work(transaction: Transaction) -> str:
        transaction.connection.execute(insert(TAG).values(target="/x", name=name, value=""))
        return name

    return work


def names(transaction: Transaction) -> list[str]:
    return [row.name for row in transaction.rows(select(TAG.c.name).order_by(TAG.c.name))]


def failing(transaction: Transaction) -> None:
    tag("half")(transaction)
    raise ValueError("no")


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    open_store(tmp_path).close()

    assert (tmp_path / "store.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_was_done_is_there_after_reopening(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    done(store, tag("a"))
    store.close()

    store = open_store(tmp_path)
    assert done(store, names) == ["a"]
    store.close()


def test_durability_is_that_of_a_full_sync(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def pragmas(transaction: Transaction) -> list[Any]:
        wanted = ("journal_mode", "synchronous", "foreign_keys")
        return [transaction.execute(f"PRAGMA {name}")[0][0] for name in wanted]

    assert done(store, pragmas) == ["wal", 2, 1]
    store.close()


def test_a_failing_piece_of_a_batch_undoes_only_itself(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    outcomes = store.run_batch([(tag("a"), True), (failing, True), (tag("b"), True)])

    assert [outcome.value for outcome in outcomes] == ["a", None, "b"]
    assert isinstance(outcomes[1].error, ValueError)
    assert done(store, names) == ["a", "b"]
    store.close()


def test_a_refused_commit_fails_the_whole_batch(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def ends_the_transaction(transaction: Transaction) -> None:
        transaction.execute("ROLLBACK")

    outcomes = store.run_batch([(tag("a"), True), (ends_the_transaction, True)])

    assert all(outcome.error is not None for outcome in outcomes)
    assert done(store, names) == []
    store.close()


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"something else" * 1000)

    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_store(tmp_path)


def test_a_deployment_is_immutable_by_construction(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    done(store, made_deployment)

    def change(**values: Any) -> Any:
        return lambda transaction: transaction.run(update(DEPLOYMENT).values(**values))

    done(store, change(description="new"))
    for values in ({"definition": "[]"}, {"created_epoch": 2.0}, {"id": "b"}):
        with pytest.raises(DBAPIError, match="a deployment is immutable"):
            done(store, change(**values))
    store.close()


def made_deployment(transaction: Transaction) -> None:
    api = transaction.insert(
        REST_API,
        id="a",
        name="a",
        api_key_source="HEADER",
        binary_media_types=[],
        disable_execute_api_endpoint=False,
        endpoint_configuration={"types": ["EDGE"]},
        root_resource_id="r",
        created_epoch=1.0,
    )
    transaction.insert(DEPLOYMENT, id="a", api=api, created_epoch=1.0, definition="{}")


def test_deleting_an_api_takes_its_deployments(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    done(store, made_deployment)

    done(store, lambda transaction: transaction.execute("DELETE FROM rest_api"))

    assert done(store, lambda transaction: transaction.rows(select(DEPLOYMENT))) == []
    store.close()


def test_the_log_is_folded_in_at_the_end(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    done(store, tag("a"))
    store.close()

    assert not (tmp_path / "store.sqlite-wal").exists()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM tag").fetchone() == (1,)
    connection.close()


def test_a_store_tells_where_it_is(tmp_path: Path) -> None:
    store: Store = open_store(tmp_path)

    assert repr(store) == f"<Store {tmp_path / 'store.sqlite'}>"
    store.close()
