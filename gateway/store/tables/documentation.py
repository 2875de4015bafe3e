"""Documentation of APIs: parts that are edited, versions that keep what the parts were."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.tables.metadata import METADATA, Json

DOCUMENTATION_PART: Final = Table(
    "documentation_part",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    # AWS's shape, {type, path, method, statusCode, name}, with what it defaults to filled in.
    Column("location", Json, nullable=False),
    # The same in one text, so that a place is documented once.
    Column("location_key", Text, nullable=False),
    # What GetDocumentationParts asks for.
    Column("type", Text, nullable=False),
    Column("path", Text),
    Column("name", Text),
    Column("properties", Text, nullable=False),
    UniqueConstraint("api", "id"),
    UniqueConstraint("api", "location_key"),
)

DOCUMENTATION_VERSION: Final = Table(
    "documentation_version",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("version", Text, nullable=False),
    Column("description", Text),
    Column("created_epoch", Float, nullable=False),
    # The parts as they were: a list of {location, properties}.
    Column("parts", Text, nullable=False),
    UniqueConstraint("api", "version"),
)
