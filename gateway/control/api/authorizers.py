"""Authorizers: Create, Get, GetAll, Update, Delete.

What one may hold says `gateway.definitions.authorizer_validation`, for files too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.patch import PatchOperation, PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.references import method_with_authorizer
from gateway.control.api.rows import write_row
from gateway.control.api.shapes import (
    BOOLEAN,
    INTEGER,
    PATCH,
    TEXT,
    list_of,
    members,
    one_of,
)
from gateway.definitions.authorizer import AuthorizerType, ClaimFormat, JwtAlgorithm
from gateway.definitions.authorizer_validation import TTL_SECONDS, problems_of_authorizer
from gateway.errors import (
    ConfigurationError,
    bad_request,
    conflict,
    limit_exceeded,
    validation_failed,
)
from gateway.store.api_parts import authorizer_of
from gateway.store.ids import SHORT
from gateway.store.tables import AUTHORIZER, REST_API
from gateway.store.transaction import Transaction

AUTHORIZERS_MAX: Final = 100
"""Authorizers of one API; AWS's 10 may be raised too."""

_CREATE: Final = members(
    name=TEXT,
    type=one_of(*AuthorizerType),
    providerARNs=list_of(TEXT),
    authType=TEXT,
    authorizerUri=TEXT,
    authorizerCredentials=TEXT,
    identitySource=TEXT,
    identityValidationExpression=TEXT,
    authorizerResultTtlInSeconds=INTEGER,
    jwtConfiguration=members(
        issuers=list_of(
            members(
                issuer=TEXT,
                audiences=list_of(TEXT),
                additionalClaims=list_of(
                    members(
                        claimName=TEXT,
                        format=one_of(*ClaimFormat),
                        required=BOOLEAN,
                        expectedValues=list_of(TEXT),
                    )
                ),
            )
        ),
        defaultAlgorithms=list_of(one_of(*JwtAlgorithm)),
    ),
)

_AUTH_TYPES: Final[Mapping[str, str]] = {
    "TOKEN": "custom",
    "REQUEST": "custom",
    "COGNITO_USER_POOLS": "cognito_user_pools",
    "JWT": "jwt",
}
"""Type to the authType of an authorizer that was created without one."""

_TTL_MESSAGE: Final = (
    "Invalid request input: authorizerResultTtlInSeconds must be "
    f"{TTL_SECONDS[0]} to {TTL_SECONDS[1]}"
)


