"""Stages: Create, Get, GetAll, Update, Delete, and flushing their caches."""

from __future__ import annotations

import copy
from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.patch import Working, operations_of
from gateway.control.api.protocol import Answer, Call, Served
from gateway.control.api.references import has_client_certificate, has_documentation_version
from gateway.control.api.shapes import BOOLEAN, NUMBER, PATCH, TEXT, map_of, members
from gateway.control.api.stage_patch import SETTING_DEFAULTS, patch_stage
from gateway.control.api.stage_rows import (
    CACHE_SIZE,
    canary_of,
    check_deployment,
    insert_stage,
    stage_shown,
    target_of_stage,
    touch_stage,
    with_cache_size,
)
from gateway.control.api.tags import drop_tags, put_tags
from gateway.control.api.usage_plan_stages import forget_stages
from gateway.errors import bad_request, not_found
from gateway.store.tables import STAGE, STAGE_METHOD_SETTING
from gateway.store.transaction import Transaction

_CREATE: Final = members(
    stageName=TEXT,
    deploymentId=TEXT,
    description=TEXT,
    cacheClusterEnabled=BOOLEAN,
    cacheClusterSize=CACHE_SIZE,
    variables=map_of(TEXT),
    documentationVersion=TEXT,
    canarySettings=members(
        percentTraffic=NUMBER,
        deploymentId=TEXT,
        stageVariableOverrides=map_of(TEXT),
        useStageCache=BOOLEAN,
    ),
    tracingEnabled=BOOLEAN,
    tags=map_of(TEXT),
)


def create_stage(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateStage."""
    api = rest_api_of(transaction, call)
    body = call.body
    canary = body.get("canarySettings")
    deployment_id = check_deployment(transaction, api.sequence, body.get("deploymentId"))
    if canary is not None:
        canary = {"deploymentId": deployment_id, **canary}
        check_deployment(transaction, api.sequence, canary["deploymentId"])
    values: Working = {
        "deployment_id": deployment_id,
        "description": body.get("description"),
        "variables": body.get("variables", {}),
        "canary_settings": None if canary is None else canary_of(canary),
        "cache_cluster_enabled": body.get("cacheClusterEnabled", False),
        "cache_cluster_size": body.get("cacheClusterSize"),
        "documentation_version": body.get("documentationVersion") or None,
        "tracing_enabled": body.get("tracingEnabled", False),
    }
    _check_documentation(transaction, api, values)
    name = body.get("stageName", "")
    row = insert_stage(transaction, api, name, values)
    put_tags(transaction, target_of_stage(api.id, name), body.get("tags"))
    return stage_shown(transaction, api, row)


def get_stage(transaction: Transaction, call: Call) -> Answer:
    """Serve GetStage."""
    api = rest_api_of(transaction, call)
    return stage_shown(transaction, api, _row(transaction, api, call))


def get_stages(transaction: Transaction, call: Call) -> Answer:
    """Serve GetStages, all at once; `deploymentId` keeps those that point at it."""
    api = rest_api_of(transaction, call)
    query = select(STAGE).where(STAGE.c.api == api.sequence).order_by(STAGE.c.sequence)
    wanted = call.text("deploymentId")
    if wanted:
        query = query.where(STAGE.c.deployment_id == wanted)
    return {"item": [stage_shown(transaction, api, row) for row in transaction.rows(query)]}


def update_stage(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateStage."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    before = _settings(transaction, row)
    columns = {name: value for name, value in row._asdict().items() if name in _PATCHED}
    working: Working = {**copy.deepcopy(columns), "settings": copy.deepcopy(before)}
    patch_stage(
        operations_of(call.body),
        working,
        lambda id_: check_deployment(transaction, api.sequence, id_),
    )
    if working["documentation_version"] != row.documentation_version:
        _check_documentation(transaction, api, working)
    certificate_id = working["client_certificate_id"]
    if certificate_id not in (None, row.client_certificate_id) and not has_client_certificate(
        transaction, certificate_id
    ):
        raise bad_request("Invalid Client Certificate identifier specified")
    settings = working.pop("settings")
    if settings != before:
        _write_settings(transaction, row, settings)
    touch_stage(transaction, api, row, with_cache_size(working))
    return stage_shown(transaction, api, _row(transaction, api, call), with_tags=False)


def delete_stage(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteStage; its deployment stays."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    transaction.run(delete(STAGE).where(STAGE.c.sequence == row.sequence))
    drop_tags(transaction, target_of_stage(api.id, row.stage_name))
    forget_stages(transaction, api.id, row.stage_name)
    transaction.changes.apis.add(api.id)
    return None


def flush_stage_cache(transaction: Transaction, call: Call) -> Answer:
    """Serve FlushStageCache: every worker forgets what the stage's cache holds."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    transaction.changes.flushes.add((api.id, row.stage_name))
    return None


def flush_stage_authorizers_cache(transaction: Transaction, call: Call) -> Answer:
    """Serve FlushStageAuthorizersCache. There are no authorizers yet: nothing is to forget."""
    _row(transaction, rest_api_of(transaction, call), call)
    return None


def _row(transaction: Transaction, api: AnyRow, call: Call) -> AnyRow:
    name = call.label("stage_name")
    return row_of(
        transaction,
        select(STAGE).where(STAGE.c.api == api.sequence, STAGE.c.stage_name == name),
        "Invalid stage identifier specified",
    )


def _check_documentation(transaction: Transaction, api: AnyRow, values: Working) -> None:
    version = values["documentation_version"]
    if version is not None and not has_documentation_version(transaction, api.sequence, version):
        raise not_found("Invalid Documentation version specified")


def _settings(transaction: Transaction, stage: AnyRow) -> dict[str, dict[str, Any]]:
    query = select(STAGE_METHOD_SETTING).where(STAGE_METHOD_SETTING.c.stage == stage.sequence)
    return {
        row.method_key: {name: getattr(row, name) for name in SETTING_DEFAULTS}
        for row in transaction.rows(query)
    }


def _write_settings(
    transaction: Transaction, stage: AnyRow, settings: dict[str, dict[str, Any]]
) -> None:
    if len(settings) > SETTINGS_MAX:
        raise bad_request(f"A stage has at most {SETTINGS_MAX} method settings")
    of_stage = STAGE_METHOD_SETTING.c.stage == stage.sequence
    transaction.run(delete(STAGE_METHOD_SETTING).where(of_stage))
    transaction.insert_all(
        STAGE_METHOD_SETTING,
        ({"stage": stage.sequence, "method_key": key, **entry} for key, entry in settings.items()),
    )


SETTINGS_MAX: Final = 3000
"""Method settings of one stage."""

_PATCHED: Final = frozenset(
    {
        "deployment_id",
        "description",
        "variables",
        "access_log_settings",
        "canary_settings",
        "cache_cluster_enabled",
        "cache_cluster_size",
        "client_certificate_id",
        "documentation_version",
        "tracing_enabled",
    }
)
"""Columns that patches may change."""

OPERATIONS: Final = {
    "CreateStage": Served(create_stage, body=_CREATE),
    "GetStage": Served(get_stage),
    "GetStages": Served(get_stages),
    "UpdateStage": Served(update_stage, body=PATCH),
    "DeleteStage": Served(delete_stage),
    "FlushStageCache": Served(flush_stage_cache),
    "FlushStageAuthorizersCache": Served(flush_stage_authorizers_cache),
}
"""Operations of this family by name."""
