"""Methods and their declared responses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, method_of, method_response_of, resource_of
from gateway.control.api.mappings import bad_mapping, check_status_code
from gateway.control.api.method_view import method_response_shown, method_shown
from gateway.control.api.patch import PatchOperation, PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served
from gateway.control.api.references import has_authorizer, has_model, has_request_validator
from gateway.control.api.rows import write_row
from gateway.control.api.shapes import BOOLEAN, PATCH, TEXT, list_of, map_of, members
from gateway.control.api.sizes import check_method_size
from gateway.definitions.rest_api import METHODS, AuthorizationType
from gateway.errors import ControlError, bad_request, conflict, not_found
from gateway.store.tables import METHOD, METHOD_RESPONSE, RESOURCE
from gateway.store.transaction import Transaction

_PUT_METHOD: Final = members(
    authorizationType=TEXT,
    authorizerId=TEXT,
    apiKeyRequired=BOOLEAN,
    operationName=TEXT,
    requestParameters=map_of(BOOLEAN),
    requestModels=map_of(TEXT),
    requestValidatorId=TEXT,
    authorizationScopes=list_of(TEXT),
)
_PUT_RESPONSE: Final = members(responseParameters=map_of(BOOLEAN), responseModels=map_of(TEXT))

_REQUEST_PARAMETER: Final = re.compile(
    r"method\.request\.(path|querystring|header)\.([a-zA-Z0-9._$-]+(?:\[\])?)"
)
_RESPONSE_PARAMETER: Final = re.compile(r"method\.response\.header\.[a-zA-Z0-9._$-]+")
_NEEDS_AUTHORIZER: Final = frozenset({"CUSTOM", "COGNITO_USER_POOLS", "JWT"})
_AUTHORIZER_MESSAGE: Final = (
    "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
    "COGNITO_USER_POOLS requires a valid authorizer."
)
_TYPE_MESSAGE: Final = (
    f"Invalid authorization type specified. Valid options are {','.join(AuthorizationType)}"
)


def put_method(transaction: Transaction, call: Call) -> Answer:
    """Serve PutMethod."""
    resource = resource_of(transaction, call)
    verb = call.label("http_method")
    if verb not in METHODS:
        raise bad_request(f"Invalid HttpMethod specified. Valid options are {','.join(METHODS)}")
    same = (METHOD.c.resource == resource.sequence, METHOD.c.http_method == verb)
    if transaction.has(METHOD, *same):
        raise conflict("Method already exists for this resource")
    body = call.body
    values: Working = {
        "authorization_type": body.get("authorizationType", ""),
        "authorizer_id": body.get("authorizerId"),
        "authorization_scopes": list(dict.fromkeys(body.get("authorizationScopes", []))),
        "api_key_required": body.get("apiKeyRequired", False),
        "operation_name": body.get("operationName"),
        "request_validator_id": body.get("requestValidatorId") or None,
        "request_parameters": _booleans(body.get("requestParameters", {})),
        "request_models": body.get("requestModels", {}),
    }
    _check_method(transaction, resource.api, values)
    made = transaction.insert(METHOD, resource=resource.sequence, http_method=verb, **values)
    check_method_size(transaction, made)
    return get_method(transaction, call)


def get_method(transaction: Transaction, call: Call) -> Answer:
    """Serve GetMethod."""
    return method_shown(transaction, method_of(transaction, call))


def update_method(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateMethod."""
    row = method_of(transaction, call)
    changed = patch.patch_row(row, call.body, _METHOD_PATCHES)
    if changed:
        after = {**row._asdict(), **changed}
        _check_method(transaction, _api_of(transaction, row), after)
        changed["authorizer_id"] = after["authorizer_id"]
        write_row(transaction, METHOD, row, changed)
        check_method_size(transaction, row.sequence)
    return get_method(transaction, call)