def create_authorizer(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateAuthorizer. An unknown API is a conflict here, as by AWS."""
    api = transaction.row(select(REST_API).where(REST_API.c.id == call.label("restapi_id")))
    if api is None:
        raise conflict(
            "Unable to complete operation due to concurrent modification. Please try again later."
        )
    body = call.body
    for required in ("name", "type"):
        if required not in body:
            raise validation_failed(
                f"1 validation error detected: Value null at 'createAuthorizerInput.{required}' "
                "failed to satisfy constraint: Member must not be null"
            )
    values: Working = {
        "name": _name(body["name"]),
        "type": body["type"],
        "provider_arns": list(dict.fromkeys(body.get("providerARNs", []))),
        "auth_type": body.get("authType") or _AUTH_TYPES[body["type"]],
        "authorizer_uri": body.get("authorizerUri") or None,
        "authorizer_credentials": body.get("authorizerCredentials") or None,
        "identity_source": body.get("identitySource") or None,
        "identity_validation_expression": body.get("identityValidationExpression") or None,
        "authorizer_result_ttl_in_seconds": body.get("authorizerResultTtlInSeconds"),
        "jwt_configuration": body.get("jwtConfiguration"),
    }
    of_api = AUTHORIZER.c.api == api.sequence
    id_ = transaction.new_id(AUTHORIZER, SHORT, of_api)
    _check(transaction, api.sequence, {"id": id_, **values})
    count = select(func.count()).select_from(AUTHORIZER).where(of_api)
    if transaction.value(count) >= AUTHORIZERS_MAX:
        raise limit_exceeded(f"An API has at most {AUTHORIZERS_MAX} authorizers")
    sequence = transaction.insert(AUTHORIZER, api=api.sequence, id=id_, **values)
    return shown(transaction.one(select(AUTHORIZER).where(AUTHORIZER.c.sequence == sequence)))


def get_authorizer(transaction: Transaction, call: Call) -> Answer:
    """Serve GetAuthorizer."""
    return shown(_row(transaction, call))


def get_authorizers(transaction: Transaction, call: Call) -> Answer:
    """Serve GetAuthorizers."""
    api = rest_api_of(transaction, call)
    query = select(AUTHORIZER).where(AUTHORIZER.c.api == api.sequence)
    return page(transaction, call, query, AUTHORIZER.c.sequence, shown)


def update_authorizer(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateAuthorizer."""
    row = _row(transaction, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    if changed:
        _check(transaction, row.api, {**row._asdict(), **changed})
        _check_methods(transaction, row, changed.get("type", row.type))
        write_row(transaction, AUTHORIZER, row, changed)
    return shown(_row(transaction, call))


def delete_authorizer(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteAuthorizer; a method that names it holds it."""
    row = _row(transaction, call)
    method = method_with_authorizer(transaction, row.api, row.id)
    if method is not None:
        raise conflict(f"Cannot delete authorizer '{row.name}', is referenced in method: {method}")
    transaction.run(delete(AUTHORIZER).where(AUTHORIZER.c.sequence == row.sequence))
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return an authorizer in AWS's shape."""
    return present(
        id=row.id,
        name=row.name,
        type=row.type,
        providerARNs=row.provider_arns or None,
        authType=row.auth_type,
        authorizerUri=row.authorizer_uri,
        authorizerCredentials=row.authorizer_credentials,
        identitySource=row.identity_source,
        identityValidationExpression=row.identity_validation_expression,
        authorizerResultTtlInSeconds=row.authorizer_result_ttl_in_seconds,
        jwtConfiguration=row.jwt_configuration,
    )


def _row(transaction: Transaction, call: Call) -> AnyRow:
    api = rest_api_of(transaction, call)
    same = (AUTHORIZER.c.api == api.sequence, AUTHORIZER.c.id == call.label("authorizer_id"))
    return row_of(
        transaction, select(AUTHORIZER).where(*same), "Invalid Authorizer identifier specified"
    )


def _check(transaction: Transaction, api: int, values: Working) -> None:
    """Refuse an authorizer that could not work, or whose name another one has."""
    try:
        authorizer = authorizer_of(values)
    except ConfigurationError as error:
        raise bad_request(f"Invalid request input: {error.problems[0]}") from None
    problem = next(problems_of_authorizer(authorizer), None)
    if problem is not None:
        raise bad_request(problem.message)
    same = (AUTHORIZER.c.api == api, AUTHORIZER.c.name == values["name"])
    if transaction.has(AUTHORIZER, *same, AUTHORIZER.c.id != values["id"]):
        raise bad_request(
            "Authorizer name must be unique. "
            f"Authorizer {values['name']} already exists in this RestApi."
        )


def _check_methods(transaction: Transaction, row: AnyRow, type_: str) -> None:
    """Refuse a type that the methods which name the authorizer do not take."""
    if {row.type, type_} <= {"TOKEN", "REQUEST"} or row.type == type_:
        return
    method = method_with_authorizer(transaction, row.api, row.id)
    if method is not None:
        raise conflict(
            f"Cannot change the type of authorizer '{row.name}', is referenced in method: {method}"
        )


def _name(value: str | None) -> str:
    if not value or not value.strip():
        raise bad_request("Invalid request input: name must be non-empty")
    return value


def _patch_source(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    """Set the sources, add one to them, or take one away; without a value all of them."""
    value = operation.value or ""
    before = [each.strip() for each in (working["identity_source"] or "").split(",") if each]
    if operation.op == "replace" or not value:
        working["identity_source"] = None if operation.op == "remove" else value or None
        return
    kept = [each for each in before if each != value]
    after = [*kept, value] if operation.op == "add" else kept
    working["identity_source"] = ",".join(after) or None


def _patch_provider(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    arns: list[str] = working["provider_arns"]
    value = operation.value or ""
    if operation.op == "add" and value not in arns:
        arns.append(value)
    elif operation.op == "remove" and value in arns:
        arns.remove(value)


_PATCHES: Final = PatchTable(
    (
        rule("/authorizerUri", "replace", patch.member("authorizer_uri")),
        rule("/authorizerCredentials", "replace", patch.member("authorizer_credentials")),
        rule(
            "/authorizerResultTtlInSeconds",
            "replace",
            patch.member(
                "authorizer_result_ttl_in_seconds",
                patch.optional(patch.integer(_TTL_MESSAGE, *TTL_SECONDS)),
            ),
        ),
        rule("/authType", "replace", patch.member("auth_type")),
        rule(
            "/identityValidationExpression",
            "replace",
            patch.member("identity_validation_expression"),
        ),
        rule("/name", "replace", patch.member("name", _name)),
        rule(
            "/type",
            "replace",
            patch.member(
                "type",
                patch.choice(
                    AuthorizerType,
                    f"Invalid request input: type must be one of {', '.join(AuthorizerType)}",
                ),
            ),
        ),
        rule("/identitySource", "add replace remove", _patch_source),
        rule("/providerARNs", "add remove", _patch_provider),
    ),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "CreateAuthorizer": Served(create_authorizer, body=_CREATE),
    "GetAuthorizer": Served(get_authorizer),
    "GetAuthorizers": Served(get_authorizers),
    "UpdateAuthorizer": Served(update_authorizer, body=PATCH),
    "DeleteAuthorizer": Served(delete_authorizer),
}
"""Operations of this family by name. TestInvokeAuthorizer waits for authorizers that are asked."""
