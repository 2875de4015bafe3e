"""The working copy of each API: what the next deployment would freeze.

`sequence` is a row's identity inside the store and the order of lists; ids are what clients see.
Deleting a row deletes what stands below it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.tables.metadata import METADATA, Json

REST_API: Final = Table(
    "rest_api",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("version", Text),
    Column("api_key_source", Text, nullable=False),
    Column("binary_media_types", Json, nullable=False),
    Column("minimum_compression_size", Integer),
    Column("disable_execute_api_endpoint", Boolean, nullable=False),
    Column("policy", Text),
    Column("endpoint_configuration", Json, nullable=False),
    Column("security_policy", Text),
    Column("endpoint_access_mode", Text),
    Column("root_resource_id", Text, nullable=False),
    Column("created_epoch", Float, nullable=False),
    # The file that manages the API and the digest of what it said; null: made by clients.
    Column("file", Text),
    Column("file_digest", Text),
)

RESOURCE: Final = Table(
    "resource",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    # Null for the root alone.
    Column("parent", ForeignKey("resource.sequence", ondelete="CASCADE")),
    Column("path_part", Text),
    # Follows from the parents' parts; kept so that no read needs to walk.
    Column("path", Text, nullable=False),
    UniqueConstraint("api", "id"),
    UniqueConstraint("api", "path"),
)

METHOD: Final = Table(
    "method",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("resource", ForeignKey("resource.sequence", ondelete="CASCADE"), nullable=False),
    Column("http_method", Text, nullable=False),
    Column("authorization_type", Text, nullable=False),
    Column("authorizer_id", Text),
    Column("authorization_scopes", Json, nullable=False),
    Column("api_key_required", Boolean, nullable=False),
    Column("operation_name", Text),
    Column("request_validator_id", Text),
    Column("request_parameters", Json, nullable=False),
    Column("request_models", Json, nullable=False),
    UniqueConstraint("resource", "http_method"),
)

METHOD_RESPONSE: Final = Table(
    "method_response",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("method", ForeignKey("method.sequence", ondelete="CASCADE"), nullable=False),
    Column("status_code", Text, nullable=False),
    Column("response_parameters", Json, nullable=False),
    Column("response_models", Json, nullable=False),
    UniqueConstraint("method", "status_code"),
)

INTEGRATION: Final = Table(
    "integration",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column(
        "method", ForeignKey("method.sequence", ondelete="CASCADE"), nullable=False, unique=True
    ),
    Column("type", Text, nullable=False),
    Column("http_method", Text),
    Column("uri", Text),
    Column("connection_type", Text),
    Column("connection_id", Text),
    Column("credentials", Text),
    Column("request_parameters", Json, nullable=False),
    Column("request_templates", Json, nullable=False),
    Column("passthrough_behavior", Text, nullable=False),
    Column("content_handling", Text),
    Column("timeout_in_millis", Integer, nullable=False),
    Column("cache_namespace", Text, nullable=False),
    Column("cache_key_parameters", Json, nullable=False),
    # Null: no tlsConfig was given.
    Column("insecure_skip_verification", Boolean),
    Column("response_transfer_mode", Text),
    Column("integration_target", Text),
)

INTEGRATION_RESPONSE: Final = Table(
    "integration_response",
    METADATA,
    # Their order counts: the first whose pattern matches is used.
    Column("sequence", Integer, primary_key=True),
    Column("integration", ForeignKey("integration.sequence", ondelete="CASCADE"), nullable=False),
    Column("status_code", Text, nullable=False),
    Column("selection_pattern", Text),
    Column("response_parameters", Json, nullable=False),
    Column("response_templates", Json, nullable=False),
    Column("content_handling", Text),
    UniqueConstraint("integration", "status_code"),
)
