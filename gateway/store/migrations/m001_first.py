"""Migration 1: the working copies of APIs, deployments, stages, and the ledger. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE account (
      sequence INTEGER PRIMARY KEY,
      cloudwatch_role_arn TEXT,
      features TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE audit (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      event_epoch REAL NOT NULL,
      event_name TEXT NOT NULL,
      user_name TEXT NOT NULL,
      revision INTEGER,
      error_code TEXT,
      record TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE rest_api (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT,
      version TEXT,
      api_key_source TEXT NOT NULL,
      binary_media_types TEXT NOT NULL,
      minimum_compression_size INTEGER,
      disable_execute_api_endpoint INTEGER NOT NULL,
      policy TEXT,
      endpoint_configuration TEXT NOT NULL,
      security_policy TEXT,
      endpoint_access_mode TEXT,
      root_resource_id TEXT NOT NULL,
      created_epoch REAL NOT NULL,
      file TEXT,
      file_digest TEXT,
      UNIQUE (id)
    )
    """,
    """
    CREATE TABLE revision (
      sequence INTEGER PRIMARY KEY,
      number INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE tag (
      target TEXT NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (target, name)
    )
    """,
    """
    CREATE TABLE deployment (
      sequence INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      api INTEGER NOT NULL,
      description TEXT,
      created_epoch REAL NOT NULL,
      definition TEXT NOT NULL,
      UNIQUE (id),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE resource (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      id TEXT NOT NULL,
      parent INTEGER,
      path_part TEXT,
      path TEXT NOT NULL,
      UNIQUE (api, id),
      UNIQUE (api, path),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE,
      FOREIGN KEY (parent) REFERENCES resource (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE method (
      sequence INTEGER PRIMARY KEY,
      resource INTEGER NOT NULL,
      http_method TEXT NOT NULL,
      authorization_type TEXT NOT NULL,
      authorizer_id TEXT,
      authorization_scopes TEXT NOT NULL,
      api_key_required INTEGER NOT NULL,
      operation_name TEXT,
      request_validator_id TEXT,
      request_parameters TEXT NOT NULL,
      request_models TEXT NOT NULL,
      UNIQUE (resource, http_method),
      FOREIGN KEY (resource) REFERENCES resource (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE stage (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      stage_name TEXT NOT NULL,
      deployment_id TEXT NOT NULL,
      description TEXT,
      variables TEXT NOT NULL,
      access_log_settings TEXT,
      canary_settings TEXT,
      cache_cluster_enabled INTEGER NOT NULL,
      cache_cluster_size TEXT,
      client_certificate_id TEXT,
      documentation_version TEXT,
      tracing_enabled INTEGER NOT NULL,
      web_acl_arn TEXT,
      created_epoch REAL NOT NULL,
      last_updated_epoch REAL NOT NULL,
      UNIQUE (api, stage_name),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE,
      FOREIGN KEY (deployment_id) REFERENCES deployment (id)
    )
    """,
    """
    CREATE TABLE integration (
      sequence INTEGER PRIMARY KEY,
      method INTEGER NOT NULL,
      type TEXT NOT NULL,
      http_method TEXT,
      uri TEXT,
      connection_type TEXT,
      connection_id TEXT,
      credentials TEXT,
      request_parameters TEXT NOT NULL,
      request_templates TEXT NOT NULL,
      passthrough_behavior TEXT NOT NULL,
      content_handling TEXT,
      timeout_in_millis INTEGER NOT NULL,
      cache_namespace TEXT NOT NULL,
      cache_key_parameters TEXT NOT NULL,
      insecure_skip_verification INTEGER,
      response_transfer_mode TEXT,
      integration_target TEXT,
      UNIQUE (method),
      FOREIGN KEY (method) REFERENCES method (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE method_response (
      sequence INTEGER PRIMARY KEY,
      method INTEGER NOT NULL,
      status_code TEXT NOT NULL,
      response_parameters TEXT NOT NULL,
      response_models TEXT NOT NULL,
      UNIQUE (method, status_code),
      FOREIGN KEY (method) REFERENCES method (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE stage_method_setting (
      sequence INTEGER PRIMARY KEY,
      stage INTEGER NOT NULL,
      method_key TEXT NOT NULL,
      metrics_enabled INTEGER NOT NULL,
      logging_level TEXT,
      data_trace_enabled INTEGER NOT NULL,
      throttling_burst_limit INTEGER NOT NULL,
      throttling_rate_limit REAL NOT NULL,
      caching_enabled INTEGER NOT NULL,
      cache_ttl_in_seconds INTEGER NOT NULL,
      cache_data_encrypted INTEGER NOT NULL,
      require_authorization_for_cache_control INTEGER NOT NULL,
      unauthorized_cache_control_header_strategy TEXT NOT NULL,
      UNIQUE (stage, method_key),
      FOREIGN KEY (stage) REFERENCES stage (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE integration_response (
      sequence INTEGER PRIMARY KEY,
      integration INTEGER NOT NULL,
      status_code TEXT NOT NULL,
      selection_pattern TEXT,
      response_parameters TEXT NOT NULL,
      response_templates TEXT NOT NULL,
      content_handling TEXT,
      UNIQUE (integration, status_code),
      FOREIGN KEY (integration) REFERENCES integration (sequence) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX resource_parent ON resource (parent)",
    "CREATE INDEX deployment_api ON deployment (api)",
    "CREATE INDEX stage_deployment ON stage (deployment_id)",
    """
    CREATE TRIGGER deployment_is_immutable BEFORE UPDATE ON deployment
    WHEN new.sequence IS NOT old.sequence OR new.id IS NOT old.id OR new.api IS NOT old.api
      OR new.created_epoch IS NOT old.created_epoch OR new.definition IS NOT old.definition
    BEGIN SELECT raise(ABORT, 'a deployment is immutable: only its description may change'); END
    """,
    "INSERT INTO account (sequence, features) VALUES (1, '[\"UsagePlans\"]')",
    "INSERT INTO revision (sequence, number) VALUES (1, 0)",
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
