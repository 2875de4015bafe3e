"""Rows that stand below other rows, made equal to what is wanted: a few statements for thousands.

Plain SQL on the driver: SQLAlchemy's share of one statement is as much as inserting thirty rows.
What did not change is not written. Where the keys below a parent, or their order, are others than
before, all its rows are written anew: their order is what clients and the data plane see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.store.transaction import Transaction

Columns = tuple[Any, ...]
"""A row's values as SQLite takes them, without `sequence` and parent; its key comes first."""


class Level:
    """One table of a tree. Immutable."""

    __slots__ = ("_delete", "_insert", "_last", "_select", "_update")

    def __init__(self, table: str, *, parent: str, columns: Sequence[str], way: str = "") -> None:
        """Name the table, the column that points at the parent's `sequence`, and the others.

        `columns[0]` is the key: unique below a parent. `way` joins the tables between this one and
        the one that has the owner's `sequence` in its column `api`; empty: this one has it.
        """
        names = ", ".join(columns)
        listed = ", ".join(f"{table}.{name}" for name in (parent, *columns))
        self._select = (
            f"SELECT {table}.sequence, {listed} FROM {table} {way} "  # noqa: S608 (names of ours)
            f"WHERE api = ? ORDER BY {table}.sequence"
        )
        self._last = f"SELECT coalesce(max(sequence), 0) FROM {table}"  # noqa: S608
        self._delete = f"DELETE FROM {table} WHERE sequence = ?"  # noqa: S608
        assigned = ", ".join(f"{name} = ?" for name in columns)
        self._update = f"UPDATE {table} SET {assigned} WHERE sequence = ?"  # noqa: S608
        places = ", ".join("?" * (2 + len(columns)))
        given = f"(sequence, {parent}, {names}) VALUES ({places})"
        self._insert = f"INSERT INTO {table} {given}"

    def __repr__(self) -> str:
        return f"<Level {self._delete.split()[2]}>"

    def sync(
        self, transaction: Transaction, owner: int, wanted: Mapping[int, Sequence[Columns]]
    ) -> dict[int, list[int]]:
        """Make the rows below each parent those that are wanted, in their order.

        What stands below other parents of the same owner is deleted, and with each row all that
        stands below it. Returns the rows' `sequence`s by parent.
        """
        before: dict[int, list[Columns]] = {}
        for row in transaction.execute(self._select, (owner,)):
            before.setdefault(row[1], []).append(row)
        sequences: dict[int, list[int]] = {}
        changed: list[Columns] = []
        anew: list[int] = []
        for parent, rows in wanted.items():
            known = before.get(parent, ())
            if [row[2] for row in known] != [row[0] for row in rows]:
                anew.append(parent)
                continue
            before.pop(parent, None)
            sequences[parent] = [row[0] for row in known]
            changed += [
                (*new, old[0]) for old, new in zip(known, rows, strict=True) if old[2:] != new
            ]
        gone = [(row[0],) for rows in before.values() for row in rows]
        (last,) = transaction.execute(self._last)[0]
        transaction.execute_all(self._delete, gone)
        transaction.execute_all(self._update, changed)
        transaction.execute_all(self._insert, _numbered(wanted, anew, last, sequences))
        return sequences


def _numbered(
    wanted: Mapping[int, Sequence[Columns]],
    parents: Iterable[int],
    last: int,
    sequences: dict[int, list[int]],
) -> list[Columns]:
    """Return the rows of some parents with `sequence`s after `last`, which are noted."""
    rows: list[Columns] = []
    for parent in parents:
        numbers = list(range(last + 1, last + 1 + len(wanted[parent])))
        rows += [
            (number, parent, *row) for number, row in zip(numbers, wanted[parent], strict=True)
        ]
        last += len(numbers)
        sequences[parent] = numbers
    return rows
