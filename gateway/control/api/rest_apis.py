"""RestApis: Create, Get, GetAll, Update, Delete."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.base_path_mappings import refuse_if_mapped
from gateway.control.api.endpoint_security import refuse_enhanced_api
from gateway.control.api.lookups import AnyRow, no_such_api, rest_api_of
from gateway.control.api.patch import PatchOperation, PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present, timestamp
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import (
    BOOLEAN,
    INTEGER,
    PATCH,
    TEXT,
    list_of,
    map_of,
    members,
    one_of,
)
from gateway.control.api.tags import drop_tags, put_tags, shown_tags, tags_of
from gateway.control.api.usage_plan_stages import forget_stages
from gateway.definitions.domain import SecurityPolicy
from gateway.definitions.validation import (
    COMPRESSION_BYTES_MAX,
    NAME_CHARACTERS,
    POLICY_CHARACTERS,
    is_json_object,
)
from gateway.errors import bad_request
from gateway.store.api_parts import write_built_in_models
from gateway.store.ids import LONG
from gateway.store.tables import RESOURCE, REST_API
from gateway.store.transaction import Transaction
from gateway.store.working_copy import copy_definition

APIS_MAX: Final = 100_000
"""APIs of one gateway; more would make its start slow."""

ENDPOINT_TYPES: Final = ("PRIVATE", "EDGE", "REGIONAL")
IP_ADDRESS_TYPES: Final = ("dualstack", "ipv4")

SECURITY_POLICY: Final = one_of(*(policy.value for policy in SecurityPolicy))
ENDPOINT_ACCESS_MODE: Final = one_of("BASIC", "STRICT")
ENDPOINT_CONFIGURATION: Final = members(
    types=list_of(one_of(*ENDPOINT_TYPES)),
    ipAddressType=one_of(*IP_ADDRESS_TYPES),
    vpcEndpointIds=list_of(TEXT),
)

_CREATE: Final = members(
    name=TEXT,
    description=TEXT,
    version=TEXT,
    cloneFrom=TEXT,
    binaryMediaTypes=list_of(TEXT),
    minimumCompressionSize=INTEGER,
    apiKeySource=one_of("HEADER", "AUTHORIZER"),
    endpointConfiguration=ENDPOINT_CONFIGURATION,
    policy=TEXT,
    tags=map_of(TEXT),
    disableExecuteApiEndpoint=BOOLEAN,
    securityPolicy=SECURITY_POLICY,
    endpointAccessMode=ENDPOINT_ACCESS_MODE,
)

_COMPRESSION_MESSAGE: Final = (
    f"Invalid minimum compression size, must be between 0 and {COMPRESSION_BYTES_MAX}"
)
_TYPES_MESSAGE: Final = "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"
_PRIVATE_MESSAGE: Final = "Only dualstack ipAddressType is supported for Private APIs."
_NAME_MESSAGE: Final = "Invalid REST API name specified"
_OPS_MESSAGE: Final = "Invalid patch operation specified. Must be 'add'|'remove'|'replace'"


def target_of_api(api_id: str) -> str:
    """Return the part of an API's ARN under which its tags are kept."""
    return f"/restapis/{api_id}"


