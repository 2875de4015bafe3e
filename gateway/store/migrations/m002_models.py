"""Migration 2: models, request validators, gateway responses, authorizers. Frozen."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE model (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT,
      schema TEXT NOT NULL,
      content_type TEXT NOT NULL,
      UNIQUE (api, id),
      UNIQUE (api, name),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE request_validator (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      validate_request_body INTEGER NOT NULL,
      validate_request_parameters INTEGER NOT NULL,
      UNIQUE (api, id),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE gateway_response (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      response_type TEXT NOT NULL,
      status_code TEXT,
      response_parameters TEXT NOT NULL,
      response_templates TEXT NOT NULL,
      UNIQUE (api, response_type),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE authorizer (
      sequence INTEGER PRIMARY KEY,
      api INTEGER NOT NULL,
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      type TEXT NOT NULL,
      provider_arns TEXT NOT NULL,
      auth_type TEXT,
      authorizer_uri TEXT,
      authorizer_credentials TEXT,
      identity_source TEXT,
      identity_validation_expression TEXT,
      authorizer_result_ttl_in_seconds INTEGER,
      jwt_configuration TEXT,
      UNIQUE (api, id),
      FOREIGN KEY (api) REFERENCES rest_api (sequence) ON DELETE CASCADE
    )
    """,
    # APIs made before had the two models that every new API has, in name only.
    """
    INSERT INTO model (api, id, name, description, schema, content_type)
    SELECT sequence, 'empty0', 'Empty', 'This is a default empty schema model',
      '{"$schema": "http://json-schema.org/draft-04/schema#", "title": "Empty Schema", '
      || '"type": "object"}', 'application/json'
    FROM rest_api WHERE file IS NULL
    """,
    """
    INSERT INTO model (api, id, name, description, schema, content_type)
    SELECT sequence, 'error0', 'Error', 'This is a default error schema model',
      '{"$schema": "http://json-schema.org/draft-04/schema#", "title": "Error Schema", '
      || '"type": "object", "properties": {"message": {"type": "string"}}}', 'application/json'
    FROM rest_api WHERE file IS NULL
    """,
)
"""DDL in SQLite's dialect. Never edited once released: a change of the schema is a migration."""
