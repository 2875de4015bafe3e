"""Shows in the store what files define, so that clients see it; `lookups` keeps it read-only.

An edited file changes its API's rows where they are: what clients have seen keeps its dates and its
place in lists, and earlier deployments stay.
An API of the store whose id a file claims is set aside: it keeps everything, under an id that is no
id, is not served, and comes back when the file goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import delete, select, update

from gateway.configuration.loaded import LoadedApi
from gateway.control.api.documentation_rows import part_columns
from gateway.control.api.lookups import AnyRow
from gateway.control.api.protocol import present
from gateway.control.api.rest_apis import target_of_api
from gateway.control.api.stage_rows import target_of_stage
from gateway.control.api.tags import drop_tags, move_tags, put_tags
from gateway.definitions import codec
from gateway.definitions.documentation import DocumentationPart, key_of, place_of_part
from gateway.definitions.identity import documentation_part_id, resource_id
from gateway.definitions.rest_api import (
    ApiDefinition,
    EndpointConfiguration,
    EndpointType,
    IpAddressType,
    RestApi,
)
from gateway.definitions.stage import Stage
from gateway.store.served import ASIDE, definition_text
from gateway.store.sync import sync_rows
from gateway.store.tables import (
    DEPLOYMENT,
    DOCUMENTATION_PART,
    REST_API,
    STAGE,
    STAGE_METHOD_SETTING,
)
from gateway.store.transaction import Transaction
from gateway.store.working_copy import write_definition

_FORMAT: Final = 3
"""Part of each digest: raised when what is written for a file changes."""

DEPLOYMENTS_KEPT: Final = 50
"""Deployments of an API of a file that are kept: those that were shown last, and all served."""

_SETTINGS: Final = tuple(
    column.name
    for column in STAGE_METHOD_SETTING.c
    if column.name not in ("sequence", "stage", "method_key")
)


def mirror_files(
    transaction: Transaction, apis: Mapping[str, LoadedApi], kept: frozenset[str]
) -> None:
    """Make the store show these APIs of files, and none of files but `kept`.

    What has not changed is not written again.
    """
    rows = transaction.rows(
        select(REST_API.c.sequence, REST_API.c.id, REST_API.c.file_digest).where(
            REST_API.c.file.is_not(None)
        )
    )
    shown: dict[str, Any] = {row.id: row for row in rows}
    for api_id, row in shown.items():
        if api_id not in kept:
            _remove(transaction, row.sequence, api_id)
            _bring_back(transaction, api_id)
    for api_id, api in apis.items():
        digest = _digest(api)
        row = shown.get(api_id)
        if row is None:
            _set_aside(transaction, api_id)
        elif row.file_digest == digest:
            continue
        _write(transaction, api_id, api, digest, None if row is None else row.sequence)


def _write(
    transaction: Transaction, api_id: str, api: LoadedApi, digest: str, known: int | None
) -> None:
    """Write an API; `known` is the `sequence` under which it is shown already."""
    definition = _present(api_id, api)
    rest_api = definition.rest_api
    named = {resource.path: resource.id for resource in definition.resources}
    root_id = named.get("/") or resource_id("/")
    values: dict[str, Any] = {
        "name": rest_api.name,
        "description": rest_api.description or None,
        "version": rest_api.version or None,
        "api_key_source": rest_api.api_key_source.value,
        "binary_media_types": list(rest_api.binary_media_types),
        "minimum_compression_size": rest_api.minimum_compression_size,
        "disable_execute_api_endpoint": rest_api.disable_execute_api_endpoint,
        "policy": rest_api.policy,
        "endpoint_configuration": _endpoint(rest_api.endpoint_configuration),
        "root_resource_id": root_id,
        "file": Path(api.file).name,
        "file_digest": digest,
    }
    if known is None:
        epoch = transaction.epoch
        sequence = transaction.insert(REST_API, id=api_id, created_epoch=epoch, **values)
    else:
        sequence = known
        transaction.run(update(REST_API).where(REST_API.c.sequence == sequence).values(**values))
    drop_tags(transaction, target_of_api(api_id))
    put_tags(transaction, target_of_api(api_id), dict(rest_api.tags))
    write_definition(transaction, sequence, definition, root_id)
    _write_documentation(transaction, sequence, api.documentation_parts)
    _write_deployments(transaction, sequence, api)
    _write_stages(transaction, api_id, sequence, api)
    _forget_deployments(transaction, sequence, api)


def _write_deployments(transaction: Transaction, sequence: int, api: LoadedApi) -> None:
    """Add the deployments that were never shown: a reverted file finds its old one again."""
    for deployment in api.deployments.values():
        description = deployment.description or None
        same = DEPLOYMENT.c.api == sequence, DEPLOYMENT.c.id == deployment.id
        if not transaction.run(update(DEPLOYMENT).where(*same).values(description=description)):
            transaction.insert(
                DEPLOYMENT,
                id=deployment.id,
                api=sequence,
                description=description,
                created_epoch=transaction.epoch,
                definition=definition_text(deployment.definition),
            )


def _forget_deployments(transaction: Transaction, sequence: int, api: LoadedApi) -> None:
    """Delete the oldest deployments of an API, but none that is served."""
    query = select(DEPLOYMENT.c.sequence, DEPLOYMENT.c.id).where(DEPLOYMENT.c.api == sequence)
    rows = transaction.rows(query.order_by(DEPLOYMENT.c.sequence.desc()))
    old = [row.sequence for row in rows[DEPLOYMENTS_KEPT:] if row.id not in api.deployments]
    if old:
        transaction.run(delete(DEPLOYMENT).where(DEPLOYMENT.c.sequence.in_(old)))


def _write_stages(transaction: Transaction, api_id: str, sequence: int, api: LoadedApi) -> None:
    rows = transaction.rows(select(STAGE).where(STAGE.c.api == sequence))
    shown = {row.stage_name: row for row in rows}
    gone = [row.sequence for name, row in shown.items() if name not in api.stages]
    if gone:
        transaction.run(delete(STAGE).where(STAGE.c.sequence.in_(gone)))
    for name, stage in api.stages.items():
        _write_stage(transaction, sequence, stage, shown.get(name))
        put_tags(transaction, target_of_stage(api_id, name), dict(stage.tags))


def _write_stage(transaction: Transaction, api: int, stage: Stage, known: AnyRow | None) -> None:
    """Write a stage; `known` is the row that shows it already."""
    values = _stage_columns(stage)
    settings = [
        {"method_key": key, **{name: getattr(setting, name) for name in _SETTINGS}}
        for key, setting in stage.method_settings.items()
    ]
    epoch = transaction.epoch
    if known is None:
        of_stage = transaction.insert(
            STAGE,
            api=api,
            stage_name=stage.stage_name,
            created_epoch=epoch,
            last_updated_epoch=epoch,
            **values,
        )
    else:
        of_stage = known.sequence
        before = transaction.rows(
            select(STAGE_METHOD_SETTING).where(STAGE_METHOD_SETTING.c.stage == of_stage)
        )
        same_settings = {each["method_key"]: each for each in settings} == {
            row.method_key: {name: getattr(row, name) for name in ("method_key", *_SETTINGS)}
            for row in before
        }
        if not same_settings or any(getattr(known, name) != new for name, new in values.items()):
            values["last_updated_epoch"] = epoch
        transaction.run(update(STAGE).where(STAGE.c.sequence == of_stage).values(**values))
    sync_rows(transaction, STAGE_METHOD_SETTING, ("stage", of_stage), "method_key", settings)


def _endpoint(given: EndpointConfiguration | None) -> dict[str, Any]:
    """Return an endpoint configuration in AWS's shape, complete."""
    given = given or EndpointConfiguration()
    types = given.types or (EndpointType.REGIONAL,)
    is_private = EndpointType.PRIVATE in types
    address = IpAddressType.DUALSTACK if is_private else IpAddressType.IPV4
    return present(
        types=[each.value for each in types],
        ipAddressType=(given.ip_address_type or address).value,
        vpcEndpointIds=list(given.vpc_endpoint_ids) or None,
    )