def create_rest_api(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateRestApi: the API and its root resource."""
    body = call.body
    source = _clone_source(transaction, call, body.get("cloneFrom"))
    values = _cloned(_checked(body), body, source)
    refuse_enhanced_api(values["security_policy"], values["endpoint_access_mode"])
    refuse_one_more(transaction, REST_API, APIS_MAX, f"At most {APIS_MAX} APIs are kept")
    api_id = transaction.new_id(REST_API, LONG)
    root_id = transaction.new_id(RESOURCE, LONG)
    sequence = transaction.insert(
        REST_API,
        id=api_id,
        root_resource_id=root_id,
        created_epoch=transaction.epoch,
        **values,
    )
    if source is None:
        transaction.insert(RESOURCE, api=sequence, id=root_id, path="/")
        write_built_in_models(transaction, sequence)
    else:
        copy_definition(transaction, source.sequence, sequence, root_id)
    put_tags(transaction, target_of_api(api_id), body.get("tags"))
    row = transaction.one(select(REST_API).where(REST_API.c.sequence == sequence))
    return {**shown(row), **shown_tags(transaction, target_of_api(api_id))}


def get_rest_api(transaction: Transaction, call: Call) -> Answer:
    """Serve GetRestApi."""
    row = rest_api_of(transaction, call)
    return {**shown(row), "tags": tags_of(transaction, target_of_api(row.id))}


def get_rest_apis(transaction: Transaction, call: Call) -> Answer:
    """Serve GetRestApis."""

    def item(row: AnyRow) -> dict[str, Any]:
        return {**shown(row), **shown_tags(transaction, target_of_api(row.id))}

    return page(transaction, call, select(REST_API), REST_API.c.sequence, item)


def update_rest_api(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateRestApi."""
    row = rest_api_of(transaction, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    if changed.keys() & {"security_policy", "endpoint_access_mode"}:
        after = {**row._asdict(), **changed}
        refuse_enhanced_api(after["security_policy"], after["endpoint_access_mode"])
    write_row(transaction, REST_API, row, changed)
    return get_rest_api(transaction, call)


def delete_rest_api(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteRestApi: everything below the API goes with it."""
    row = rest_api_of(transaction, call)
    refuse_if_mapped(transaction, row.id)
    transaction.run(delete(REST_API).where(REST_API.c.sequence == row.sequence))
    drop_tags(transaction, target_of_api(row.id))
    forget_stages(transaction, row.id)
    transaction.changes.apis.add(row.id)
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return an API in AWS's shape, without tags."""
    return present(
        id=row.id,
        name=row.name,
        description=row.description,
        createdDate=timestamp(row.created_epoch),
        version=row.version,
        binaryMediaTypes=row.binary_media_types or None,
        minimumCompressionSize=row.minimum_compression_size,
        apiKeySource=row.api_key_source,
        endpointConfiguration=row.endpoint_configuration,
        policy=row.policy,
        disableExecuteApiEndpoint=row.disable_execute_api_endpoint,
        rootResourceId=row.root_resource_id,
        securityPolicy=row.security_policy,
        endpointAccessMode=row.endpoint_access_mode,
    )


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """Return a CreateRestApi body as columns."""
    if body.get("description") == "":
        raise bad_request("Description cannot be an empty string")
    size = body.get("minimumCompressionSize")
    if size is not None and not 0 <= size <= COMPRESSION_BYTES_MAX:
        raise bad_request(_COMPRESSION_MESSAGE)
    return {
        "name": _name(body.get("name")),
        "description": body.get("description"),
        "version": body.get("version") or None,
        "api_key_source": body.get("apiKeySource", "HEADER"),
        "binary_media_types": list(dict.fromkeys(body.get("binaryMediaTypes", []))),
        "minimum_compression_size": size,
        "disable_execute_api_endpoint": body.get("disableExecuteApiEndpoint", False),
        "policy": _policy(body.get("policy")),
        "endpoint_configuration": _endpoint(body.get("endpointConfiguration", {})),
        "security_policy": body.get("securityPolicy"),
        "endpoint_access_mode": body.get("endpointAccessMode"),
    }


def _cloned(values: Working, body: dict[str, Any], source: AnyRow | None) -> Working:
    """Return the columns of a clone: what the body does not say is as it is in the source.

    A guarded API's clone without its policy would be open.
    """
    if source is None:
        return values
    kept = {column: getattr(source, column) for name, column in _CLONED.items() if name not in body}
    return {**values, **kept}


_CLONED: Final = {
    "apiKeySource": "api_key_source",
    "binaryMediaTypes": "binary_media_types",
    "minimumCompressionSize": "minimum_compression_size",
    "disableExecuteApiEndpoint": "disable_execute_api_endpoint",
    "policy": "policy",
    "endpointConfiguration": "endpoint_configuration",
    "securityPolicy": "security_policy",
    "endpointAccessMode": "endpoint_access_mode",
}
"""Member to column of what a clone has from its source."""


def _endpoint(given: dict[str, Any]) -> dict[str, Any]:
    types = given.get("types", ["EDGE"])
    if not types:
        raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    if len(types) > 1:
        raise bad_request("Cannot create an api with multiple Endpoint Types.")
    is_private = types == ["PRIVATE"]
    ip_address_type = given.get("ipAddressType", "dualstack" if is_private else "ipv4")
    if is_private and ip_address_type != "dualstack":
        raise bad_request(_PRIVATE_MESSAGE)
    return present(
        types=types,
        ipAddressType=ip_address_type,
        vpcEndpointIds=given.get("vpcEndpointIds") or None,
    )


def _name(value: str | None) -> str:
    if not value or not value.strip() or len(value) > NAME_CHARACTERS:
        raise bad_request(f"{_NAME_MESSAGE}: 1 to {NAME_CHARACTERS} characters")
    return value


def _policy(value: str | None) -> str | None:
    if value is None or not value.strip():
        return None
    if len(value) > POLICY_CHARACTERS:
        text = f"Invalid policy document. It has at most {POLICY_CHARACTERS} characters"
        raise bad_request(text)
    if not is_json_object(value):
        raise bad_request("Invalid policy document. It must be the text of a JSON object")
    return value


def _clone_source(transaction: Transaction, call: Call, api_id: str | None) -> AnyRow | None:
    if api_id is None:
        return None
    row = transaction.row(select(REST_API).where(REST_API.c.id == api_id))
    if row is None:
        raise no_such_api(call, api_id)
    return row


def _compression(value: str | None) -> int | None:
    """A null or empty value switches compression off."""
    if not value:
        return None
    found: int = patch.integer(_COMPRESSION_MESSAGE, 0, COMPRESSION_BYTES_MAX)(value)
    return found


def _patch_media_type(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
    """Add, remove, or replace the named type by the value; `-` is a name like any other."""
    types: list[str] = working["binary_media_types"]
    named = places[0]
    if operation.op != "add":
        if named not in types:
            raise patch.plainly(operation, ())
        types.remove(named)
    wanted = patch.unescape(operation.value) if operation.value else named
    if operation.op != "remove":
        added = wanted if operation.op == "replace" else named
        if added not in types:
            types.append(added)


def _patch_type(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
    configuration = working["endpoint_configuration"]
    if operation.value not in ENDPOINT_TYPES or places[0] not in configuration["types"]:
        raise bad_request(_TYPES_MESSAGE)
    configuration["types"] = [operation.value]
    if operation.value == "PRIVATE":
        configuration["ipAddressType"] = "dualstack"


def _patch_ip(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    configuration = working["endpoint_configuration"]
    if operation.value not in IP_ADDRESS_TYPES:
        raise bad_request("ipAddressType must be either ipv4 or dualstack.")
    if operation.value != "dualstack" and configuration["types"] == ["PRIVATE"]:
        raise bad_request(_PRIVATE_MESSAGE)
    configuration["ipAddressType"] = operation.value


def _patch_vpc(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    configuration = working["endpoint_configuration"]
    ids: list[str] = configuration.get("vpcEndpointIds", [])
    if operation.op == "add" and operation.value and operation.value not in ids:
        ids.append(operation.value)
    elif operation.op == "remove" and operation.value in ids:
        ids.remove(operation.value)
    configuration.pop("vpcEndpointIds", None)
    if ids:
        configuration["vpcEndpointIds"] = ids


_PATCHES: Final = PatchTable(
    (
        rule("/name", "replace", patch.member("name", _name)),
        rule("/description", "add replace remove", patch.member("description")),
        rule(
            "/apiKeySource",
            "replace",
            patch.member(
                "api_key_source",
                patch.choice(("HEADER", "AUTHORIZER"), "Invalid API Key source specified"),
            ),
        ),
        rule(
            "/disableExecuteApiEndpoint",
            "replace",
            patch.member("disable_execute_api_endpoint", patch.boolean),
        ),
        rule(
            "/minimumCompressionSize",
            "replace",
            patch.member("minimum_compression_size", _compression),
            wrong_op="Invalid patch operation specified. Must be one of: [replace]",
        ),
        rule("/policy", "replace", patch.member("policy", _policy)),
        rule("/binaryMediaTypes/{type}", "add replace remove", _patch_media_type),
        rule("/endpointConfiguration/types/{type}", "replace", _patch_type, wrong_op=_OPS_MESSAGE),
        rule("/endpointConfiguration/ipAddressType", "replace", _patch_ip, wrong_op=_OPS_MESSAGE),
        rule("/endpointConfiguration/vpcEndpointIds", "add remove", _patch_vpc),
        rule(
            "/securityPolicy",
            "replace",
            patch.member(
                "security_policy",
                patch.choice(SECURITY_POLICY.enum, "Invalid SecurityPolicy specified"),
            ),
        ),
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
    )
)

OPERATIONS: Final = {
    "CreateRestApi": Served(create_rest_api, body=_CREATE),
    "GetRestApi": Served(get_rest_api),
    "GetRestApis": Served(get_rest_apis),
    "UpdateRestApi": Served(update_rest_api, body=PATCH),
    "DeleteRestApi": Served(delete_rest_api),
}
"""Operations of this family by name."""
