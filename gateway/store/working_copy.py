"""An API's working copy as one definition, and a definition as a working copy.

CreateDeployment freezes what `definition_of` returns; files are shown through `write_definition`.
A family whose objects a deployment freezes adds them to both, and to `copy_definition`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from gateway.definitions.identity import resource_id
from gateway.definitions.integration import (
    ConnectionType,
    ContentHandling,
    Integration,
    IntegrationResponse,
    IntegrationType,
    PassthroughBehavior,
    ResponseTransferMode,
    TlsConfig,
)
from gateway.definitions.model_schema import for_other_api
from gateway.definitions.rest_api import (
    ApiDefinition,
    ApiKeySource,
    AuthorizationType,
    EndpointConfiguration,
    EndpointType,
    Method,
    MethodResponse,
    Resource,
    RestApi,
)
from gateway.store.api_parts import parts_of, write_parts
from gateway.store.method_rows import write_methods
from gateway.store.sync import free_ids
from gateway.store.tables import (
    INTEGRATION,
    INTEGRATION_RESPONSE,
    METHOD,
    METHOD_RESPONSE,
    RESOURCE,
    REST_API,
)
from gateway.store.transaction import Transaction


def definition_of(
    transaction: Transaction, api: int, *, resource: int | None = None
) -> ApiDefinition:
    """Return the working copy of the API whose `sequence` is `api`.

    With the `sequence` of a resource, only that one's methods are in it.
    """
    below = RESOURCE.c.api == api if resource is None else RESOURCE.c.sequence == resource
    whole = _whole(transaction, api, below)
    # A deployment is what it serves: a resource without methods must not make another one of it.
    served = tuple(each for each in whole.resources if each.methods)
    return dataclasses.replace(whole, resources=served)


def _whole(transaction: Transaction, api: int, below: ColumnElement[bool]) -> ApiDefinition:
    """Return a working copy with those of its resources that `below` says, whatever they hold."""
    row = transaction.one(select(REST_API).where(REST_API.c.sequence == api))
    parts = parts_of(transaction, api)
    return ApiDefinition(
        rest_api=RestApi(
            name=row.name,
            id=row.id,
            description=row.description or "",
            version=row.version or "",
            api_key_source=ApiKeySource(row.api_key_source),
            binary_media_types=tuple(row.binary_media_types),
            minimum_compression_size=row.minimum_compression_size,
            disable_execute_api_endpoint=row.disable_execute_api_endpoint,
            policy=row.policy,
            endpoint_configuration=EndpointConfiguration(
                types=tuple(map(EndpointType, row.endpoint_configuration["types"]))
            ),
        ),
        resources=_resources(transaction, below),
        gateway_responses=parts.gateway_responses,
        models=parts.models,
        request_validators=parts.request_validators,
        authorizers=parts.authorizers,
    )


def write_definition(
    transaction: Transaction, api: int, definition: ApiDefinition, root_id: str
) -> None:
    """Make an API's working copy that of a definition, with resources that lie between.

    What stays keeps its place in lists, and what is equal is not written.
    """
    write_parts(transaction, api, definition)
    methods_by_path = {each.path: each for each in definition.resources}
    ids = {
        path: methods_by_path[path].id if path in methods_by_path else ""
        for path in _with_parents(methods_by_path)
    }
    ids = {path: id_ or resource_id(path) for path, id_ in ids.items()}
    sequences = _write_resources(transaction, api, {**ids, "/": root_id})
    methods = {
        sequences[path]: (ids[path], resource.methods) for path, resource in methods_by_path.items()
    }
    write_methods(transaction, api, methods)


def _write_resources(
    transaction: Transaction, api: int, ids: Mapping[str, str]
) -> Mapping[str, int]:
    """Make these the resources of an API, without methods; return each path's `sequence`.

    `ids` are by path, parents first.
    """
    of_api = RESOURCE.c.api == api
    before = {row.path: row for row in transaction.rows(select(RESOURCE).where(of_api))}
    gone = [row.sequence for path, row in before.items() if path not in ids]
    if gone:
        transaction.run(delete(RESOURCE).where(RESOURCE.c.sequence.in_(gone)))
    sequences = {path: row.sequence for path, row in before.items() if path in ids}
    moved = {sequences[path]: ids[path] for path in sequences if before[path].id != ids[path]}
    free_ids(transaction, RESOURCE, list(moved))
    for sequence, id_ in moved.items():
        transaction.run(update(RESOURCE).where(RESOURCE.c.sequence == sequence).values(id=id_))
    fresh = [path for path in ids if path not in sequences]
    (last,) = transaction.execute("SELECT coalesce(max(sequence), 0) FROM resource")[0]
    sequences.update((path, last + place) for place, path in enumerate(fresh, 1))
    rows = [(sequences[path], api, ids[path], *_place(path, sequences), path) for path in fresh]
    transaction.execute_all(
        "INSERT INTO resource (sequence, api, id, parent, path_part, path)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    return sequences


def _place(path: str, sequences: Mapping[str, int]) -> tuple[int | None, str | None]:
    """Return a resource's parent and its part of the path; the root has neither."""
    parent, _, part = path.rpartition("/")
    return (None, None) if path == "/" else (sequences[parent or "/"], part)


