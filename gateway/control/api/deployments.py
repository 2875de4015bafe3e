"""Deployments: frozen once, pointed at by stages and canaries."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.endpoint_security import refuse_enhanced_api
from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.patch import PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present, timestamp
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import BOOLEAN, NUMBER, PATCH, TEXT, map_of, members
from gateway.control.api.sizes import check_deployment_size
from gateway.control.api.stage_rows import (
    CACHE_SIZE,
    canary_of,
    insert_stage,
    merged_variables,
    touch_stage,
)
from gateway.definitions.rest_api import ApiDefinition
from gateway.errors import bad_request
from gateway.store.ids import SHORT
from gateway.store.served import definition_from, definition_text
from gateway.store.tables import DEPLOYMENT, STAGE
from gateway.store.transaction import Transaction
from gateway.store.working_copy import definition_of

DEPLOYMENTS_MAX: Final = 10_000
"""Deployments of one API."""

_CREATE: Final = members(
    stageName=TEXT,
    stageDescription=TEXT,
    description=TEXT,
    cacheClusterEnabled=BOOLEAN,
    cacheClusterSize=CACHE_SIZE,
    variables=map_of(TEXT),
    canarySettings=members(
        percentTraffic=NUMBER, stageVariableOverrides=map_of(TEXT), useStageCache=BOOLEAN
    ),
    tracingEnabled=BOOLEAN,
)

_CANARY_MESSAGE: Final = "Invalid deployment content specified."
_PATCH_OPS: Final = "Invalid patch operation specified. Must be one of: [replace]"


def create_deployment(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateDeployment: freeze the working copy, and point a stage at it if one is named."""
    api = rest_api_of(transaction, call)
    body = call.body
    canary, stage_name = body.get("canarySettings"), body.get("stageName")
    stage = None
    if stage_name:
        stage = transaction.row(
            select(STAGE).where(STAGE.c.api == api.sequence, STAGE.c.stage_name == stage_name)
        )
    if canary is not None:
        _check_canary(stage_name, stage)
    definition = definition_of(transaction, api.sequence)
    _check_deployable(api, definition)
    text = definition_text(definition)
    check_deployment_size(api.id, definition, text)
    refusal = f"An API has at most {DEPLOYMENTS_MAX} deployments; delete old ones"
    of_api = DEPLOYMENT.c.api == api.sequence
    refuse_one_more(transaction, DEPLOYMENT, DEPLOYMENTS_MAX, refusal, of_api)
    id_ = transaction.new_id(DEPLOYMENT, SHORT)
    transaction.insert(
        DEPLOYMENT,
        id=id_,
        api=api.sequence,
        description=body.get("description"),
        created_epoch=transaction.epoch,
        definition=text,
    )
    if stage_name:
        _point(transaction, api, stage, id_, body)
        transaction.changes.apis.add(api.id)
    return shown(_row(transaction, api, id_))


