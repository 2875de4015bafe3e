"""Shows in the store what files define, so that clients see it; `lookups` keeps it read-only.

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
from gateway.control.api.protocol import present
from gateway.control.api.rest_apis import target_of_api
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
        else:
            _remove(transaction, row.sequence, api_id)
        _write(transaction, api_id, api, digest)


def _write(transaction: Transaction, api_id: str, api: LoadedApi, digest: str) -> None:
    definition = _present(api_id, api)
    rest_api = definition.rest_api
    named = {resource.path: resource.id for resource in definition.resources}
    root_id = named.get("/") or resource_id("/")
    sequence = transaction.insert(
        REST_API,
        id=api_id,
        name=rest_api.name,
        description=rest_api.description or None,
        version=rest_api.version or None,
        api_key_source=rest_api.api_key_source.value,
        binary_media_types=list(rest_api.binary_media_types),
        minimum_compression_size=rest_api.minimum_compression_size,
        disable_execute_api_endpoint=rest_api.disable_execute_api_endpoint,
        policy=rest_api.policy,
        endpoint_configuration=_endpoint(rest_api.endpoint_configuration),
        root_resource_id=root_id,
        created_epoch=transaction.epoch,
        file=Path(api.file).name,
        file_digest=digest,
    )
    put_tags(transaction, target_of_api(api_id), dict(rest_api.tags))
    write_definition(transaction, sequence, definition, root_id)
    _write_documentation(transaction, sequence, api.documentation_parts)
    for deployment in api.deployments.values():
        transaction.insert(
            DEPLOYMENT,
            id=deployment.id,
            api=sequence,
            description=deployment.description or None,
            created_epoch=transaction.epoch,
            definition=definition_text(deployment.definition),
        )
    for stage in api.stages.values():
        _write_stage(transaction, api_id, sequence, stage)


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
    transaction.insert_all(DOCUMENTATION_PART, rows)


def _write_stage(transaction: Transaction, api_id: str, api: int, stage: Stage) -> None:
    shown = codec.encode(stage)
    log = stage.access_log_settings
    canary = stage.canary_settings
    sequence = transaction.insert(
        STAGE,
        api=api,
        stage_name=stage.stage_name,
        deployment_id=stage.deployment_id,
        description=stage.description or None,
        variables=dict(stage.variables),
        access_log_settings=None
        if log is None
        else {"destinationArn": log.destination, "format": log.format},
        canary_settings=None
        if canary is None
        else {
            "deploymentId": canary.deployment_id or stage.deployment_id,
            "percentTraffic": canary.percent_traffic,
            "stageVariableOverrides": dict(canary.stage_variable_overrides),
            "useStageCache": canary.use_stage_cache,
        },
        cache_cluster_enabled=stage.cache_cluster_enabled,
        cache_cluster_size=shown.get("cacheClusterSize"),
        client_certificate_id=stage.client_certificate_id,
        documentation_version=stage.documentation_version,
        tracing_enabled=stage.tracing_enabled,
        created_epoch=transaction.epoch,
        last_updated_epoch=transaction.epoch,
    )
    put_tags(transaction, f"{target_of_api(api_id)}/stages/{stage.stage_name}", dict(stage.tags))
    for key, setting in stage.method_settings.items():
        values: dict[str, Any] = {
            column.name: getattr(setting, column.name)
            for column in STAGE_METHOD_SETTING.c
            if column.name not in ("sequence", "stage", "method_key")
        }
        transaction.insert(STAGE_METHOD_SETTING, stage=sequence, method_key=key, **values)


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
