"""API keys, the usage plans that let them in, and what they have used."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.tables.metadata import METADATA, Json

API_KEY: Final = Table(
    "api_key",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    # The secret that callers send.
    Column("value", Text, nullable=False, unique=True),
    Column("name", Text),
    Column("description", Text),
    Column("customer_id", Text),
    Column("enabled", Boolean, nullable=False),
    # Legacy, ["{api}/{stage}", …]: shown, but what a key opens say usage plans alone.
    Column("stage_keys", Json, nullable=False),
    Column("created_epoch", Float, nullable=False),
    Column("last_updated_epoch", Float, nullable=False),
    # Name of the file that defines it; null: made by clients.
    Column("file", Text),
)

USAGE_PLAN: Final = Table(
    "usage_plan",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("product_code", Text),
    # AWS's shape, {burstLimit, rateLimit}; either may be missing: not limited.
    Column("throttle", Json),
    # AWS's shape, {limit, offset, period}.
    Column("quota", Json),
    Column("created_epoch", Float, nullable=False),
    # Whether its limits only count; no word of AWS's, so files alone can say it.
    Column("shadow", Boolean, nullable=False, default=False),
    # As for api_key.
    Column("file", Text),
)

USAGE_PLAN_STAGE: Final = Table(
    "usage_plan_stage",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("usage_plan", ForeignKey("usage_plan.sequence", ondelete="CASCADE"), nullable=False),
    # Names, not references: a stage that a file defines goes and comes back with its file.
    Column("api_id", Text, nullable=False),
    Column("stage_name", Text, nullable=False),
    # "/pets/GET" to {burstLimit, rateLimit}; null: none.
    Column("throttle", Json),
    UniqueConstraint("usage_plan", "api_id", "stage_name"),
)

USAGE_PLAN_KEY: Final = Table(
    "usage_plan_key",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("usage_plan", ForeignKey("usage_plan.sequence", ondelete="CASCADE"), nullable=False),
    Column("api_key", ForeignKey("api_key.sequence", ondelete="CASCADE"), nullable=False),
    # The quota's first period is the one that holds this moment.
    Column("created_epoch", Float, nullable=False),
    UniqueConstraint("usage_plan", "api_key"),
)

USAGE: Final = Table(
    "usage",
    METADATA,
    # A row for each day on which a key was used or granted something; it outlives the key's
    # membership in the plan, so that leaving and joining again is no way to a fresh quota.
    Column("sequence", Integer, primary_key=True),
    Column("usage_plan", ForeignKey("usage_plan.sequence", ondelete="CASCADE"), nullable=False),
    Column("api_key", ForeignKey("api_key.sequence", ondelete="CASCADE"), nullable=False),
    # In UTC, as 2026-05-01: the order of texts is that of days.
    Column("day", Text, nullable=False),
    Column("used", Integer, nullable=False),
    # What UpdateUsage added to the quota of the period that holds the day; may be negative.
    Column("granted", Integer, nullable=False),
    UniqueConstraint("usage_plan", "api_key", "day"),
)

USAGE_FLUSH: Final = Table(
    "usage_flush",
    METADATA,
    # One row, 1, there from its migration on.
    Column("sequence", Integer, primary_key=True),
    # Of the last time that counts of requests came into `usage`: counted up with each.
    Column("number", Integer, nullable=False),
)
