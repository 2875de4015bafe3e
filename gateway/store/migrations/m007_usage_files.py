"""Migration 7: usage plans and API keys of files; plans in shadow. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    "ALTER TABLE api_key ADD COLUMN file TEXT",
    "ALTER TABLE usage_plan ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage_plan ADD COLUMN file TEXT",
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
