"""Finds what path labels name, with AWS's words for what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Row, Select, func, select

from gateway.control.api.protocol import Call
from gateway.errors import ControlError, conflict, not_found
from gateway.store.tables import (
    API_KEY,
    DOMAIN_NAME,
    INTEGRATION,
    INTEGRATION_RESPONSE,
    METHOD,
    METHOD_RESPONSE,
    RESOURCE,
    REST_API,
    USAGE_PLAN,
)
from gateway.store.transaction import Transaction

AnyRow = Row[*tuple[Any, ...]]


def row_of(transaction: Transaction, query: Select[*tuple[Any, ...]], unknown: str) -> AnyRow:
    """Return the only row of a query.

    Raises:
        ControlError: (NotFoundException) there is none; `unknown` is what AWS says then.
    """
    row = transaction.row(query)
    if row is None:
        raise not_found(unknown)
    return row


OWNERS: Final[Mapping[str, Column[Any]]] = {
    "api_Key": API_KEY.c.id,
    "domain_name": DOMAIN_NAME.c.domain_name,
    "restapi_id": REST_API.c.id,
    "usageplanId": USAGE_PLAN.c.id,
}
"""Path label to the column it names, of each table whose rows a file may own (`file` says which).
A family whose objects may come from files adds its label."""

_LEAVES_DEFINITIONS: Final = frozenset(
    {"FlushStageCache", "FlushStageAuthorizersCache", "UpdateUsage"}
)
"""Operations that change nothing that a file says: caches, and what is left of a quota."""


def refuse_what_files_own(transaction: Transaction, call: Call) -> None:
    """Refuse a mutation of what a file owns.

    Raises:
        ControlError: (ConflictException) it names the file.
    """
    if call.operation.name in _LEAVES_DEFINITIONS:
        return
    for label, column in OWNERS.items():
        if label in call.labels:
            refuse_if_file_owns(transaction, column, call.labels[label])


def refuse_if_file_owns(transaction: Transaction, column: Column[Any], id_: str) -> None:
    """Refuse a mutation if a file owns the row whose `column` is `id_`.

    Raises:
        ControlError: (ConflictException) it names the file.
    """
    statement = f"SELECT file FROM {column.table} WHERE {column.name} = ?"  # noqa: S608 (ours)
    found = transaction.execute(statement, (id_,))
    file = found[0][0] if found else None
    if file is not None:
        raise conflict(f"{id_} is managed by the file {file} and read-only here: edit the file")


def begins_with(column: Column[Any], prefix: str) -> ColumnElement[bool]:
    """Return the condition that a text begins with `prefix`, letter by letter.

    SQLite's LIKE, which SQLAlchemy's `startswith` becomes, takes `P` for `p`.
    """
    return func.substr(column, 1, len(prefix)) == prefix


def no_such_api(call: Call, api_id: str) -> ControlError:
    """Return the error of an API that is not there."""
    return not_found(f"Invalid API identifier specified {call.account}:{api_id}")


def rest_api_of(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row of the API that `{restapi_id}` names.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    api_id = call.label("restapi_id")
    row = transaction.row(select(REST_API).where(REST_API.c.id == api_id))
    if row is None:
        raise no_such_api(call, api_id)
    return row


def domain_of(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row of the custom domain name that `{domain_name}` names.

    Raises:
        ControlError: (NotFoundException) there is none; `domainNameId` names private ones, of which
            there are none either.
    """
    row = transaction.row(
        select(DOMAIN_NAME).where(DOMAIN_NAME.c.domain_name == call.label("domain_name"))
    )
    if row is None or call.text("domainNameId"):
        raise not_found("Invalid domain name identifier specified")
    return row


def resource_of(transaction: Transaction, call: Call, label: str = "resource_id") -> AnyRow:
    """Return the row of the resource that a label names; an unknown API counts as unknown resource.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    return row_of(
        transaction,
        select(RESOURCE)
        .join(REST_API, REST_API.c.sequence == RESOURCE.c.api)
        .where(REST_API.c.id == call.label("restapi_id"), RESOURCE.c.id == call.label(label)),
        "Invalid Resource identifier specified",
    )


def method_of(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row of the method that the labels name.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    resource = resource_of(transaction, call)
    return row_of(
        transaction,
        select(METHOD).where(
            METHOD.c.resource == resource.sequence,
            METHOD.c.http_method == call.label("http_method"),
        ),
        "Invalid Method identifier specified",
    )


def integration_of(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row of the integration of the method that the labels name.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    method = method_of(transaction, call)
    return row_of(
        transaction,
        select(INTEGRATION).where(INTEGRATION.c.method == method.sequence),
        "Invalid Integration identifier specified",
    )


def method_response_of(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row of the method response that the labels name.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    method = method_of(transaction, call)
    return row_of(
        transaction,
        select(METHOD_RESPONSE).where(
            METHOD_RESPONSE.c.method == method.sequence,
            METHOD_RESPONSE.c.status_code == call.label("status_code"),
        ),
        "Invalid Response status code specified",
    )


def integration_response_of(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row of the integration response that the labels name.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    integration = integration_of(transaction, call)
    return row_of(
        transaction,
        select(INTEGRATION_RESPONSE).where(
            INTEGRATION_RESPONSE.c.integration == integration.sequence,
            INTEGRATION_RESPONSE.c.status_code == call.label("status_code"),
        ),
        "Invalid Response status code specified",
    )
