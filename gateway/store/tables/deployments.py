"""Deployments, which never change, and the stages that point at them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.tables.metadata import METADATA, Json

DEPLOYMENT: Final = Table(
    "deployment",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    # Unique among all APIs: releases know deployments by their id alone.
    Column("id", Text, nullable=False, unique=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("description", Text),
    Column("created_epoch", Float, nullable=False),
    # The frozen ApiDefinition as JSON text; a trigger keeps all but the description as it was.
    Column("definition", Text, nullable=False),
)

STAGE: Final = Table(
    "stage",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("api", ForeignKey("rest_api.sequence", ondelete="CASCADE"), nullable=False),
    Column("stage_name", Text, nullable=False),
    Column("deployment_id", ForeignKey("deployment.id"), nullable=False),
    Column("description", Text),
    Column("variables", Json, nullable=False),
    # AWS's shape, {destinationArn, format}, either may be missing; null: none.
    Column("access_log_settings", Json),
    # AWS's shape, {deploymentId, percentTraffic, stageVariableOverrides, useStageCache}.
    Column("canary_settings", Json),
    Column("cache_cluster_enabled", Boolean, nullable=False),
    Column("cache_cluster_size", Text),
    Column("client_certificate_id", Text),
    Column("documentation_version", Text),
    Column("tracing_enabled", Boolean, nullable=False),
    Column("web_acl_arn", Text),
    Column("created_epoch", Float, nullable=False),
    Column("last_updated_epoch", Float, nullable=False),
    UniqueConstraint("api", "stage_name"),
)

STAGE_METHOD_SETTING: Final = Table(
    "stage_method_setting",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("stage", ForeignKey("stage.sequence", ondelete="CASCADE"), nullable=False),
    Column("method_key", Text, nullable=False),
    Column("metrics_enabled", Boolean, nullable=False),
    # Null: never set; shown as absent, served as OFF.
    Column("logging_level", Text),
    Column("data_trace_enabled", Boolean, nullable=False),
    Column("throttling_burst_limit", Integer, nullable=False),
    Column("throttling_rate_limit", Float, nullable=False),
    Column("caching_enabled", Boolean, nullable=False),
    Column("cache_ttl_in_seconds", Integer, nullable=False),
    Column("cache_data_encrypted", Boolean, nullable=False),
    Column("require_authorization_for_cache_control", Boolean, nullable=False),
    Column("unauthorized_cache_control_header_strategy", Text, nullable=False),
    UniqueConstraint("stage", "method_key"),
)
