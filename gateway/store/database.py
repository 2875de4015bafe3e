"""The SQLite file: how it is opened, and how work on it becomes durable. No threads, no loop.

Work comes in batches: each piece has a savepoint of its own, all share one commit, and nobody is
answered before it. So a burst costs one sync of the disk, not one for each mutation, and a piece
that fails undoes nothing but itself. `synchronous=FULL` on a WAL: what was committed survives a
power cut.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from gateway.clock import Clock
from gateway.errors import ConfigurationError, Problem
from gateway.store.migrate import migrate
from gateway.store.transaction import Changes, Transaction

_log = logging.getLogger(__name__)

FILE_NAME: Final = "store.sqlite"

FAILURES: Final = (DBAPIError, sqlite3.Error)
"""What work on a store raises when the file, the disk or another writer is at fault."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    # In pages of 4 KiB: the log is folded into the file at 4 MB, and never keeps more than 16 MB
    # once that is done.
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 16777216",
)

Work = Callable[[Transaction], Any]
"""A piece of work: takes its transaction, returns a value; what it raises undoes it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a piece of work, once it is durable."""

    value: Any = None
    changes: Changes | None = None
    error: BaseException | None = None
    """What it raised: nothing of it was kept."""


class Store:
    """An open store. One thread opens, uses and closes it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open the file, making it if need be, and bring its schema up to date.

        Raises:
            ConfigurationError: it cannot be opened, is damaged, or is of a newer version.
        """
        self._path = path
        self._epoch = clock.epoch
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # It holds API keys: nobody else reads it, from its first moment on.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._engine = create_engine(
                f"sqlite:///{path}",
                isolation_level="AUTOCOMMIT",
                poolclass=StaticPool,
                json_serializer=_dumps,
                json_deserializer=orjson.loads,
            )
            self._connection = self._engine.connect()
            for pragma in _PRAGMAS:
                self._connection.exec_driver_sql(pragma)
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            applied = migrate(self._connection)
            self._connection.exec_driver_sql("COMMIT")
        except (OSError, DBAPIError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            text = f"the store {path} cannot be used: {reason}"
            raise ConfigurationError((Problem("data", text),)) from error
        if applied:
            _log.info("store %s: applied migration %s", path, ", ".join(map(str, applied)))

    def __repr__(self) -> str:
        return f"<Store {self._path}>"

    def run(self, work: Work, *, is_mutation: bool = True) -> Outcome:
        """Do one piece of work."""
        return self.run_batch([(work, is_mutation)])[0]

    def run_batch(self, batch: Sequence[tuple[Work, bool]]) -> list[Outcome]:
        """Do pieces of work in order, each whole or not at all; return once all is durable.

        With each piece stands whether it writes. A failure of the disk fails them all.
        """
        is_mutation = any(writes for _, writes in batch)
        connection = self._connection
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_mutation else "BEGIN")
            outcomes = [self._attempt(work) for work, _ in batch]
            connection.exec_driver_sql("COMMIT")
        except BaseException as error:
            _log.exception("the store refused a transaction; nothing of it was kept")
            self._roll_back(connection)
            if not isinstance(error, Exception):
                raise
            return [Outcome(error=error) for _ in batch]
        return outcomes

    def is_usable(self) -> bool:
        """Whether work can be done: the connection lives, and no former transaction is open."""
        try:
            driver: Any = self._connection.connection.driver_connection
            return not driver.in_transaction and driver.execute("SELECT 1").fetchone() == (1,)
        except Exception:  # noqa: BLE001 (whatever it is, it cannot be used)
            return False

    def close(self) -> None:
        """Fold the log into the file, and close it."""
        with contextlib.suppress(SQLAlchemyError):
            self._connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._engine.dispose()

    def _attempt(self, work: Work) -> Outcome:
        transaction = Transaction(self._connection, self._epoch())
        transaction.execute("SAVEPOINT work")
        try:
            value = work(transaction)
        except Exception as error:  # noqa: BLE001 (handed to whoever asked for the work)
            transaction.execute("ROLLBACK TO work")
            transaction.execute("RELEASE work")
            return Outcome(error=error)
        transaction.execute("RELEASE work")
        return Outcome(value, transaction.changes)

    @staticmethod
    def _roll_back(connection: Connection) -> None:
        # SQLite has rolled back already after some failures, such as a full disk.
        with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
            connection.exec_driver_sql("ROLLBACK")


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
