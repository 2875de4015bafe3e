"""Custom domain names and their base path mappings."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.tables.metadata import METADATA, Json

DOMAIN_NAME: Final = Table(
    "domain_name",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("domain_name", Text, nullable=False, unique=True),
    Column("certificate_name", Text),
    Column("certificate_arn", Text),
    # When the edge certificate was named last.
    Column("certificate_epoch", Float),
    Column("regional_certificate_name", Text),
    Column("regional_certificate_arn", Text),
    Column("ownership_verification_certificate_arn", Text),
    Column("endpoint_configuration", Json, nullable=False),
    Column("security_policy", Text, nullable=False),
    Column("endpoint_access_mode", Text),
    # AWS's shape, {truststoreUri, truststoreVersion}; null: clients need no certificate.
    Column("mutual_tls_authentication", Json),
    Column("routing_mode", Text, nullable=False),
    # The label that AWS-like target names are made of.
    Column("target_label", Text, nullable=False),
    Column("created_epoch", Float, nullable=False),
    # As for rest_api; null: made by clients.
    Column("file", Text),
    Column("file_digest", Text),
)

BASE_PATH_MAPPING: Final = Table(
    "base_path_mapping",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("domain", ForeignKey("domain_name.sequence", ondelete="CASCADE"), nullable=False),
    # `(none)`: everything else.
    Column("base_path", Text, nullable=False),
    # An id and no reference: an API of a file is written anew whenever its file changes.
    Column("rest_api_id", Text, nullable=False),
    # Null: the path's next segment names it.
    Column("stage", Text),
    UniqueConstraint("domain", "base_path"),
)
