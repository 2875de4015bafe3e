"""Migration 4: custom domain names with their mappings, and documentation. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE domain_name (
      sequence INTEGER PRIMARY KEY,
      domain_name TEXT NOT NULL,
      certificate_name TEXT,
      certificate_arn TEXT,
      certificate_epoch REAL,
      regional_certificate_name TEXT,
      regional_certificate_arn TEXT,
      ownership_verification_certificate_arn TEXT,
      endpoint_configuration TEXT NOT NULL,
      security_policy TEXT NOT NULL,
      endpoint_access_mode TEXT,
      mutual_tls_authentication TEXT,
      routing_mode TEXT NOT NULL,
      target_label TEXT NOT NULL,
      created_epoch REAL NOT NULL,
      file TEXT,
      file_digest TEXT,
      UNIQUE (domain_name)
    )
    """,
    """
    CREATE TABLE base_path_mapping (
      sequence INTEGER PRIMARY KEY,
      domain INTEGER NOT NULL,
      base_path TEXT NOT NULL,
      rest_api_id TEXT NOT NULL,
      stage TEXT,
      UNIQUE (domain, base_path),
      FOREIGN KEY (domain) REFERENCES domain_name (sequence) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX base_path_mapping_rest_api ON base_path_mapping (rest_api_id)",
    """
    CREATE TABLE documentation_part (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      id TEXT NOT NULL,
      location TEXT NOT NULL,
      location_key TEXT NOT NULL,
      type TEXT NOT NULL,
      path TEXT,
      name TEXT,
      properties TEXT NOT NULL,
      UNIQUE (api, id),
      UNIQUE (api, location_key),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE documentation_version (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      version TEXT NOT NULL,
      description TEXT,
      created_epoch REAL NOT NULL,
      parts TEXT NOT NULL,
      UNIQUE (api, version),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
