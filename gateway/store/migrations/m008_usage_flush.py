"""Migration 8: the number of the last flush of usage, so that none counts twice. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    "CREATE TABLE usage_flush (sequence INTEGER PRIMARY KEY, number INTEGER NOT NULL)",
    "INSERT INTO usage_flush (sequence, number) VALUES (1, 0)",
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
