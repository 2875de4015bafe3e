"""What the families do alike with rows, whatever is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, select, update

from gateway.control.api.lookups import AnyRow
from gateway.errors import limit_exceeded
from gateway.store.transaction import Transaction


def write_row(
    transaction: Transaction, table: Table, row: AnyRow, changed: Mapping[str, Any]
) -> None:
    """Write the columns of a row that changed, if any did."""
    if changed:
        same = table.c.sequence == row.sequence
        transaction.run(update(table).where(same).values(**changed))


def refuse_one_more(
    transaction: Transaction,
    table: Table,
    most: int,
    message: str,
    *conditions: ColumnElement[bool],
) -> None:
    """Refuse to add a row where `most` meet the conditions already.

    Raises:
        ControlError: (LimitExceededException) with this message.
    """
    last = select(table.c.sequence).where(*conditions).offset(most - 1).limit(1)
    if transaction.value(last) is not None:
        raise limit_exceeded(message)