def delete_method(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteMethod."""
    row = method_of(transaction, call)
    transaction.run(delete(METHOD).where(METHOD.c.sequence == row.sequence))
    return None


def put_method_response(transaction: Transaction, call: Call) -> Answer:
    """Serve PutMethodResponse."""
    status = check_status_code(call)
    method = method_of(transaction, call)
    same = (METHOD_RESPONSE.c.method == method.sequence, METHOD_RESPONSE.c.status_code == status)
    if transaction.has(METHOD_RESPONSE, *same):
        raise conflict("Response already exists for this resource")
    values: Working = {
        "response_parameters": _booleans(call.body.get("responseParameters", {})),
        "response_models": call.body.get("responseModels", {}),
    }
    _check_response(transaction, _api_of(transaction, method), values)
    transaction.insert(METHOD_RESPONSE, method=method.sequence, status_code=status, **values)
    check_method_size(transaction, method.sequence)
    return get_method_response(transaction, call)


def get_method_response(transaction: Transaction, call: Call) -> Answer:
    """Serve GetMethodResponse."""
    return method_response_shown(method_response_of(transaction, call))


def update_method_response(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateMethodResponse."""
    row = method_response_of(transaction, call)
    changed = patch.patch_row(row, call.body, _RESPONSE_PATCHES)
    if changed:
        api = _api_of(transaction, method_of(transaction, call))
        _check_response(transaction, api, {**row._asdict(), **changed})
        write_row(transaction, METHOD_RESPONSE, row, changed)
        check_method_size(transaction, row.method)
    return get_method_response(transaction, call)


def delete_method_response(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteMethodResponse."""
    row = method_response_of(transaction, call)
    found = METHOD_RESPONSE.c.sequence == row.sequence
    transaction.run(delete(METHOD_RESPONSE).where(found))
    return None


def _api_of(transaction: Transaction, method: AnyRow) -> int:
    query = select(RESOURCE.c.api).where(RESOURCE.c.sequence == method.resource)
    return int(transaction.value(query))


def _check_method(transaction: Transaction, api: int, values: Working) -> None:
    """Refuse what AWS would not take, and forget an authorizer that the type does not use."""
    type_ = values["authorization_type"]
    if type_ not in set(AuthorizationType):
        raise bad_request(_TYPE_MESSAGE)
    if type_ in _NEEDS_AUTHORIZER:
        id_ = values["authorizer_id"]
        if not id_ or not has_authorizer(transaction, api, id_, type_):
            raise bad_request(_AUTHORIZER_MESSAGE)
    else:
        values["authorizer_id"] = None
    validator = values["request_validator_id"]
    if validator is not None and not has_request_validator(transaction, api, validator):
        raise bad_request("Invalid Request Validator identifier specified")
    names: set[str] = set()
    for key in values["request_parameters"]:
        declared = _REQUEST_PARAMETER.fullmatch(key)
        if declared is None:
            raise bad_mapping(key)
        if declared[2] in names:
            raise bad_request("Parameter names must be unique across querystring, header and path")
        names.add(declared[2])
    _check_models(transaction, api, values["request_models"].values())


def _check_response(transaction: Transaction, api: int, values: Working) -> None:
    for key in values["response_parameters"]:
        if not _RESPONSE_PARAMETER.fullmatch(key):
            raise bad_mapping(key)
    _check_models(transaction, api, values["response_models"].values())


def _check_models(transaction: Transaction, api: int, names: Iterable[str | None]) -> None:
    for name in names:
        if not name or not has_model(transaction, api, name):
            raise bad_request(f"Invalid model identifier specified: {name}")


def _booleans(given: Mapping[str, bool | None]) -> dict[str, bool]:
    return {name: bool(value) for name, value in given.items()}


def _patch_scope(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    scopes: list[str] = working["authorization_scopes"]
    value = operation.value or ""
    if operation.op == "add" and value and value not in scopes:
        scopes.append(value)
    elif operation.op == "remove" and value in scopes:
        scopes.remove(value)


def _no_content_type(_name: str) -> ControlError:
    return not_found("Content-Type specified was not found")


_METHOD_PATCHES: Final = PatchTable(
    (
        rule("/authorizationScopes", "add remove", _patch_scope),
        rule(
            "/authorizationType", "replace", patch.member("authorization_type", patch.text_or_empty)
        ),
        rule("/authorizerId", "replace", patch.member("authorizer_id")),
        rule("/apiKeyRequired", "replace", patch.member("api_key_required", patch.boolean)),
        rule("/operationName", "replace", patch.member("operation_name")),
        rule("/requestValidatorId", "replace", patch.member("request_validator_id")),
        rule(
            "/requestParameters/{name}",
            "add replace remove",
            patch.entry("request_parameters", patch.boolean),
        ),
        rule(
            "/requestModels/{type}",
            "add replace remove",
            patch.entry("request_models", patch.text_or_empty, _no_content_type),
        ),
    )
)

_RESPONSE_PATCHES: Final = PatchTable(
    (
        rule(
            "/responseModels/{type}",
            "add replace remove",
            patch.entry(
                "response_models", patch.text_or_empty, _no_content_type, must_exist_to_replace=True
            ),
        ),
        rule(
            "/responseParameters/{name}",
            "add replace remove",
            patch.entry("response_parameters", patch.boolean, must_exist_to_replace=True),
        ),
    )
)

OPERATIONS: Final = {
    "PutMethod": Served(put_method, body=_PUT_METHOD),
    "GetMethod": Served(get_method),
    "UpdateMethod": Served(update_method, body=PATCH),
    "DeleteMethod": Served(delete_method),
    "PutMethodResponse": Served(put_method_response, body=_PUT_RESPONSE),
    "GetMethodResponse": Served(get_method_response),
    "UpdateMethodResponse": Served(update_method_response, body=PATCH),
    "DeleteMethodResponse": Served(delete_method_response),
}
"""Operations of this family by name."""
