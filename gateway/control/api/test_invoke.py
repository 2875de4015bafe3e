"""TestInvokeMethod: reads the method and checks the request; the probe invokes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import select

from gateway.control.api.lookups import AnyRow, resource_of
from gateway.control.api.protocol import Answer, Call, Served
from gateway.control.api.shapes import TEXT, list_of, map_of, members
from gateway.control.api.stage_rows import check_variables
from gateway.control.method_test import MethodTest
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.rest_api import METHODS
from gateway.errors import bad_request, not_found
from gateway.messages import RawHeaders
from gateway.server.refusal import RefusedError
from gateway.server.target import check_origin_form
from gateway.store.connections import stored_connections
from gateway.store.tables import METHOD, REST_API
from gateway.store.transaction import Transaction
from gateway.store.working_copy import definition_of

TARGET_CHARACTERS: Final = 8192
HEADERS_MAX: Final = 100
HEADER_BYTES: Final = 20_480
"""Of all names and values, as the data plane allows."""

_BODY: Final = members(
    pathWithQueryString=TEXT,
    body=TEXT,
    headers=map_of(TEXT),
    multiValueHeaders=map_of(list_of(TEXT)),
    clientCertificateId=TEXT,
    stageVariables=map_of(TEXT),
)

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection", "upgrade"})
"""Headers that say how the request came, which is by no connection."""


def test_invoke_method(transaction: Transaction, call: Call) -> Answer:
    """Serve TestInvokeMethod: leave the test to be done once the transaction is over."""
    body = call.body
    resource = resource_of(transaction, call)
    method = _method(transaction, resource, call.label("http_method"))
    api = transaction.one(select(REST_API).where(REST_API.c.sequence == resource.api))
    variables = {name: text or "" for name, text in body.get("stageVariables", {}).items()}
    # An empty one is for trying what happens without it; a stage has none that is empty.
    check_variables({name: text or "-" for name, text in variables.items()})
    call.test = MethodTest(
        definition=definition_of(transaction, resource.api, resource=resource.sequence),
        api_id=api.id,
        region=call.region,
        account=call.account,
        resource_path=resource.path,
        http_method=method.http_method,
        # An ANY method is tested with some verb.
        verb="GET" if call.label("http_method") == "ANY" else call.label("http_method"),
        target=_target(body.get("pathWithQueryString"), resource.path),
        headers=_headers(body),
        body=body.get("body", "").encode(),
        stage_variables=variables,
        source_ip=call.caller.source_ip,
        client_certificate=_certificate(transaction, body.get("clientCertificateId")),
    )
    return None


def _certificate(transaction: Transaction, id_: str | None) -> ClientCertificate | None:
    """Return the certificate that backends are shown; none where the test names none."""
    if not id_:
        return None
    certificate = stored_connections(transaction).certificates.get(id_)
    if certificate is None:
        raise bad_request("Invalid Client Certificate identifier specified")
    return certificate


def _method(transaction: Transaction, resource: AnyRow, verb: str) -> AnyRow:
    """Return the method that a verb meets: its own, else ANY."""
    for wanted in (verb, "ANY") if verb in METHODS else ():
        row = transaction.row(
            select(METHOD).where(
                METHOD.c.resource == resource.sequence, METHOD.c.http_method == wanted
            )
        )
        if row is not None:
            return row
    raise not_found("Invalid Method identifier specified")


def _target(text: str | None, resource_path: str) -> str:
    """Return path and query; without any the resource's own path, braces and all."""
    if not text:
        return resource_path
    target = text if text.startswith("/") else f"/{text}"
    if len(target) > TARGET_CHARACTERS:
        raise bad_request(f"pathWithQueryString has at most {TARGET_CHARACTERS} characters")
    try:
        check_origin_form(target)
    except RefusedError:
        raise bad_request(
            "Invalid pathWithQueryString specified: write it percent-encoded, without . or .. "
            "segments"
        ) from None
    return target


def _headers(body: dict[str, Any]) -> RawHeaders:
    """Return the request's headers; those with several values win over those with one."""
    multiple: dict[str, list[str | None]] = body.get("multiValueHeaders", {})
    known = {name.lower() for name in multiple}
    pairs = [
        (name, value)
        for name, value in body.get("headers", {}).items()
        if name.lower() not in known
    ]
    pairs += [(name, value) for name, values in multiple.items() for value in values or ()]
    headers = tuple(_checked(pairs))
    if len(headers) > HEADERS_MAX:
        raise bad_request(f"A request has at most {HEADERS_MAX} headers")
    if sum(len(name) + len(value) + 4 for name, value in headers) > HEADER_BYTES:
        raise bad_request(f"The headers have at most {HEADER_BYTES} bytes")
    return headers


def _checked(pairs: list[tuple[str, str | None]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in pairs:
        if not _NAME.fullmatch(name):
            raise bad_request(f"Invalid header name specified: {name[:100]!a}")
        if not _VALUE.fullmatch(value or ""):
            raise bad_request(f"Invalid value specified for the header {name[:100]}")
        if name.lower() not in _FRAMING:
            yield name.encode(), (value or "").strip().encode()


OPERATIONS: Final = {"TestInvokeMethod": Served(test_invoke_method, body=_BODY)}
"""Operations of this family by name."""
