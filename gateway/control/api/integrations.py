"""Integrations and their responses."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select, update

from gateway.control.api import patch
from gateway.control.api.lookups import (
    AnyRow,
    integration_of,
    integration_response_of,
    method_of,
)
from gateway.control.api.mappings import (
    check_request_mapping,
    check_response_mapping,
    check_status_code,
)
from gateway.control.api.method_view import integration_response_shown, integration_shown
from gateway.control.api.patch import PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served
from gateway.control.api.rows import write_row
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
from gateway.control.api.sizes import check_method_size
from gateway.control.api.vpc_links import check_connection
from gateway.definitions.integration import PassthroughBehavior
from gateway.definitions.integration_uri import problem_of_uri
from gateway.definitions.rest_api import METHODS
from gateway.definitions.validation import TEMPLATE_BYTES, TIMEOUT_MILLIS
from gateway.errors import bad_request, not_found
from gateway.store.tables import INTEGRATION, INTEGRATION_RESPONSE, METHOD_RESPONSE, RESOURCE
from gateway.store.transaction import Transaction

_CONTENT_HANDLING: Final = one_of("CONVERT_TO_BINARY", "CONVERT_TO_TEXT")
_CONNECTION_TYPE: Final = one_of("INTERNET", "VPC_LINK")
_TRANSFER_MODE: Final = one_of("BUFFERED", "STREAM")

_PUT: Final = members(
    # In the order in which AWS lists them to whoever names another.
    type=one_of("HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"),
    httpMethod=TEXT,
    uri=TEXT,
    connectionType=_CONNECTION_TYPE,
    connectionId=TEXT,
    credentials=TEXT,
    requestParameters=map_of(TEXT),
    requestTemplates=map_of(TEXT),
    passthroughBehavior=TEXT,
    cacheNamespace=TEXT,
    cacheKeyParameters=list_of(TEXT),
    contentHandling=_CONTENT_HANDLING,
    timeoutInMillis=INTEGER,
    tlsConfig=members(insecureSkipVerification=BOOLEAN),
    responseTransferMode=_TRANSFER_MODE,
    integrationTarget=TEXT,
)
_PUT_RESPONSE: Final = members(
    selectionPattern=TEXT,
    responseParameters=map_of(TEXT),
    responseTemplates=map_of(TEXT),
    contentHandling=_CONTENT_HANDLING,
)

_TIMEOUT_MESSAGE: Final = "Timeout should be between {} ms and {} ms".format(*TIMEOUT_MILLIS)
_HTTP_TYPES: Final = frozenset({"HTTP", "HTTP_PROXY"})


def put_integration(transaction: Transaction, call: Call) -> Answer:
    """Serve PutIntegration; an integration that is there is replaced, with its responses."""
    method = method_of(transaction, call)
    body = call.body
    type_ = body.get("type", "")
    tls = body.get("tlsConfig")
    values: Working = {
        "type": type_,
        "http_method": body.get("httpMethod"),
        "uri": body.get("uri"),
        "connection_type": body.get("connectionType", "INTERNET" if type_ in _HTTP_TYPES else None),
        "connection_id": body.get("connectionId"),
        "credentials": body.get("credentials"),
        "request_parameters": body.get("requestParameters", {}),
        "request_templates": body.get("requestTemplates", {}),
        "passthrough_behavior": body.get("passthroughBehavior", "WHEN_NO_MATCH"),
        "content_handling": body.get("contentHandling"),
        "timeout_in_millis": body.get("timeoutInMillis", TIMEOUT_MILLIS[1]),
        "cache_namespace": body.get("cacheNamespace") or _resource_id(transaction, method),
        "cache_key_parameters": list(dict.fromkeys(body.get("cacheKeyParameters", []))),
        "insecure_skip_verification": tls.get("insecureSkipVerification", False) if tls else None,
        "response_transfer_mode": body.get("responseTransferMode"),
        "integration_target": body.get("integrationTarget"),
    }
    _check_integration(transaction, method, values)
    transaction.run(delete(INTEGRATION).where(INTEGRATION.c.method == method.sequence))
    transaction.insert(INTEGRATION, method=method.sequence, **values)
    check_method_size(transaction, method.sequence)
    return get_integration(transaction, call)


def get_integration(transaction: Transaction, call: Call) -> Answer:
    """Serve GetIntegration."""
    return integration_shown(transaction, integration_of(transaction, call))


def update_integration(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateIntegration."""
    row = integration_of(transaction, call)
    table = _MOCK_PATCHES if row.type == "MOCK" else _PATCHES
    changed = patch.patch_row(row, call.body, table)
    if changed:
        method = method_of(transaction, call)
        if changed.get("cache_namespace") == "":
            changed["cache_namespace"] = _resource_id(transaction, method)
        _check_integration(transaction, method, {**row._asdict(), **changed})
        write_row(transaction, INTEGRATION, row, changed)
        check_method_size(transaction, row.method)
    return get_integration(transaction, call)


