"""GatewayResponses: Put, Get, GetAll, Update, Delete. Each API has all types; some are customised.

What is stored is what was given; defaults are shown, and never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api.lookups import AnyRow, rest_api_of
from gateway.control.api.mappings import checked_status
from gateway.control.api.patch import (
    PatchOperation,
    PatchTable,
    Working,
    entry,
    operations_of,
    rule,
)
from gateway.control.api.protocol import (
    Answer,
    Call,
    Served,
    decode_position,
    encode_position,
    fitting,
    limit_of,
    present,
)
from gateway.control.api.shapes import PATCH, TEXT, map_of, members
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.validation import STATUS_CODE
from gateway.errors import (
    DEFAULTS,
    ControlError,
    GatewayResponseType,
    Problem,
    bad_request,
    not_found,
    validation_failed,
)
from gateway.mapping.gateway_response import compile_gateway_responses
from gateway.store.tables import GATEWAY_RESPONSE
from gateway.store.transaction import Transaction

DEFAULT_TEMPLATES: Final[Mapping[str, str]] = {
    "application/json": '{"message":$context.error.messageString}'
}

_PUT: Final = members(
    statusCode=TEXT, responseParameters=map_of(TEXT), responseTemplates=map_of(TEXT)
)

_T: Final = GatewayResponseType
_GENERAL: Final = frozenset({_T.DEFAULT_4XX, _T.DEFAULT_5XX})
"""Types that speak for others; without a status of their own."""

_ENUM: Final = (
    "REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, "
    "MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, "
    "BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, ACCESS_DENIED, "
    "DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, API_CONFIGURATION_ERROR, "
    "UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN"
)
"""The types in the order of AWS's message."""


def put_gateway_response(transaction: Transaction, call: Call) -> Answer:
    """Serve PutGatewayResponse: what is left out takes its default."""
    type_ = _type(call)
    api = rest_api_of(transaction, call)
    status = call.body.get("statusCode") or None
    if status is not None:
        checked_status(call, status)
    working: Working = {"status_code": status}
    for member, column in _MAPS.items():
        working[column] = call.body.get(member, {})
        if any(not value for value in working[column].values()):
            raise _empty_value(member)
    return _store(transaction, api, type_, working)


def get_gateway_response(transaction: Transaction, call: Call) -> Answer:
    """Serve GetGatewayResponse, of a type that was never customised too."""
    type_ = _type(call)
    api = rest_api_of(transaction, call)
    return shown(type_, _customised(transaction, api))


def get_gateway_responses(transaction: Transaction, call: Call) -> Answer:
    """Serve GetGatewayResponses: every type, by name."""
    customised = _customised(transaction, rest_api_of(transaction, call))
    position = call.text("position")
    first = decode_position(position) if position else 0
    types = sorted(_T)
    items = fitting((shown(each, customised) for each in types[first:]), limit_of(call))
    listed: dict[str, Any] = {"item": list(items)}
    after = first + len(listed["item"])
    if after < len(types):
        listed["position"] = encode_position(after)
    return listed


