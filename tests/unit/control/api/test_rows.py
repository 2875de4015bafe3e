from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.control.api.lookups import row_of
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.errors import ControlError
from gateway.store.database import FILE_NAME, Store
from gateway.store.tables import VPC_LINK
from gateway.store.transaction import Transaction
from tests.builders import FakeClock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / FILE_NAME, FakeClock())
    yield opened
    opened.close()


def add(transaction: Transaction, id_: str) -> None:
    transaction.insert(VPC_LINK, id=id_, name=id_, target_arns=[], created_epoch=0.0)


def test_only_the_row_itself_is_written(store: Store) -> None:
    def work(transaction: Transaction) -> dict[str, str]:
        for id_ in ("a", "b"):
            add(transaction, id_)
        row = row_of(transaction, select(VPC_LINK).where(VPC_LINK.c.id == "a"), "unknown")
        write_row(transaction, VPC_LINK, row, {})
        write_row(transaction, VPC_LINK, row, {"name": "new"})
        return {each.id: each.name for each in transaction.rows(select(VPC_LINK))}

    assert store.run(work).value == {"a": "new", "b": "b"}


def test_what_is_not_there_is_named_in_the_words_given(store: Store) -> None:
    outcome = store.run(lambda each: row_of(each, select(VPC_LINK), "Invalid thing specified"))

    assert isinstance(outcome.error, ControlError)
    assert str(outcome.error) == "NotFoundException: Invalid thing specified"


def test_one_more_than_there_may_be_is_refused(store: Store) -> None:
    def work(transaction: Transaction) -> None:
        for id_ in ("a", "b"):
            refuse_one_more(transaction, VPC_LINK, 2, "At most 2 are kept")
            add(transaction, id_)
        refuse_one_more(transaction, VPC_LINK, 2, "At most 2 are kept", VPC_LINK.c.id != "a")
        refuse_one_more(transaction, VPC_LINK, 2, "At most 2 are kept")

    outcome = store.run(work)

    assert str(outcome.error) == "LimitExceededException: At most 2 are kept"
