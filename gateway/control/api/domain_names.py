"""DomainNames: Create, Get, GetAll, Update, Delete. Private ones are refused: nothing is private.

Certificates are named, not held: what is named is shown to AWS's clients, and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.domain_rows import (
    check_domain,
    domain_shown,
    new_domain,
    target_of_domain,
)
from gateway.control.api.lookups import AnyRow, domain_of, refuse_if_file_owns
from gateway.control.api.patch import Apply, PatchOperation, PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.rest_apis import (
    ENDPOINT_ACCESS_MODE,
    ENDPOINT_CONFIGURATION,
    IP_ADDRESS_TYPES,
    SECURITY_POLICY,
)
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import PATCH, TEXT, map_of, members, one_of
from gateway.control.api.tags import drop_tags, put_tags, shown_tags, tags_of
from gateway.errors import ControlError, bad_request, conflict, validation_failed
from gateway.store.served import ASIDE
from gateway.store.tables import DOMAIN_NAME
from gateway.store.transaction import Transaction

DOMAINS_MAX: Final = 1000
"""Custom domain names of one gateway (AWS: 120, adjustable)."""

_TYPES: Final = ("EDGE", "REGIONAL")
_OWNERS: Final = ("SELF", "OTHER_ACCOUNTS")

_ROUTING_MODE: Final = one_of(
    "BASE_PATH_MAPPING_ONLY", "ROUTING_RULE_ONLY", "ROUTING_RULE_THEN_BASE_PATH_MAPPING"
)
_CREATE: Final = members(
    domainName=TEXT,
    certificateName=TEXT,
    certificateBody=TEXT,
    certificatePrivateKey=TEXT,
    certificateChain=TEXT,
    certificateArn=TEXT,
    regionalCertificateName=TEXT,
    regionalCertificateArn=TEXT,
    endpointConfiguration=ENDPOINT_CONFIGURATION,
    tags=map_of(TEXT),
    securityPolicy=SECURITY_POLICY,
    endpointAccessMode=ENDPOINT_ACCESS_MODE,
    mutualTlsAuthentication=members(truststoreUri=TEXT, truststoreVersion=TEXT),
    ownershipVerificationCertificateArn=TEXT,
    policy=TEXT,
    routingMode=_ROUTING_MODE,
)

_UPLOADS: Final = ("certificateBody", "certificatePrivateKey", "certificateChain")
_UPLOAD_MESSAGE: Final = (
    "Certificates cannot be uploaded: leave {name} out, and name one by certificateArn or "
    "regionalCertificateArn"
)
_PRIVATE_MESSAGE: Final = "PRIVATE domain names are not supported: use REGIONAL or EDGE"
_POLICY_MESSAGE: Final = "A policy is for private domain names only, and there are none"
_TYPES_MESSAGE: Final = "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE"
_ARN_MESSAGE: Final = "Invalid certificate ARN specified"


def create_domain_name(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateDomainName."""
    body = call.body
    name = body.get("domainName", "")
    values = _checked(transaction, body)
    check_domain(values)
    if name.endswith(ASIDE):
        raise bad_request(f"Invalid domain name specified: names in {ASIDE} are the gateway's own")
    refuse_if_file_owns(transaction, DOMAIN_NAME.c.domain_name, name)
    if transaction.has(DOMAIN_NAME, DOMAIN_NAME.c.domain_name == name):
        raise conflict("The domain name you provided already exists.")
    refuse_one_more(
        transaction, DOMAIN_NAME, DOMAINS_MAX, f"At most {DOMAINS_MAX} domain names are kept"
    )
    transaction.insert(DOMAIN_NAME, **values)
    put_tags(transaction, target_of_domain(name), body.get("tags"))
    transaction.changes.are_domains_changed = True
    row = transaction.one(select(DOMAIN_NAME).where(DOMAIN_NAME.c.domain_name == name))
    return _with_tags(transaction, row, call)


