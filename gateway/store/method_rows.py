"""Methods, their integrations and responses as the rows of a working copy.

Thousands at once: see `gateway.store.levels`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from gateway.definitions.integration import (
    ContentHandling,
    Integration,
    IntegrationResponse,
    IntegrationType,
    ResponseTransferMode,
)
from gateway.definitions.rest_api import Method, MethodResponse
from gateway.store.levels import Columns, Level
from gateway.store.transaction import Transaction

_OF_RESOURCE: Final = "JOIN resource ON resource.sequence = method.resource"

_METHODS: Final = Level(
    "method",
    parent="resource",
    columns=(
        "http_method",
        "authorization_type",
        "authorizer_id",
        "authorization_scopes",
        "api_key_required",
        "operation_name",
        "request_validator_id",
        "request_parameters",
        "request_models",
    ),
    way=_OF_RESOURCE,
)
_METHOD_RESPONSES: Final = Level(
    "method_response",
    parent="method",
    columns=("status_code", "response_parameters", "response_models"),
    way=f"JOIN method ON method.sequence = method_response.method {_OF_RESOURCE}",
)
_INTEGRATIONS: Final = Level(
    "integration",
    parent="method",
    columns=(
        "type",
        "http_method",
        "uri",
        "connection_type",
        "connection_id",
        "credentials",
        "request_parameters",
        "request_templates",
        "passthrough_behavior",
        "content_handling",
        "timeout_in_millis",
        "cache_namespace",
        "cache_key_parameters",
        "insecure_skip_verification",
        "response_transfer_mode",
        "integration_target",
    ),
    way=f"JOIN method ON method.sequence = integration.method {_OF_RESOURCE}",
)
_INTEGRATION_RESPONSES: Final = Level(
    "integration_response",
    parent="integration",
    columns=(
        "status_code",
        "selection_pattern",
        "response_parameters",
        "response_templates",
        "content_handling",
    ),
    way=(
        "JOIN integration ON integration.sequence = integration_response.integration "
        f"JOIN method ON method.sequence = integration.method {_OF_RESOURCE}"
    ),
)


def write_methods(
    transaction: Transaction, api: int, resources: Mapping[int, tuple[str, Mapping[str, Method]]]
) -> None:
    """Make the methods of the API whose `sequence` is `api` these, and no others.

    `resources` holds the id and the methods of each resource by its `sequence`.
    """
    sequences = _METHODS.sync(
        transaction,
        api,
        {
            resource: [_method(verb, method) for verb, method in methods.items()]
            for resource, (_, methods) in resources.items()
        },
    )
    methods = {
        sequence: (id_, method)
        for resource, (id_, by_verb) in resources.items()
        for sequence, method in zip(sequences[resource], by_verb.values(), strict=True)
    }
    _METHOD_RESPONSES.sync(
        transaction,
        api,
        {
            sequence: [_method_response(*each) for each in method.method_responses.items()]
            for sequence, (_, method) in methods.items()
        },
    )
    integrations = {
        sequence: (id_, method.integration)
        for sequence, (id_, method) in methods.items()
        if method.integration is not None
    }
    _write_integrations(transaction, api, integrations)


def _write_integrations(
    transaction: Transaction, api: int, integrations: Mapping[int, tuple[str, Integration]]
) -> None:
    """Write integrations, which come with their resources' ids, by their methods' `sequence`s."""
    sequences = _INTEGRATIONS.sync(
        transaction, api, {method: [_integration(*each)] for method, each in integrations.items()}
    )
    _INTEGRATION_RESPONSES.sync(
        transaction,
        api,
        {
            sequences[method][0]: [
                _integration_response(*each) for each in integration.integration_responses.items()
            ]
            for method, (_, integration) in integrations.items()
        },
    )


def _method(verb: str, method: Method) -> Columns:
    return (
        verb,
        method.authorization_type.value,
        method.authorizer_id,
        _list(method.authorization_scopes),
        method.api_key_required,
        method.operation_name,
        method.request_validator_id,
        _map(method.request_parameters),
        _map(method.request_models),
    )


def _method_response(status: str, response: MethodResponse) -> Columns:
    return status, _map(response.response_parameters), _map(response.response_models)


def _integration(id_: str, integration: Integration) -> Columns:
    kind, mode = integration.type, integration.response_transfer_mode
    return (
        kind.value,
        integration.integration_http_method,
        integration.uri,
        None if kind is IntegrationType.MOCK else integration.connection_type.value,
        integration.connection_id,
        integration.credentials,
        _map(integration.request_parameters),
        _map(integration.request_templates),
        integration.passthrough_behavior.value,
        _value(integration.content_handling),
        integration.timeout_in_millis,
        integration.cache_namespace or id_,
        _list(integration.cache_key_parameters),
        integration.tls_config.insecure_skip_verification or None,
        None if mode is ResponseTransferMode.BUFFERED else mode.value,
        integration.integration_target,
    )


def _integration_response(status: str, response: IntegrationResponse) -> Columns:
    return (
        status,
        response.selection_pattern or None,
        _map(response.response_parameters),
        _map(response.response_templates),
        _value(response.content_handling),
    )


def _value(handling: ContentHandling | None) -> str | None:
    return None if handling is None else handling.value


def _map(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value)).decode() if value else "{}"


def _list(value: Collection[str]) -> str:
    return orjson.dumps(list(value)).decode() if value else "[]"