def delete_integration(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteIntegration."""
    row = integration_of(transaction, call)
    transaction.run(delete(INTEGRATION).where(INTEGRATION.c.sequence == row.sequence))
    return None


def put_integration_response(transaction: Transaction, call: Call) -> Answer:
    """Serve PutIntegrationResponse; one that is there is replaced in its place."""
    status = check_status_code(call)
    integration = integration_of(transaction, call)
    body = call.body
    values: Working = {
        "selection_pattern": body.get("selectionPattern"),
        "response_parameters": body.get("responseParameters", {}),
        "response_templates": body.get("responseTemplates", {}),
        "content_handling": body.get("contentHandling"),
    }
    _check_response(transaction, integration.method, status, values)
    same = (
        INTEGRATION_RESPONSE.c.integration == integration.sequence,
        INTEGRATION_RESPONSE.c.status_code == status,
    )
    if not transaction.run(update(INTEGRATION_RESPONSE).where(*same).values(**values)):
        transaction.insert(
            INTEGRATION_RESPONSE, integration=integration.sequence, status_code=status, **values
        )
    check_method_size(transaction, integration.method)
    return get_integration_response(transaction, call)


def get_integration_response(transaction: Transaction, call: Call) -> Answer:
    """Serve GetIntegrationResponse."""
    return integration_response_shown(integration_response_of(transaction, call))


def update_integration_response(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateIntegrationResponse."""
    row = integration_response_of(transaction, call)
    changed = patch.patch_row(row, call.body, _RESPONSE_PATCHES)
    if changed:
        method = integration_of(transaction, call).method
        after = {**row._asdict(), **changed}
        _check_response(transaction, method, row.status_code, after)
        write_row(transaction, INTEGRATION_RESPONSE, row, changed)
        check_method_size(transaction, method)
    return get_integration_response(transaction, call)


def delete_integration_response(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteIntegrationResponse."""
    row = integration_response_of(transaction, call)
    found = INTEGRATION_RESPONSE.c.sequence == row.sequence
    transaction.run(delete(INTEGRATION_RESPONSE).where(found))
    return None


def _resource_id(transaction: Transaction, method: AnyRow) -> Any:
    """Return the id of a method's resource: the namespace of its cache unless another is given."""
    return transaction.value(select(RESOURCE.c.id).where(RESOURCE.c.sequence == method.resource))


def _check_integration(transaction: Transaction, method: AnyRow, values: Working) -> None:
    type_ = values["type"]
    if not type_:
        raise bad_request("Invalid integration type specified")
    if type_ != "MOCK" and not values["http_method"]:
        raise bad_request("Enumeration value for HttpMethod must be non-empty")
    if values["http_method"] and values["http_method"] not in METHODS:
        options = ",".join(METHODS)
        raise bad_request(f"Invalid HttpMethod specified. Valid options are {options}")
    if problem := problem_of_uri(type_, values["uri"]):
        raise bad_request(problem.sentence)
    lowest, highest = TIMEOUT_MILLIS
    if not lowest <= values["timeout_in_millis"] <= highest:
        raise bad_request(_TIMEOUT_MESSAGE)
    if values["passthrough_behavior"] not in set(PassthroughBehavior):
        options = ", ".join(PassthroughBehavior)
        raise bad_request(f"Invalid passthrough behavior specified. Valid options are {options}")
    if values["connection_type"] == "VPC_LINK" and not values["connection_id"]:
        raise bad_request("A connection ID is required when the connection type is VPC_LINK")
    if values["connection_type"] == "VPC_LINK":
        check_connection(transaction, values["connection_id"])
    check_request_mapping(values["request_parameters"], method.request_parameters)
    _check_templates(values["request_templates"])


def _check_response(transaction: Transaction, method: int, status: str, values: Working) -> None:
    """Check an integration response against the method response that it makes."""
    response = transaction.row(
        select(METHOD_RESPONSE).where(
            METHOD_RESPONSE.c.method == method, METHOD_RESPONSE.c.status_code == status
        )
    )
    if response is None:
        raise not_found("Invalid Response status code specified")
    check_response_mapping(values["response_parameters"], response.response_parameters)
    _check_templates(values["response_templates"])


def _check_templates(templates: dict[str, str | None]) -> None:
    for template in templates.values():
        if len((template or "").encode()) > TEMPLATE_BYTES:
            raise bad_request(f"A mapping template has at most {TEMPLATE_BYTES} bytes")


def _kept(value: str | None) -> Any:
    """A template without text stays null, as AWS shows it."""
    return value


_HANDLING_RULE: Final = rule(
    "/contentHandling",
    "replace",
    patch.member(
        "content_handling",
        patch.optional(patch.choice(_CONTENT_HANDLING.enum, "Invalid content handling specified")),
    ),
)

_PATCHES: Final = PatchTable(
    (
        rule("/uri", "replace", patch.member("uri")),
        rule("/httpMethod", "replace", patch.member("http_method")),
        rule("/credentials", "replace", patch.member("credentials")),
        rule("/cacheNamespace", "replace", patch.member("cache_namespace", patch.text_or_empty)),
        rule("/connectionId", "replace", patch.member("connection_id")),
        rule(
            "/connectionType",
            "replace",
            patch.member(
                "connection_type",
                patch.choice(_CONNECTION_TYPE.enum, "Invalid connection type specified"),
            ),
        ),
        _HANDLING_RULE,
        rule("/integrationTarget", "replace", patch.member("integration_target")),
        rule(
            "/passthroughBehavior",
            "replace",
            patch.member("passthrough_behavior", patch.text_or_empty),
        ),
        rule(
            "/responseTransferMode",
            "replace",
            patch.member(
                "response_transfer_mode",
                patch.choice(_TRANSFER_MODE.enum, "Invalid response transfer mode specified"),
            ),
        ),
        rule(
            "/timeoutInMillis",
            "replace",
            patch.member("timeout_in_millis", patch.integer(_TIMEOUT_MESSAGE, *TIMEOUT_MILLIS)),
        ),
        rule(
            "/tlsConfig/insecureSkipVerification",
            "replace",
            patch.member("insecure_skip_verification", patch.boolean),
        ),
        rule(
            "/cacheKeyParameters/{name}", "add replace remove", patch.listed("cache_key_parameters")
        ),
        rule(
            "/requestParameters/{name}",
            "add replace remove",
            patch.entry("request_parameters", patch.text_or_empty),
        ),
        rule(
            "/requestTemplates/{type}",
            "add replace remove",
            patch.entry("request_templates", _kept),
        ),
    )
)

_MOCK_PATCHES: Final = PatchTable(
    tuple(
        each
        for each in _PATCHES.rules
        if each.template not in ("/uri", "/httpMethod", "/connectionType")
    )
)
"""A MOCK has no endpoint."""

_RESPONSE_PATCHES: Final = PatchTable(
    (
        _HANDLING_RULE,
        rule("/selectionPattern", "replace", patch.member("selection_pattern")),
        rule(
            "/responseParameters/{name}",
            "add replace remove",
            patch.entry("response_parameters", patch.text_or_empty),
        ),
        rule(
            "/responseTemplates/{type}",
            "add replace remove",
            patch.entry("response_templates", _kept),
        ),
    )
)

OPERATIONS: Final = {
    "PutIntegration": Served(put_integration, body=_PUT),
    "GetIntegration": Served(get_integration),
    "UpdateIntegration": Served(update_integration, body=PATCH),
    "DeleteIntegration": Served(delete_integration),
    "PutIntegrationResponse": Served(put_integration_response, body=_PUT_RESPONSE),
    "GetIntegrationResponse": Served(get_integration_response),
    "UpdateIntegrationResponse": Served(update_integration_response, body=PATCH),
    "DeleteIntegrationResponse": Served(delete_integration_response),
}
"""Operations of this family by name."""