def get_domain_name(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDomainName."""
    return _with_tags(transaction, domain_of(transaction, call), call)


def get_domain_names(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDomainNames. Other accounts share none with this one."""
    owner = call.text("resourceOwner") or "SELF"
    if owner not in _OWNERS:
        raise validation_failed(
            f"1 validation error detected: Value '{owner}' at 'getDomainNamesInput.resourceOwner' "
            "failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(_OWNERS)}]"
        )
    query = select(DOMAIN_NAME)
    if owner != "SELF":
        query = query.where(DOMAIN_NAME.c.sequence < 0)

    def item(row: AnyRow) -> dict[str, Any]:
        return _with_tags(transaction, row, call)

    return page(transaction, call, query, DOMAIN_NAME.c.sequence, item)


def update_domain_name(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateDomainName."""
    row = domain_of(transaction, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    if changed:
        check_domain({**row._asdict(), **changed})
        if changed.keys() & {"certificate_arn", "certificate_name"}:
            changed["certificate_epoch"] = transaction.epoch
        write_row(transaction, DOMAIN_NAME, row, changed)
        transaction.changes.are_domains_changed = True
    shown = domain_shown(domain_of(transaction, call), call)
    return {**shown, "tags": tags_of(transaction, target_of_domain(row.domain_name))}


def delete_domain_name(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteDomainName: its mappings go with it."""
    row = domain_of(transaction, call)
    transaction.run(delete(DOMAIN_NAME).where(DOMAIN_NAME.c.sequence == row.sequence))
    drop_tags(transaction, target_of_domain(row.domain_name))
    transaction.changes.are_domains_changed = True
    return None


def _with_tags(transaction: Transaction, row: AnyRow, call: Call) -> dict[str, Any]:
    tags = shown_tags(transaction, target_of_domain(row.domain_name))
    return {**domain_shown(row, call), **tags}


def _checked(transaction: Transaction, body: dict[str, Any]) -> dict[str, Any]:
    """Return a CreateDomainName body as columns."""
    for name in _UPLOADS:
        if name in body:
            raise bad_request(_UPLOAD_MESSAGE.format(name=name))
    if body.get("policy"):
        raise bad_request(_POLICY_MESSAGE)
    is_certified = body.get("certificateArn") or body.get("certificateName")
    values = {
        **new_domain(transaction, body.get("domainName", "")),
        "certificate_name": body.get("certificateName") or None,
        "certificate_arn": _certificate(body.get("certificateArn")),
        "certificate_epoch": transaction.epoch if is_certified else None,
        "regional_certificate_name": body.get("regionalCertificateName") or None,
        "regional_certificate_arn": _certificate(body.get("regionalCertificateArn")),
        "ownership_verification_certificate_arn": _certificate(
            body.get("ownershipVerificationCertificateArn")
        ),
        "endpoint_configuration": _endpoint(body.get("endpointConfiguration", {})),
        "mutual_tls_authentication": body.get("mutualTlsAuthentication"),
        "endpoint_access_mode": body.get("endpointAccessMode"),
    }
    given = {"security_policy": "securityPolicy", "routing_mode": "routingMode"}
    return {**values, **{column: body[name] for column, name in given.items() if name in body}}


def _endpoint(given: dict[str, Any]) -> dict[str, Any]:
    types = given.get("types", ["EDGE"])
    if "PRIVATE" in types or given.get("vpcEndpointIds"):
        raise bad_request(_PRIVATE_MESSAGE)
    if len(types) > 1:
        raise bad_request("Cannot create a domain name with multiple Endpoint Types.")
    return {"types": types, "ipAddressType": given.get("ipAddressType", "ipv4")}


def _certificate(value: str | None) -> str | None:
    if not value:
        return None
    if not value.startswith("arn:") or len(value) > 2048 or not value.isprintable():
        raise bad_request(f"{_ARN_MESSAGE}: it begins with arn:")
    return value


def _type_of(text: str | None) -> str:
    if text == "PRIVATE":
        raise bad_request(_PRIVATE_MESSAGE)
    if text not in _TYPES:
        raise bad_request(_TYPES_MESSAGE)
    return text


def _patch_types(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    """Add a type beside the other (a domain that migrates), or take one away."""
    types: list[str] = working["endpoint_configuration"]["types"]
    type_ = _type_of(operation.value)
    if operation.op == "add" and type_ not in types:
        types.append(type_)
    elif operation.op == "remove" and type_ in types:
        types.remove(type_)


def _patch_type(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
    """Replace the type that the path names by the value, or take it away."""
    types: list[str] = working["endpoint_configuration"]["types"]
    if places[0] not in types:
        raise bad_request(_TYPES_MESSAGE)
    types.remove(places[0])
    if operation.op == "replace":
        type_ = _type_of(operation.value)
        if type_ not in types:
            types.append(type_)


def _patch_ip(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    if operation.value not in IP_ADDRESS_TYPES:
        raise bad_request("ipAddressType must be either ipv4 or dualstack.")
    working["endpoint_configuration"]["ipAddressType"] = operation.value


def _truststore(name: str) -> Apply:
    def apply(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
        value = None if operation.op == "remove" else operation.value or None
        if name == "truststoreUri" and value is None:
            # AWS's way to switch it off.
            working["mutual_tls_authentication"] = None
            return
        mutual = working["mutual_tls_authentication"] or {}
        working["mutual_tls_authentication"] = present(**{**mutual, name: value}) or None

    return apply


def _refuse_policy(_value: str | None) -> ControlError:
    raise bad_request(_POLICY_MESSAGE)


_ANY: Final = "add replace remove"

_PATCHES: Final = PatchTable(
    (
        rule("/certificateName", _ANY, patch.member("certificate_name")),
        rule("/certificateArn", _ANY, patch.member("certificate_arn", _certificate)),
        rule("/regionalCertificateName", _ANY, patch.member("regional_certificate_name")),
        rule(
            "/regionalCertificateArn", _ANY, patch.member("regional_certificate_arn", _certificate)
        ),
        rule(
            "/ownershipVerificationCertificateArn",
            _ANY,
            patch.member("ownership_verification_certificate_arn", _certificate),
        ),
        rule("/endpointConfiguration/types", "add remove", _patch_types),
        rule("/endpointConfiguration/types/{type}", "replace remove", _patch_type),
        rule("/endpointConfiguration/ipAddressType", "replace", _patch_ip),
        rule(
            "/endpointAccessMode",
            "replace",
            patch.member(
                "endpoint_access_mode",
                patch.optional(
                    patch.choice(ENDPOINT_ACCESS_MODE.enum, "Invalid EndpointAccessMode specified")
                ),
            ),
        ),
        rule("/managementPolicy", "replace", patch.member("policy", _refuse_policy)),
        rule("/policy", "replace", patch.member("policy", _refuse_policy)),
        rule(
            "/routingMode",
            "replace",
            patch.member(
                "routing_mode", patch.choice(_ROUTING_MODE.enum, "Invalid RoutingMode specified")
            ),
        ),
        rule(
            "/securityPolicy",
            "replace",
            patch.member(
                "security_policy",
                patch.choice(SECURITY_POLICY.enum, "Invalid SecurityPolicy specified"),
            ),
        ),
        rule("/mutualTlsAuthentication/truststoreUri", _ANY, _truststore("truststoreUri")),
        rule("/mutualTlsAuthentication/truststoreVersion", _ANY, _truststore("truststoreVersion")),
    )
)

OPERATIONS: Final = {
    "CreateDomainName": Served(create_domain_name, body=_CREATE),
    "GetDomainName": Served(get_domain_name),
    "GetDomainNames": Served(get_domain_names),
    "UpdateDomainName": Served(update_domain_name, body=PATCH),
    "DeleteDomainName": Served(delete_domain_name),
}
"""Operations of this family by name."""
