"""What methods refer to: whether it is there, and which method holds what is to be deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Select, select

from gateway.control.api.lookups import AnyRow
from gateway.store.tables import (
    AUTHORIZER,
    CLIENT_CERTIFICATE,
    DOCUMENTATION_VERSION,
    METHOD,
    METHOD_RESPONSE,
    MODEL,
    REQUEST_VALIDATOR,
    RESOURCE,
)
from gateway.store.transaction import Transaction

_AUTHORIZER_TYPES: Final = {
    "CUSTOM": ("TOKEN", "REQUEST"),
    "COGNITO_USER_POOLS": ("COGNITO_USER_POOLS",),
    "JWT": ("JWT",),
}
"""Authorization type of a method to the types of authorizers that serve it."""


def has_model(transaction: Transaction, api: int, name: str) -> bool:
    """Whether the API has a model of this name."""
    return transaction.has(MODEL, MODEL.c.api == api, MODEL.c.name == name)


def has_request_validator(transaction: Transaction, api: int, id_: str) -> bool:
    """Whether the API has this request validator."""
    of_api = REQUEST_VALIDATOR.c.api == api
    return transaction.has(REQUEST_VALIDATOR, of_api, REQUEST_VALIDATOR.c.id == id_)


def has_authorizer(transaction: Transaction, api: int, id_: str, authorization_type: str) -> bool:
    """Whether the API has this authorizer, and it is one for methods of this type."""
    return transaction.has(
        AUTHORIZER,
        AUTHORIZER.c.api == api,
        AUTHORIZER.c.id == id_,
        AUTHORIZER.c.type.in_(_AUTHORIZER_TYPES.get(authorization_type, ())),
    )


def has_documentation_version(transaction: Transaction, api: int, version: str) -> bool:
    """Whether the API has this documentation version."""
    of_api = DOCUMENTATION_VERSION.c.api == api
    return transaction.has(
        DOCUMENTATION_VERSION, of_api, DOCUMENTATION_VERSION.c.version == version
    )


def method_with_validator(transaction: Transaction, api: int, id_: str) -> str | None:
    """Return a method that names the request validator, as `GET//pets`; None: none does."""
    return _verb_first(transaction, _methods(api).where(METHOD.c.request_validator_id == id_))


def method_with_authorizer(transaction: Transaction, api: int, id_: str) -> str | None:
    """Return a method that names the authorizer, as `GET//pets`; None: none does."""
    return _verb_first(transaction, _methods(api).where(METHOD.c.authorizer_id == id_))


def method_with_model(transaction: Transaction, api: int, name: str) -> str | None:
    """Return where methods name the model, as `method request: /pets/GET`; None: nowhere."""
    found = _newest(transaction, _methods(api), lambda row: name in row.request_models.values())
    if found is not None:
        return f"method request: {found.path}/{found.http_method}"
    responses = (
        _methods(api)
        .join(METHOD_RESPONSE, METHOD_RESPONSE.c.method == METHOD.c.sequence)
        .add_columns(METHOD_RESPONSE.c.status_code, METHOD_RESPONSE.c.response_models)
    )
    found = _newest(transaction, responses, lambda row: name in row.response_models.values())
    if found is not None:
        return f"method response: {found.path}/{found.http_method}/{found.status_code}"
    return None


def _methods(api: int) -> Select[*tuple[Any, ...]]:
    """Return a query of an API's methods: the newest first, as AWS names them."""
    return (
        select(RESOURCE.c.path, METHOD.c.http_method, METHOD.c.request_models)
        .join(METHOD, METHOD.c.resource == RESOURCE.c.sequence)
        .where(RESOURCE.c.api == api)
        .order_by(METHOD.c.sequence.desc())
    )


def _newest(
    transaction: Transaction, query: Select[*tuple[Any, ...]], holds: Callable[[AnyRow], bool]
) -> AnyRow | None:
    return next((row for row in transaction.rows(query) if holds(row)), None)


def _verb_first(transaction: Transaction, query: Select[*tuple[Any, ...]]) -> str | None:
    found = transaction.row(query.limit(1))
    return None if found is None else f"{found.http_method}/{found.path}"


def has_client_certificate(transaction: Transaction, id_: str) -> bool:
    """Whether there is a client certificate of this id."""
    return transaction.has(CLIENT_CERTIFICATE, CLIENT_CERTIFICATE.c.id == id_)
