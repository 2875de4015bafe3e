"""RequestValidators: Create, Get, GetAll, Update, Delete."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, func, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.patch import PatchTable, rule
from gateway.control.api.protocol import Answer, Call, Served, page
from gateway.control.api.references import method_with_validator
from gateway.control.api.rows import write_row
from gateway.control.api.shapes import BOOLEAN, PATCH, TEXT, members
from gateway.definitions.validation import NAME_CHARACTERS
from gateway.errors import bad_request, conflict, limit_exceeded
from gateway.store.ids import SHORT
from gateway.store.tables import REQUEST_VALIDATOR, REST_API
from gateway.store.transaction import Transaction

REQUEST_VALIDATORS_MAX: Final = 200
"""Request validators of one API."""

_CREATE: Final = members(name=TEXT, validateRequestBody=BOOLEAN, validateRequestParameters=BOOLEAN)


def create_request_validator(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateRequestValidator. An unknown API is a bad request here, as by AWS."""
    api = transaction.row(select(REST_API).where(REST_API.c.id == call.label("restapi_id")))
    if api is None:
        raise bad_request("Invalid REST API identifier specified")
    name = _name(call.body.get("name"))
    of_api = REQUEST_VALIDATOR.c.api == api.sequence
    count = select(func.count()).select_from(REQUEST_VALIDATOR).where(of_api)
    if transaction.value(count) >= REQUEST_VALIDATORS_MAX:
        raise limit_exceeded(f"An API has at most {REQUEST_VALIDATORS_MAX} request validators")
    _check_unique(transaction, api.sequence, name)
    id_ = transaction.new_id(REQUEST_VALIDATOR, SHORT, of_api)
    sequence = transaction.insert(
        REQUEST_VALIDATOR,
        api=api.sequence,
        id=id_,
        name=name,
        validate_request_body=call.body.get("validateRequestBody", False),
        validate_request_parameters=call.body.get("validateRequestParameters", False),
    )
    query = select(REQUEST_VALIDATOR).where(REQUEST_VALIDATOR.c.sequence == sequence)
    return shown(transaction.one(query))


def get_request_validator(transaction: Transaction, call: Call) -> Answer:
    """Serve GetRequestValidator."""
    return shown(_row(transaction, call))


def get_request_validators(transaction: Transaction, call: Call) -> Answer:
    """Serve GetRequestValidators."""
    api = rest_api_of(transaction, call)
    query = select(REQUEST_VALIDATOR).where(REQUEST_VALIDATOR.c.api == api.sequence)
    return page(transaction, call, query, REQUEST_VALIDATOR.c.sequence, shown)


def update_request_validator(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateRequestValidator."""
    row = _row(transaction, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    if "name" in changed:
        _check_unique(transaction, row.api, changed["name"])
    write_row(transaction, REQUEST_VALIDATOR, row, changed)
    return shown(_row(transaction, call))


def delete_request_validator(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteRequestValidator; a method that names it holds it."""
    row = _row(transaction, call)
    method = method_with_validator(transaction, row.api, row.id)
    if method is not None:
        raise conflict(
            f"Cannot delete request validator '{row.name}', is referenced in method: {method}"
        )
    transaction.run(delete(REQUEST_VALIDATOR).where(REQUEST_VALIDATOR.c.sequence == row.sequence))
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a request validator in AWS's shape."""
    return {
        "id": row.id,
        "name": row.name,
        "validateRequestBody": row.validate_request_body,
        "validateRequestParameters": row.validate_request_parameters,
    }


def _row(transaction: Transaction, call: Call) -> AnyRow:
    """Return the row that the labels name; an unknown API counts as an unknown validator."""
    return row_of(
        transaction,
        select(REQUEST_VALIDATOR)
        .join(REST_API, REST_API.c.sequence == REQUEST_VALIDATOR.c.api)
        .where(
            REST_API.c.id == call.label("restapi_id"),
            REQUEST_VALIDATOR.c.id == call.label("requestvalidator_id"),
        ),
        "Invalid Request Validator identifier specified",
    )


def _name(value: str | None) -> str:
    if value is None or not value.strip():
        raise bad_request("Request Validator name cannot be blank")
    if len(value) > NAME_CHARACTERS:
        raise bad_request(f"Request Validator name can be at most {NAME_CHARACTERS} characters")
    return value


def _check_unique(transaction: Transaction, api: int, name: str) -> None:
    same = (REQUEST_VALIDATOR.c.api == api, REQUEST_VALIDATOR.c.name == name)
    if transaction.has(REQUEST_VALIDATOR, *same):
        raise bad_request(
            "Request Validator name must be unique. "
            f"Request Validator {name} already exists in this RestApi."
        )


_PATCHES: Final = PatchTable(
    (
        rule("/name", "replace", patch.member("name", _name)),
        rule(
            "/validateRequestParameters",
            "replace",
            patch.member("validate_request_parameters", patch.boolean),
        ),
        rule(
            "/validateRequestBody", "replace", patch.member("validate_request_body", patch.boolean)
        ),
    ),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "CreateRequestValidator": Served(create_request_validator, body=_CREATE),
    "GetRequestValidator": Served(get_request_validator),
    "GetRequestValidators": Served(get_request_validators),
    "UpdateRequestValidator": Served(update_request_validator, body=PATCH),
    "DeleteRequestValidator": Served(delete_request_validator),
}
"""Operations of this family by name."""
