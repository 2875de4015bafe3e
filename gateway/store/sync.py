"""Rows made equal to what is wanted: those that are there stay in their place.

A row's `sequence` is its place in lists, which clients page through, and what other rows point at;
deleting and inserting anew would lose both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Table, delete, select, update

from gateway.store.transaction import Transaction


def sync_rows(
    transaction: Transaction,
    table: Table,
    owner: tuple[str, int],
    key: str,
    wanted: Iterable[Mapping[str, Any]],
) -> None:
    """Update, insert and delete rows of an owner until they are what is wanted.

    Args:
        transaction: The caller's.
        table: With a `sequence`; a column `id`, if there is one, is unique within the owner.
        owner: The column that names the owner, and its value.
        key: The column by which a row is known again; unique within the owner.
        wanted: All columns of each row but `sequence` and the owner's; new ones come last.
    """
    column, value = owner
    rows = transaction.rows(select(table).where(table.c[column] == value))
    before: dict[Any, dict[str, Any]] = {getattr(row, key): row._asdict() for row in rows}
    after = {row[key]: row for row in wanted}
    gone = [row["sequence"] for name, row in before.items() if name not in after]
    if gone:
        transaction.run(delete(table).where(table.c.sequence.in_(gone)))
    changed = {
        before[name]["sequence"]: values
        for name, values in after.items()
        if name in before and any(before[name][each] != new for each, new in values.items())
    }
    if "id" in table.c:
        free_ids(transaction, table, list(changed))
    for sequence, values in changed.items():
        transaction.run(update(table).where(table.c.sequence == sequence).values(**values))
    fresh = [values for name, values in after.items() if name not in before]
    transaction.insert_all(table, ({column: value, **values} for values in fresh))


def free_ids(transaction: Transaction, table: Table, sequences: list[int]) -> None:
    """Give rows ids that nobody has: two of them may be about to swap theirs."""
    for sequence in sequences:
        found = table.c.sequence == sequence
        transaction.run(update(table).where(found).values(id=f".{sequence}"))
