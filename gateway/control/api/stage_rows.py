"""Stages as rows: what making, changing and showing one has in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select, update

from gateway.control.api.lookups import AnyRow
from gateway.control.api.patch import Working
from gateway.control.api.protocol import present, timestamp
from gateway.control.api.rest_apis import target_of_api
from gateway.control.api.rows import refuse_one_more
from gateway.control.api.shapes import one_of
from gateway.control.api.tags import shown_tags
from gateway.definitions.codec import decode
from gateway.definitions.stage import CanarySettings
from gateway.definitions.stage_validation import (
    CACHE_SIZES,
    STAGE_NAME,
    VARIABLES_MAX,
    problems_of_choice,
)
from gateway.errors import Problem, bad_request, conflict
from gateway.store.tables import DEPLOYMENT, STAGE, STAGE_METHOD_SETTING
from gateway.store.transaction import Transaction

CACHE_SIZE: Final = one_of(*CACHE_SIZES)

STAGES_MAX: Final = 100
"""Stages of one API (AWS: 10, adjustable)."""

NO_DEPLOYMENT: Final = "Deployment id does not exist"

_VARIABLE_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_VARIABLE_VALUE: Final = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]{1,512}")


def target_of_stage(api_id: str, stage_name: str) -> str:
    """Return the part of a stage's ARN under which its tags are kept."""
    return f"{target_of_api(api_id)}/stages/{stage_name}"


def insert_stage(transaction: Transaction, api: AnyRow, stage_name: str, values: Working) -> AnyRow:
    """Make a stage that points at a deployment of its API.

    Raises:
        ControlError: its name is taken or none, or a value is not allowed.
    """
    if not STAGE_NAME.fullmatch(stage_name):
        raise bad_request("Stage name only allows a-zA-Z0-9_-")
    of_api = STAGE.c.api == api.sequence
    if transaction.has(STAGE, of_api, STAGE.c.stage_name == stage_name):
        raise conflict("Stage already exists")
    refuse_one_more(
        transaction, STAGE, STAGES_MAX, f"An API has at most {STAGES_MAX} stages", of_api
    )
    check_variables(values["variables"])
    sequence = transaction.insert(
        STAGE,
        api=api.sequence,
        stage_name=stage_name,
        created_epoch=transaction.epoch,
        last_updated_epoch=transaction.epoch,
        **with_cache_size(values),
    )
    transaction.changes.apis.add(api.id)
    return transaction.one(select(STAGE).where(STAGE.c.sequence == sequence))


def touch_stage(transaction: Transaction, api: AnyRow, stage: AnyRow, changed: Working) -> None:
    """Change a stage's columns; what serves it learns of it."""
    values = {**changed, "last_updated_epoch": transaction.epoch}
    transaction.run(update(STAGE).where(STAGE.c.sequence == stage.sequence).values(**values))
    transaction.changes.apis.add(api.id)


def check_deployment(transaction: Transaction, api: int, id_: str | None) -> str:
    """Return the id of a deployment of an API.

    Raises:
        ControlError: (BadRequestException) the API has none of this id.
    """
    if not id_ or not transaction.has(DEPLOYMENT, DEPLOYMENT.c.api == api, DEPLOYMENT.c.id == id_):
        raise bad_request(NO_DEPLOYMENT)
    return id_


def canary_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return canarySettings as they are kept, complete but for overrides.

    Raises:
        ControlError: (BadRequestException) a value is not allowed.
    """
    percent = float(given.get("percentTraffic", 0.0))
    if not 0.0 <= percent <= 100.0:
        raise bad_request("Invalid percentTraffic specified: must be between 0.0 and 100.0")
    overrides = given.get("stageVariableOverrides")
    check_variables(overrides or {})
    kept = present(
        deploymentId=given["deploymentId"],
        percentTraffic=percent,
        stageVariableOverrides=overrides or None,
        useStageCache=given.get("useStageCache", False),
        sticky=given.get("sticky"),
        forceHeader=given.get("forceHeader"),
    )
    problems: list[Problem] = []
    choice = decode(CanarySettings, kept, problems=problems)
    if choice is not None:
        problems += problems_of_choice(choice)
    for problem in problems:
        raise bad_request(f"Invalid canarySettings specified: {problem}")
    return kept


def merged_variables(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return stage variables with others laid over them.

    Raises:
        ControlError: (BadRequestException) one is not allowed.
    """
    merged = {**before, **given}
    check_variables(merged)
    return merged


