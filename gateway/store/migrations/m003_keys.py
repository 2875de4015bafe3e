"""Migration 3: API keys, usage plans, usage, client certificates, VPC links. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE api_key (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      value TEXT NOT NULL,
      name TEXT,
      description TEXT,
      customer_id TEXT,
      enabled INTEGER NOT NULL,
      stage_keys TEXT NOT NULL,
      created_epoch REAL NOT NULL,
      last_updated_epoch REAL NOT NULL,
      UNIQUE (id),
      UNIQUE (value)
    )
    """,
    """
    CREATE TABLE usage_plan (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT,
      product_code TEXT,
      throttle TEXT,
      quota TEXT,
      created_epoch REAL NOT NULL,
      UNIQUE (id)
    )
    """,
    """
    CREATE TABLE usage_plan_stage (
      sequence INTEGER PRIMARY KEY,
      usage_plan INTEGER NOT NULL,
      api_id TEXT NOT NULL,
      stage_name TEXT NOT NULL,
      throttle TEXT,
      UNIQUE (usage_plan, api_id, stage_name),
      FOREIGN KEY (usage_plan) REFERENCES usage_plan (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE usage_plan_key (
      sequence INTEGER PRIMARY KEY,
      usage_plan INTEGER NOT NULL,
      api_key INTEGER NOT NULL,
      created_epoch REAL NOT NULL,
      UNIQUE (usage_plan, api_key),
      FOREIGN KEY (usage_plan) REFERENCES usage_plan (sequence) ON DELETE CASCADE,
      FOREIGN KEY (api_key) REFERENCES api_key (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE usage (
      sequence INTEGER PRIMARY KEY,
      usage_plan INTEGER NOT NULL,
      api_key INTEGER NOT NULL,
      day TEXT NOT NULL,
      used INTEGER NOT NULL,
      granted INTEGER NOT NULL,
      UNIQUE (usage_plan, api_key, day),
      FOREIGN KEY (usage_plan) REFERENCES usage_plan (sequence) ON DELETE CASCADE,
      FOREIGN KEY (api_key) REFERENCES api_key (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE client_certificate (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      description TEXT,
      certificate TEXT NOT NULL,
      created_epoch REAL NOT NULL,
      expiration_epoch REAL NOT NULL,
      UNIQUE (id)
    )
    """,
    """
    CREATE TABLE client_certificate_key (
      sequence INTEGER PRIMARY KEY,
      client_certificate INTEGER NOT NULL,
      private_key TEXT NOT NULL,
      UNIQUE (client_certificate),
      FOREIGN KEY (client_certificate) REFERENCES client_certificate (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE vpc_link (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT,
      target_arns TEXT NOT NULL,
      created_epoch REAL NOT NULL,
      UNIQUE (id)
    )
    """,
    "CREATE INDEX usage_plan_stage_name ON usage_plan_stage (api_id, stage_name)",
    "CREATE INDEX usage_plan_key_api_key ON usage_plan_key (api_key)",
    "CREATE INDEX usage_api_key ON usage (api_key)",
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
