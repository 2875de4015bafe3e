"""What belongs to an API as a whole: models, request validators, gateway responses, authorizers.

Rows as the parts of a definition that a deployment freezes, and the parts as rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from gateway.definitions import codec
from gateway.definitions.authorizer import Authorizer
from gateway.definitions.identity import resource_id
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.validators import Model, RequestValidator
from gateway.errors import ConfigurationError, Problem
from gateway.store.ids import SHORT, free_id
from gateway.store.sync import sync_rows
from gateway.store.tables import AUTHORIZER, GATEWAY_RESPONSE, MODEL, REQUEST_VALIDATOR
from gateway.store.transaction import Transaction

_DRAFT: Final = '"$schema": "http://json-schema.org/draft-04/schema#"'

BUILT_IN_MODELS: Final[Mapping[str, Model]] = {
    "Empty": Model(
        description="This is a default empty schema model",
        schema=f'{{{_DRAFT}, "title": "Empty Schema", "type": "object"}}',
    ),
    "Error": Model(
        description="This is a default error schema model",
        schema=f'{{{_DRAFT}, "title": "Error Schema", "type": "object", '
        '"properties": {"message": {"type": "string"}}}',
    ),
}
"""Models of every new API, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Those parts of one API, as its definition has them."""

    models: Mapping[str, Model]
    """By name."""
    request_validators: Mapping[str, RequestValidator]
    """By id."""
    gateway_responses: Mapping[str, GatewayResponse]
    """By type, those that were customised."""
    authorizers: Mapping[str, Authorizer]
    """By id."""


def parts_of(transaction: Transaction, api: int) -> ApiParts:
    """Return these parts of the API whose `sequence` is `api`: four queries."""

    def rows(table: Any) -> Any:
        query = select(table).where(table.c.api == api).order_by(table.c.sequence)
        return transaction.rows(query)

    return ApiParts(
        models={row.name: _model(row) for row in rows(MODEL)},
        request_validators={
            row.id: RequestValidator(
                name=row.name,
                validate_request_body=row.validate_request_body,
                validate_request_parameters=row.validate_request_parameters,
            )
            for row in rows(REQUEST_VALIDATOR)
        },
        gateway_responses={
            row.response_type: GatewayResponse(
                status_code=row.status_code,
                response_parameters=row.response_parameters,
                response_templates=row.response_templates,
            )
            for row in rows(GATEWAY_RESPONSE)
        },
        authorizers={row.id: authorizer_of(row._asdict()) for row in rows(AUTHORIZER)},
    )


def authorizer_of(columns: Mapping[str, Any]) -> Authorizer:
    """Return an authorizer's columns as its definition.

    Raises:
        ConfigurationError: this version cannot read what they hold.
    """
    problems: list[Problem] = []
    shape = {
        codec.camel_case(name): value
        for name, value in columns.items()
        if name not in ("sequence", "api", "id")
    }
    authorizer = codec.decode(
        Authorizer, shape, problems=problems, path=f"authorizer/{columns['id']}"
    )
    if authorizer is None:
        raise ConfigurationError(tuple(problems))
    return authorizer


def write_parts(transaction: Transaction, api: int, definition: ApiDefinition) -> None:
    """Make these parts of an API those of a definition; what stays keeps its place in lists."""
    owner = ("api", api)
    models = _model_rows(definition.models)
    validators = (
        {
            "id": id_,
            "name": validator.name or id_,
            "validate_request_body": validator.validate_request_body,
            "validate_request_parameters": validator.validate_request_parameters,
        }
        for id_, validator in definition.request_validators.items()
    )
    responses = (
        {
            "response_type": type_,
            "status_code": response.status_code,
            "response_parameters": dict(response.response_parameters),
            "response_templates": dict(response.response_templates),
        }
        for type_, response in definition.gateway_responses.items()
    )
    authorizers = (_authorizer_row(*each) for each in definition.authorizers.items())
    sync_rows(transaction, MODEL, owner, "name", models)
    sync_rows(transaction, REQUEST_VALIDATOR, owner, "id", validators)
    sync_rows(transaction, GATEWAY_RESPONSE, owner, "response_type", responses)
    sync_rows(transaction, AUTHORIZER, owner, "id", authorizers)


def _authorizer_row(id_: str, authorizer: Authorizer) -> dict[str, Any]:
    jwt = authorizer.jwt_configuration
    return {
        "id": id_,
        "name": authorizer.name or id_,
        "type": authorizer.type.value,
        "provider_arns": list(authorizer.provider_arns),
        "auth_type": authorizer.auth_type,
        "authorizer_uri": authorizer.authorizer_uri,
        "authorizer_credentials": authorizer.authorizer_credentials,
        "identity_source": authorizer.identity_source,
        "identity_validation_expression": authorizer.identity_validation_expression,
        "authorizer_result_ttl_in_seconds": authorizer.authorizer_result_ttl_in_seconds,
        "jwt_configuration": None if jwt is None else codec.encode(jwt),
    }


def write_built_in_models(transaction: Transaction, api: int) -> None:
    """Give a new API the models that every new API has."""
    taken: set[str] = set()
    models: dict[str, Model] = {}
    for name, model in BUILT_IN_MODELS.items():
        id_ = free_id(SHORT, taken.__contains__)
        taken.add(id_)
        models[name] = dataclasses.replace(model, id=id_)
    write_models(transaction, api, models)


def write_models(transaction: Transaction, api: int, models: Mapping[str, Model]) -> None:
    """Write models into an API that has none of their names."""
    transaction.insert_all(MODEL, ({"api": api, **row} for row in _model_rows(models)))


def _model_rows(models: Mapping[str, Model]) -> list[dict[str, Any]]:
    return [
        {
            "id": model.id or resource_id(name),
            "name": name,
            "description": model.description or None,
            "schema": model.schema,
            "content_type": model.content_type,
        }
        for name, model in models.items()
    ]


def _model(row: Row[*tuple[Any, ...]]) -> Model:
    return Model(
        id=row.id,
        description=row.description or "",
        schema=row.schema,
        content_type=row.content_type,
    )
