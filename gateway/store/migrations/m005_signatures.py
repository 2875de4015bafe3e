"""Migration 5: signatures of mutations, so that none counts twice after a restart. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE signature (
      mark TEXT PRIMARY KEY NOT NULL,
      until_epoch REAL NOT NULL
    )
    """,
    "CREATE INDEX signature_until ON signature (until_epoch)",
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
