"""Brings a store's schema up to date."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from gateway.errors import ConfigurationError, Problem
from gateway.store.migrations import MIGRATIONS


def migrate(
    connection: Connection, migrations: Mapping[int, tuple[str, ...]] = MIGRATIONS
) -> list[int]:
    """Apply every migration that the store has not seen, and return their numbers.

    The caller holds the transaction: all are applied, or none.

    Raises:
        ConfigurationError: the store was written by a newer version of Stagegate.
    """
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY) STRICT"
    )
    applied = set(connection.exec_driver_sql("SELECT number FROM migration").scalars())
    unknown = sorted(applied - migrations.keys())
    if unknown:
        text = (
            f"the store holds migration {unknown[-1]}, which this version does not know: it was "
            "written by a newer Stagegate; run that one, or restore an older copy of the store"
        )
        raise ConfigurationError((Problem("data", text),))
    missing = sorted(migrations.keys() - applied)
    for number in missing:
        for statement in migrations[number]:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO migration (number) VALUES (?)", (number,))
    return missing
