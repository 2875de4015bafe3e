"""What an API's methods refer to, and how it answers errors: frozen with every deployment."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.tables.metadata import METADATA, Json

MODEL: Final = Table(
    "model",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    # Methods refer to models by name, and it never changes.
    Column("name", Text, nullable=False),
    Column("description", Text),
    # JSON text as it was given.
    Column("schema", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    UniqueConstraint("api", "id"),
    UniqueConstraint("api", "name"),
)

REQUEST_VALIDATOR: Final = Table(
    "request_validator",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("validate_request_body", Boolean, nullable=False),
    Column("validate_request_parameters", Boolean, nullable=False),
    UniqueConstraint("api", "id"),
)

GATEWAY_RESPONSE: Final = Table(
    "gateway_response",
    METADATA,
    # Only what was customised has a row.
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("response_type", Text, nullable=False),
    # Null: the type's own.
    Column("status_code", Text),
    Column("response_parameters", Json, nullable=False),
    # Empty: the default template.
    Column("response_templates", Json, nullable=False),
    UniqueConstraint("api", "response_type"),
)

AUTHORIZER: Final = Table(
    "authorizer",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("provider_arns", Json, nullable=False),
    Column("auth_type", Text),
    Column("authorizer_uri", Text),
    Column("authorizer_credentials", Text),
    Column("identity_source", Text),
    Column("identity_validation_expression", Text),
    # Null: not given; 300 is meant.
    Column("authorizer_result_ttl_in_seconds", Integer),
    # AWS's shape, {issuers, defaultAlgorithms}; null: none.
    Column("jwt_configuration", Json),
    UniqueConstraint("api", "id"),
)