def check_variables(variables: Mapping[str, str | None]) -> None:
    """Refuse stage variables that AWS would not take.

    Raises:
        ControlError: (BadRequestException) it names the first.
    """
    if len(variables) > VARIABLES_MAX:
        raise bad_request(f"A stage has at most {VARIABLES_MAX} variables")
    for name, value in variables.items():
        if not _VARIABLE_NAME.fullmatch(name):
            raise bad_request(
                "Invalid stage variable name. Please use names with alphanumeric characters and "
                "the symbol '_'."
            )
        if value is None or not _VARIABLE_VALUE.fullmatch(value):
            raise bad_request(
                "Invalid stage variable value. Please use values with alphanumeric characters and "
                "the symbols '-', '.', '_', '~', ':', '/', '?', '#', '&', '=', and ','."
            )


def with_cache_size(values: Working) -> Working:
    """Return columns with the smallest cache where one is wanted without a size."""
    if values.get("cache_cluster_enabled") and values.get("cache_cluster_size") is None:
        return {**values, "cache_cluster_size": "0.5"}
    return values


def stage_shown(
    transaction: Transaction, api: AnyRow, row: AnyRow, *, with_tags: bool = True
) -> dict[str, Any]:
    """Return a stage in AWS's shape; updates show no tags."""
    settings = transaction.rows(
        select(STAGE_METHOD_SETTING).where(STAGE_METHOD_SETTING.c.stage == row.sequence)
    )
    canary = row.canary_settings
    found = present(
        stageName=row.stage_name,
        deploymentId=row.deployment_id,
        description=row.description,
        cacheClusterEnabled=row.cache_cluster_enabled,
        cacheClusterSize=row.cache_cluster_size,
        cacheClusterStatus="AVAILABLE" if row.cache_cluster_enabled else "NOT_AVAILABLE",
        methodSettings={each.method_key: setting_shown(each) for each in settings},
        variables=row.variables or None,
        documentationVersion=row.documentation_version,
        accessLogSettings=row.access_log_settings,
        # A double that is whole comes back from JSON as it went in: 50.0.
        canarySettings=canary and {**canary, "percentTraffic": float(canary["percentTraffic"])},
        clientCertificateId=row.client_certificate_id,
        tracingEnabled=row.tracing_enabled,
        webAclArn=row.web_acl_arn,
        createdDate=timestamp(row.created_epoch),
        lastUpdatedDate=timestamp(row.last_updated_epoch),
    )
    if with_tags:
        found |= shown_tags(transaction, target_of_stage(api.id, row.stage_name))
    return found


def setting_shown(row: AnyRow) -> dict[str, Any]:
    """Return an entry of methodSettings in AWS's shape."""
    return present(
        metricsEnabled=row.metrics_enabled,
        loggingLevel=row.logging_level,
        dataTraceEnabled=row.data_trace_enabled,
        throttlingBurstLimit=row.throttling_burst_limit,
        throttlingRateLimit=float(row.throttling_rate_limit),
        cachingEnabled=row.caching_enabled,
        cacheTtlInSeconds=row.cache_ttl_in_seconds,
        cacheDataEncrypted=row.cache_data_encrypted,
        requireAuthorizationForCacheControl=row.require_authorization_for_cache_control,
        unauthorizedCacheControlHeaderStrategy=row.unauthorized_cache_control_header_strategy,
    )
