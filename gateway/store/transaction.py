"""What a handler sees of the store: one transaction, its moment, and what it changes for clients.

SQLAlchemy Core statements over the tables of `gateway.store.tables`; a handler neither commits nor
rolls back. Whatever it raises undoes all that it did.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, Select, Table, insert, select

from gateway.store.ids import free_id


@dataclass(slots=True)
class Changes:
    """What a transaction changes of what the data plane serves; empty for most."""

    apis: set[str] = field(default_factory=set)
    """Ids of APIs whose stages must be released anew, or no more."""
    is_usage_changed: bool = False
    """Whether API keys or usage plans must be released anew."""
    are_domains_changed: bool = False
    """Whether custom domain names must be released anew."""
    are_connections_changed: bool = False
    """Whether client certificates or VPC links must be released anew."""
    flushes: set[tuple[str, str]] = field(default_factory=set)
    """API id and name of stages whose caches must be emptied."""

    def __bool__(self) -> bool:
        return bool(
            self.apis
            or self.flushes
            or self.is_usage_changed
            or self.are_domains_changed
            or self.are_connections_changed
        )

    def update(self, other: Changes) -> None:
        """Add what another transaction changes."""
        self.apis |= other.apis
        self.is_usage_changed |= other.is_usage_changed
        self.are_domains_changed |= other.are_domains_changed
        self.are_connections_changed |= other.are_connections_changed
        self.flushes |= other.flushes


class Transaction:
    """One transaction on the store's thread."""

    __slots__ = ("_driver", "changes", "connection", "epoch")

    def __init__(self, connection: Connection, epoch: float) -> None:
        self.connection = connection
        self._driver: Any = connection.connection.driver_connection
        self.epoch = epoch
        """When it began, seconds since 1970: the one moment of all that it writes."""
        self.changes = Changes()

    def __repr__(self) -> str:
        return f"<Transaction at {self.epoch:.3f}, {self.changes}>"

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run a statement of SQL as it stands, and return its rows.

        For what every call does: SQLAlchemy's share of a statement is a tenth of a millisecond.
        """
        rows: list[tuple[Any, ...]] = self._driver.execute(statement, parameters).fetchall()
        return rows

    def execute_all(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement of SQL that writes, as it stands, once with each row's parameters."""
        if rows:
            self._driver.executemany(statement, rows)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done within when it raises; what was done before stays."""
        before = Changes()
        before.update(self.changes)
        self.execute("SAVEPOINT inner_work")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO inner_work")
            self.execute("RELEASE inner_work")
            self.changes = before
            raise
        self.execute("RELEASE inner_work")

    def row(self, statement: Select[*tuple[Any, ...]]) -> Row[*tuple[Any, ...]] | None:
        """Return the only row of a query, or None."""
        return self.connection.execute(statement).one_or_none()

    def one(self, statement: Select[*tuple[Any, ...]]) -> Row[*tuple[Any, ...]]:
        """Return the only row of a query that has one for sure."""
        return self.connection.execute(statement).one()

    def rows(self, statement: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return all rows of a query that is bounded by itself."""
        return self.connection.execute(statement).all()

    def each(
        self, statement: Select[*tuple[Any, ...]]
    ) -> Generator[Row[*tuple[Any, ...]], None, None]:
        """Yield the rows of a query as they are read; whoever leaves early closes it."""
        with closing(self.connection.execute(statement)) as rows:
            yield from rows

    def value(self, statement: Select[*tuple[Any, ...]]) -> Any:
        """Return the first column of a query's only row; None: there is no row."""
        return self.connection.execute(statement).scalar_one_or_none()

    def run(self, statement: Executable) -> int:
        """Run an update or a delete, and return how many rows it met."""
        return self.connection.execute(statement).rowcount

    def insert(self, table: Table, **values: Any) -> int:
        """Insert a row, and return its `sequence`; a table without one gives its row's number."""
        key = self.connection.execute(insert(table).values(**values)).inserted_primary_key
        return int(key[0]) if key is not None and isinstance(key[0], int) else 0

    def insert_all(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        """Insert rows that all have the same columns."""
        listed = list(rows)
        if listed:
            self.connection.execute(insert(table), listed)

    def has(self, table: Table, *conditions: ColumnElement[bool]) -> bool:
        """Whether any row meets all conditions."""
        statement = select(1).select_from(table).where(*conditions).limit(1)
        return self.connection.execute(statement).first() is not None

    def new_id(self, table: Table, length: int, *conditions: ColumnElement[bool]) -> str:
        """Return a random id that no row of `table` has among those that meet the conditions."""
        return free_id(length, lambda id_: self.has(table, table.c.id == id_, *conditions))