def _write_documentation(
    transaction: Transaction, api: int, parts: Iterable[DocumentationPart]
) -> None:
    rows = []
    for part in parts:
        place = place_of_part(part)
        id_ = documentation_part_id(key_of(place))
        rows.append(part_columns(api, id_, place, part.properties))
    transaction.run(delete(DOCUMENTATION_PART).where(DOCUMENTATION_PART.c.api == api))
    transaction.insert_all(DOCUMENTATION_PART, rows)


def _stage_columns(stage: Stage) -> dict[str, Any]:
    log = stage.access_log_settings
    canary = stage.canary_settings
    return {
        "deployment_id": stage.deployment_id,
        "description": stage.description or None,
        "variables": dict(stage.variables),
        "access_log_settings": None
        if log is None
        else {"destinationArn": log.destination, "format": log.format},
        "canary_settings": None
        if canary is None
        else present(
            deploymentId=canary.deployment_id or stage.deployment_id,
            percentTraffic=canary.percent_traffic,
            stageVariableOverrides=dict(canary.stage_variable_overrides),
            useStageCache=canary.use_stage_cache,
            sticky=None if canary.sticky is None else codec.encode(canary.sticky),
            forceHeader=canary.force_header,
        ),
        "cache_cluster_enabled": stage.cache_cluster_enabled,
        "cache_cluster_size": codec.encode(stage).get("cacheClusterSize"),
        "client_certificate_id": stage.client_certificate_id,
        "documentation_version": stage.documentation_version,
        "tracing_enabled": stage.tracing_enabled,
    }


def _present(api_id: str, api: LoadedApi) -> ApiDefinition:
    """Return the definition shown as the API's own: that of most stages."""
    ids = [stage.deployment_id for stage in api.stages.values()]
    if not ids:
        return ApiDefinition(rest_api=RestApi(name=api_id, id=api_id))
    return api.deployments[max(ids, key=ids.count)].definition


def _digest(api: LoadedApi) -> str:
    told = [
        _FORMAT,
        api.file,
        sorted(api.deployments),
        # Not part of a deployment's id.
        dict(_present(api.api_id, api).rest_api.tags),
        _endpoint(_present(api.api_id, api).rest_api.endpoint_configuration),
        [codec.encode(part) for part in api.documentation_parts],
        {name: codec.encode(stage) for name, stage in api.stages.items()},
    ]
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:32]


def _remove(transaction: Transaction, sequence: int, api_id: str) -> None:
    transaction.run(delete(REST_API).where(REST_API.c.sequence == sequence))
    drop_tags(transaction, target_of_api(api_id))


def _set_aside(transaction: Transaction, api_id: str) -> None:
    _rename(transaction, api_id, api_id + ASIDE)


def _bring_back(transaction: Transaction, api_id: str) -> None:
    if _rename(transaction, api_id + ASIDE, api_id):
        transaction.changes.apis.add(api_id)


def _rename(transaction: Transaction, before: str, after: str) -> int:
    move_tags(transaction, target_of_api(before), target_of_api(after))
    return transaction.run(update(REST_API).where(REST_API.c.id == before).values(id=after))
