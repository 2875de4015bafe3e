"""Migration 6: how many bytes the audit trail holds, so that it can be bounded by them. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    "CREATE TABLE audit_size (sequence INTEGER PRIMARY KEY, bytes INTEGER NOT NULL)",
    """
    INSERT INTO audit_size (sequence, bytes)
    SELECT 1, coalesce(sum(length(CAST(record AS BLOB))), 0) FROM audit
    """,
    """
    CREATE TRIGGER audit_grows AFTER INSERT ON audit
    BEGIN UPDATE audit_size SET bytes = bytes + length(CAST(new.record AS BLOB)); END
    """,
    """
    CREATE TRIGGER audit_shrinks AFTER DELETE ON audit
    BEGIN UPDATE audit_size SET bytes = bytes - length(CAST(old.record AS BLOB)); END
    """,
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