def copy_definition(transaction: Transaction, source: int, target: int, root_id: str) -> None:
    """Copy what a deployment of `source` would freeze, and all resources, into the new `target`."""
    definition = _whole(transaction, source, RESOURCE.c.api == source)
    of_target = select(REST_API.c.id).where(REST_API.c.sequence == target)
    target_id = str(transaction.value(of_target))
    # Models refer to each other by addresses with the API's id in them.
    models = {
        name: dataclasses.replace(
            model, schema=for_other_api(model.schema, definition.rest_api.id, target_id)
        )
        for name, model in definition.models.items()
    }
    copied = dataclasses.replace(definition, models=models)
    write_definition(transaction, target, copied, root_id)


def _resources(transaction: Transaction, below: ColumnElement[bool]) -> tuple[Resource, ...]:
    methods: dict[int, dict[str, Method]] = {}
    for sequence, verb, method in _methods(transaction, below):
        methods.setdefault(sequence, {})[verb] = method
    query = select(RESOURCE).where(below).order_by(RESOURCE.c.path)
    return tuple(
        Resource(path=row.path, id=row.id, methods=methods.get(row.sequence, {}))
        for row in transaction.rows(query)
    )


def _methods(
    transaction: Transaction, below: ColumnElement[bool]
) -> Iterable[tuple[int, str, Method]]:
    """Yield resource, verb and method of every method below: four queries for all."""
    of_method = METHOD.c.resource == RESOURCE.c.sequence
    responses: dict[int, dict[str, MethodResponse]] = {}
    query = (
        select(METHOD_RESPONSE)
        .join(METHOD, METHOD.c.sequence == METHOD_RESPONSE.c.method)
        .join(RESOURCE, of_method)
        .where(below)
        .order_by(METHOD_RESPONSE.c.sequence)
    )
    for row in transaction.rows(query):
        responses.setdefault(row.method, {})[row.status_code] = MethodResponse(
            response_parameters=row.response_parameters, response_models=row.response_models
        )
    integrations = _integrations(transaction, below)
    methods = select(METHOD).join(RESOURCE, of_method).where(below).order_by(METHOD.c.sequence)
    for row in transaction.rows(methods):
        yield (
            row.resource,
            row.http_method,
            Method(
                authorization_type=AuthorizationType(row.authorization_type),
                authorizer_id=row.authorizer_id,
                authorization_scopes=tuple(row.authorization_scopes),
                api_key_required=row.api_key_required,
                operation_name=row.operation_name,
                request_validator_id=row.request_validator_id,
                request_parameters=row.request_parameters,
                request_models=row.request_models,
                method_responses=responses.get(row.sequence, {}),
                integration=integrations.get(row.sequence),
            ),
        )


def _integrations(
    transaction: Transaction, below: ColumnElement[bool]
) -> Mapping[int, Integration]:
    """Return integrations by their method's sequence."""
    joined = (
        select(INTEGRATION)
        .join(METHOD, METHOD.c.sequence == INTEGRATION.c.method)
        .join(RESOURCE, METHOD.c.resource == RESOURCE.c.sequence)
        .where(below)
    )
    ids = joined.with_only_columns(INTEGRATION.c.sequence)
    responses: dict[int, dict[str, IntegrationResponse]] = {}
    query = (
        select(INTEGRATION_RESPONSE)
        .where(INTEGRATION_RESPONSE.c.integration.in_(ids))
        .order_by(INTEGRATION_RESPONSE.c.sequence)
    )
    for row in transaction.rows(query):
        responses.setdefault(row.integration, {})[row.status_code] = IntegrationResponse(
            selection_pattern=row.selection_pattern or "",
            response_parameters=row.response_parameters,
            response_templates=_templates(row.response_templates),
            content_handling=_handling(row.content_handling),
        )
    return {
        row.method: Integration(
            type=IntegrationType(row.type),
            uri=row.uri,
            integration_http_method=row.http_method,
            connection_type=ConnectionType(row.connection_type or "INTERNET"),
            connection_id=row.connection_id,
            integration_target=row.integration_target,
            credentials=row.credentials,
            request_parameters=row.request_parameters,
            request_templates=_templates(row.request_templates),
            passthrough_behavior=PassthroughBehavior(row.passthrough_behavior),
            content_handling=_handling(row.content_handling),
            timeout_in_millis=row.timeout_in_millis,
            cache_namespace=row.cache_namespace,
            cache_key_parameters=tuple(row.cache_key_parameters),
            tls_config=TlsConfig(insecure_skip_verification=bool(row.insecure_skip_verification)),
            response_transfer_mode=ResponseTransferMode(row.response_transfer_mode or "BUFFERED"),
            integration_responses=responses.get(row.sequence, {}),
        )
        for row in transaction.rows(joined)
    }


def _with_parents(paths: Iterable[str]) -> list[str]:
    """Return all paths and what lies between them and the root, parents first."""
    found = {"/"}
    for path in paths:
        while path != "/" and path not in found:
            found.add(path)
            path = path.rpartition("/")[0] or "/"  # noqa: PLW2901 (walks up)
    return sorted(found, key=lambda path: (path.count("/") if path != "/" else 0, path))


def _templates(templates: Mapping[str, Any]) -> dict[str, str]:
    """AWS shows a template without text as null."""
    return {media_type: text or "" for media_type, text in templates.items()}


def _handling(value: str | None) -> ContentHandling | None:
    return None if value is None else ContentHandling(value)
