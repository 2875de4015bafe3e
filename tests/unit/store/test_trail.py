from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.store.tables import AUDIT
from gateway.store.trail import TrailQuery, read_trail
from gateway.store.transaction import Transaction
from tests.unit.store.stores import done, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> None:
        for number, (user, event) in enumerate([("a", "X"), ("b", "Y"), ("a", "Y")]):
            transaction.insert(
                AUDIT,
                event_epoch=float(number),
                event_name=event,
                user_name=user,
                record=f'{{"number": {number}}}',
            )

    done(store, work)
    store.close()
    return tmp_path / "store.sqlite"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (TrailQuery(), [0, 1, 2]),
        (TrailQuery(user="a"), [0, 2]),
        (TrailQuery(event="Y"), [1, 2]),
        (TrailQuery(since_epoch=1.0), [1, 2]),
        (TrailQuery(limit=1), [2]),
        (TrailQuery(user="nobody"), []),
        (TrailQuery(user="a' OR 1=1 --"), []),
    ],
)
def test_records_come_oldest_first(path: Path, query: TrailQuery, numbers: list[int]) -> None:
    assert [record["number"] for record in read_trail(path, query)] == numbers


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no store"):
        list(read_trail(tmp_path / "nothing", TrailQuery()))


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"something else" * 100)

    with pytest.raises(ConfigurationError, match="not a database"):
        list(read_trail(tmp_path / "store.sqlite", TrailQuery()))