def update_gateway_response(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateGatewayResponse; a type that was never customised is from here on."""
    type_ = _type(call)
    api = rest_api_of(transaction, call)
    row = _customised(transaction, api).get(type_)
    working: Working = {
        "status_code": None if row is None else row.status_code,
        "response_parameters": {} if row is None else dict(row.response_parameters),
        "response_templates": dict((row and row.response_templates) or DEFAULT_TEMPLATES),
    }
    operations = operations_of(call.body)
    _PATCHES.apply(operations, working)
    if not operations:
        return shown(type_, _customised(transaction, api))
    return _store(transaction, api, type_, working)


def delete_gateway_response(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteGatewayResponse: back to the default."""
    type_ = _type(call)
    api = rest_api_of(transaction, call)
    of_api = GATEWAY_RESPONSE.c.api == api.sequence
    found = delete(GATEWAY_RESPONSE).where(of_api, GATEWAY_RESPONSE.c.response_type == type_.value)
    if not transaction.run(found):
        raise not_found("Gateway response type not defined on api")
    return None


def shown(
    type_: GatewayResponseType, customised: Mapping[GatewayResponseType, AnyRow]
) -> dict[str, Any]:
    """Return a type's answer in AWS's shape: its own, its class's or the default."""
    default = DEFAULTS[type_].status
    general = _T.DEFAULT_4XX if default < 500 else _T.DEFAULT_5XX
    row = customised.get(type_, customised.get(general))
    status = None if type_ in _GENERAL else str(default)
    return present(
        responseType=type_.value,
        statusCode=(row and row.status_code) or status,
        responseParameters={} if row is None else row.response_parameters,
        responseTemplates=(row and row.response_templates) or dict(DEFAULT_TEMPLATES),
        defaultResponse=type_ not in customised,
    )


def _type(call: Call) -> GatewayResponseType:
    text = call.label("response_type")
    if text not in _T.__members__:
        raise validation_failed(
            f"1 validation error detected: Value '{text[:200]}' at 'responseType' failed to "
            f"satisfy constraint: Member must satisfy enum value set: [{_ENUM}]"
        )
    return _T[text]


def _customised(transaction: Transaction, api: AnyRow) -> dict[GatewayResponseType, AnyRow]:
    query = select(GATEWAY_RESPONSE).where(GATEWAY_RESPONSE.c.api == api.sequence)
    return {_T(row.response_type): row for row in transaction.rows(query)}


def _store(
    transaction: Transaction, api: AnyRow, type_: GatewayResponseType, working: Working
) -> Answer:
    """Keep a type's answer in place of any before; refuse what could not be served."""
    problems: list[Problem] = []
    compile_gateway_responses({type_.value: GatewayResponse(**working)}, path="", problems=problems)
    for problem in problems:
        if problem.severity == "error":
            place = problem.path.removeprefix(f".{type_.value}.")
            raise bad_request(f"Invalid gateway response specified: {place}: {problem.message}")
    if working["response_templates"] == DEFAULT_TEMPLATES:
        working["response_templates"] = {}
    same = (
        GATEWAY_RESPONSE.c.api == api.sequence,
        GATEWAY_RESPONSE.c.response_type == type_.value,
    )
    transaction.run(delete(GATEWAY_RESPONSE).where(*same))
    transaction.insert(GATEWAY_RESPONSE, api=api.sequence, response_type=type_.value, **working)
    return shown(type_, _customised(transaction, api))


def _empty_value(member: str) -> ControlError:
    return bad_request(f"Invalid null or empty value in {member}")


def _given(member: str) -> Any:
    def convert(value: str | None) -> str:
        if not value:
            raise _empty_value(member)
        return value

    return convert


def _no_content_type(_name: str) -> ControlError:
    return not_found("Content-Type specified was not found")


def _patch_status(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    """Set the status; a null or empty value brings the type's own back."""
    value = operation.value or None
    if value is not None and not STATUS_CODE.fullmatch(value):
        raise bad_request(f"Invalid status code specified: {value[:200]}")
    working["status_code"] = value


_MAPS: Final = {
    "responseParameters": "response_parameters",
    "responseTemplates": "response_templates",
}

_PATCHES: Final = PatchTable(
    (
        rule("/statusCode", "replace", _patch_status),
        rule(
            "/responseParameters/{name}",
            "add replace remove",
            entry("response_parameters", _given("responseParameters"), must_exist_to_replace=True),
        ),
        rule(
            "/responseTemplates/{type}",
            "add replace remove",
            entry(
                "response_templates",
                _given("responseTemplates"),
                _no_content_type,
                must_exist_to_replace=True,
            ),
        ),
    )
)

OPERATIONS: Final = {
    "PutGatewayResponse": Served(put_gateway_response, body=_PUT),
    "GetGatewayResponse": Served(get_gateway_response),
    "GetGatewayResponses": Served(get_gateway_responses),
    "UpdateGatewayResponse": Served(update_gateway_response, body=PATCH),
    "DeleteGatewayResponse": Served(delete_gateway_response),
}
"""Operations of this family by name."""