def get_deployment(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDeployment."""
    row = _row(transaction, rest_api_of(transaction, call), call.label("deployment_id"))
    found = shown(row)
    if "apisummary" in call.query.get("embed", []):
        found["apiSummary"] = _summary(definition_from(row.definition, row.id))
    return found


def get_deployments(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDeployments."""
    api = rest_api_of(transaction, call)
    columns = [column for column in DEPLOYMENT.c if column.name != "definition"]
    query = select(*columns).where(DEPLOYMENT.c.api == api.sequence)
    return page(transaction, call, query, DEPLOYMENT.c.sequence, shown)


def update_deployment(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateDeployment: the description is all that may change."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call.label("deployment_id"))
    changed = patch.patch_row(row, call.body, _PATCHES)
    write_row(transaction, DEPLOYMENT, row, changed)
    return shown(_row(transaction, api, row.id))


def delete_deployment(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteDeployment; stages and canaries that point at it hold it."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call.label("deployment_id"))
    stages = transaction.rows(
        select(STAGE.c.deployment_id, STAGE.c.canary_settings).where(STAGE.c.api == api.sequence)
    )
    held = {stage.deployment_id for stage in stages}
    held |= {(stage.canary_settings or {}).get("deploymentId") for stage in stages}
    if row.id in held:
        raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    transaction.run(delete(DEPLOYMENT).where(DEPLOYMENT.c.sequence == row.sequence))
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a deployment in AWS's shape, without apiSummary."""
    return present(id=row.id, description=row.description, createdDate=timestamp(row.created_epoch))


def _row(transaction: Transaction, api: AnyRow, id_: str) -> AnyRow:
    return row_of(
        transaction,
        select(DEPLOYMENT).where(DEPLOYMENT.c.api == api.sequence, DEPLOYMENT.c.id == id_),
        "Invalid Deployment identifier specified",
    )


def _check_canary(stage_name: str | None, stage: AnyRow | None) -> None:
    if not stage_name:
        given = "null" if stage_name is None else stage_name
        raise bad_request(
            f"{_CANARY_MESSAGE}Non null and non empty stageName must be provided for canary "
            f"deployment. Provided value is {given}"
        )
    if stage is None:
        raise bad_request(
            f"{_CANARY_MESSAGE}Stage {stage_name} must already be created before making a canary "
            "release deployment"
        )


def _check_deployable(api: AnyRow, definition: ApiDefinition) -> None:
    methods = [method for each in definition.resources for method in each.methods.values()]
    if not methods:
        raise bad_request("The REST API doesn't contain any methods")
    if any(method.integration is None for method in methods):
        raise bad_request("No integration defined for method")
    if api.endpoint_configuration["types"] == ["PRIVATE"] and not api.policy:
        # Nothing here is private by its network: without a policy nobody may call it, as by AWS.
        raise bad_request("Private REST API doesn't have a resource policy attached to it")
    refuse_enhanced_api(api.security_policy, api.endpoint_access_mode)


def _point(
    transaction: Transaction, api: AnyRow, stage: AnyRow | None, id_: str, body: dict[str, Any]
) -> None:
    """Make the named stage, or move it, or its canary."""
    given = body.get("canarySettings")
    if stage is None:
        values: Working = {
            "deployment_id": id_,
            "description": body.get("stageDescription"),
            "variables": body.get("variables", {}),
            "cache_cluster_enabled": body.get("cacheClusterEnabled", False),
            "cache_cluster_size": body.get("cacheClusterSize"),
            "tracing_enabled": body.get("tracingEnabled", False),
        }
        insert_stage(transaction, api, body["stageName"], values)
        return
    changed: Working = {}
    if given is None:
        changed["deployment_id"] = id_
        if "variables" in body:
            changed["variables"] = merged_variables(stage.variables, body["variables"])
        for name, column in _STAGE_MEMBERS.items():
            if name in body:
                changed[column] = body[name]
    else:
        changed["canary_settings"] = canary_of({**given, "deploymentId": id_})
    touch_stage(transaction, api, stage, changed)


_STAGE_MEMBERS: Final = {
    "stageDescription": "description",
    "cacheClusterEnabled": "cache_cluster_enabled",
    "cacheClusterSize": "cache_cluster_size",
    "tracingEnabled": "tracing_enabled",
}


def _summary(definition: ApiDefinition) -> dict[str, Any]:
    return {
        resource.path: {
            verb: {
                "authorizationType": method.authorization_type.value,
                "apiKeyRequired": method.api_key_required,
            }
            for verb, method in resource.methods.items()
        }
        for resource in definition.resources
    }


_PATCHES: Final = PatchTable(
    (rule("/description", "replace", patch.member("description"), wrong_op=_PATCH_OPS),)
)

OPERATIONS: Final = {
    "CreateDeployment": Served(create_deployment, body=_CREATE),
    "GetDeployment": Served(get_deployment),
    "GetDeployments": Served(get_deployments),
    "UpdateDeployment": Served(update_deployment, body=PATCH),
    "DeleteDeployment": Served(delete_deployment),
}
"""Operations of this family by name."""
