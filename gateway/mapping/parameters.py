"""Parameter mappings: requestParameters towards the backend, responseParameters back.

What may not be mapped is settled when compiling (semantics sheet 10.3, 10.4); at run time only
sources are read.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.definitions.integration import IntegrationType
from gateway.errors import Problem
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.sources import PARAMETER_NAME, EndpointHeaders, Source, compile_source
from gateway.mapping.wire_text import header_bytes, path_text, query_text
from gateway.messages import Exchange

ILLEGAL_REQUEST_HEADERS: Final = frozenset(
    {"content-length", "transfer-encoding", "x-amzn-apigateway-api-id", "x-amzn-trace-id"}
)
"""Mapping one is accepted, and every request then fails with 500; lower case."""
UNSENT_REQUEST_HEADERS: Final = frozenset({"expect", "proxy-authenticate", "te", "via"})
"""Mapping one has no effect; lower case."""
UNSENT_RESPONSE_HEADERS: Final = frozenset({"transfer-encoding"})
"""Never reach the client, even when mapped; lower case."""
REMAPPED_ALWAYS: Final = frozenset(
    {"connection", "content-length", "date", "server", "x-amz-apigw-id", "x-amzn-requestid"}
)
"""Reach the client as x-amzn-Remapped-NAME, whatever the integration: the gateway has its own;
lower case."""
REMAPPED_WHEN_MAPPED: Final = frozenset(
    {
        "authorization",
        "content-md5",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "trailer",
        "upgrade",
        "user-agent",
        "www-authenticate",
    }
)
"""Likewise, for mapped headers of HTTP and AWS integrations; lower case."""

_REQUEST_KEY: Final = re.compile(
    rf"integration\.request\.(path|querystring|header)\.({PARAMETER_NAME})"
)
_RESPONSE_KEY: Final = re.compile(rf"method\.response\.header\.({PARAMETER_NAME})")
_REFERENCE: Final = re.compile(
    rf"method\.request\.(?:multivalue)?(path|querystring|header)\.({PARAMETER_NAME})"
)

HeaderLine = tuple[bytes, bytes, bytes]
"""Name as written, lower-case name, value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMapping:
    """An integration's requestParameters."""

    path: tuple[tuple[str, Source], ...] = ()
    """Placeholders of the uri."""
    querystring: tuple[tuple[str, Source], ...] = ()
    """Parameters added to the backend's query."""
    headers: tuple[tuple[bytes, bytes, Source], ...] = ()
    """Name as written, lower-case name, source. Each replaces the client's header of that name."""
    needs_body: bool = False
    """Whether any source needs the whole body."""
    illegal_header: str | None = None
    """A mapped header that may not be mapped: every request is answered 500, as on AWS."""
    header_names: frozenset[bytes] = frozenset()
    """Of `headers`, in lower case."""

    def query(self, exchange: Exchange, body: MappedBody | None = None) -> str:
        """Return the mapped query parameters, percent-encoded: `a=1&a=2&b=3`; maybe empty.

        Raises:
            Fault: the body is needed and is malformed JSON.
        """
        return "&".join(
            f"{name}={query_text(value)}"
            for name, source in self.querystring
            for value in source.values(exchange, body)
        )

    def header_lines(self, exchange: Exchange, body: MappedBody | None = None) -> list[HeaderLine]:
        """Return the mapped headers that have a value, in the order of the definition.

        Raises:
            Fault: the body is needed and is malformed JSON.
        """
        return _lines(self.headers, exchange, body, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseMapping:
    """An integration response's responseParameters."""

    headers: tuple[tuple[bytes, bytes, Source], ...] = ()
    """Name as the client sees it (remapped where AWS does), lower-case name, source."""
    needs_body: bool = False
    """Whether any source needs the whole body of the backend's answer."""

    def header_lines(
        self,
        exchange: Exchange,
        body: MappedBody | None = None,
        endpoint_headers: EndpointHeaders = (),
    ) -> list[HeaderLine]:
        """Return the mapped headers that have a value, in the order of the definition.

        Raises:
            Fault: the body is needed and is malformed JSON.
        """
        return _lines(self.headers, exchange, body, endpoint_headers)


_SHARED: Final = 32
"""Mappings with at most so many entries are remembered, to be shared by methods that have them."""

_NO_REQUEST_MAPPING: Final = RequestMapping()
_NO_RESPONSE_MAPPING: Final = ResponseMapping()
"""Shared by the many methods that map nothing."""


def compile_request_parameters(
    mapping: Mapping[str, str],
    *,
    declared: Mapping[str, bool] | None = None,
    path: str,
    problems: list[Problem],
) -> RequestMapping:
    """Compile requestParameters: `integration.request.{path|querystring|header}.N` to its source.

    `declared` is the method's own requestParameters: only those may be referenced, unless None.
    """
    if not mapping:
        return _NO_REQUEST_MAPPING
    names = None if declared is None else tuple(declared)
    shared = _shared_request(tuple(mapping.items()), names) if len(mapping) <= _SHARED else None
    return shared or _compile_request(mapping, names, path, problems)


@functools.lru_cache(maxsize=1024)
def _shared_request(
    mapping: tuple[tuple[str, str], ...], declared: tuple[str, ...] | None
) -> RequestMapping | None:
    """Return the mapping if it is without a problem, one object for all methods that have it."""
    problems: list[Problem] = []
    compiled = _compile_request(dict(mapping), declared, "", problems)
    return None if problems else compiled


def _compile_request(
    mapping: Mapping[str, str],
    declared: Collection[str] | None,
    path: str,
    problems: list[Problem],
) -> RequestMapping:
    by_place: dict[str, list[tuple[str, Source]]] = {"path": [], "querystring": [], "header": []}
    illegal_header = None
    for key, expression in mapping.items():
        here = f"{path}.{key}"
        match = _REQUEST_KEY.fullmatch(key)
        if match is None:
            wanted = "integration.request.{path|querystring|header}.NAME"
            problems.append(_invalid_key(here, key, wanted))
            continue
        source = compile_source(expression, "request", here, problems)
        if source is None:
            continue
        _check_declared(expression, declared, here, problems)
        place, name = match.groups()
        if place == "header" and name.lower() in ILLEGAL_REQUEST_HEADERS:
            illegal_header = illegal_header or name
            problems.append(_warning(here, f"{name} may not be mapped: every request will get 500"))
        elif place == "header" and name.lower() in UNSENT_REQUEST_HEADERS:
            problems.append(_warning(here, f"{name} is never sent to a backend"))
        else:
            by_place[place].append((name, source))
    headers = _named(by_place["header"])
    return RequestMapping(
        path=tuple(by_place["path"]),
        querystring=tuple(by_place["querystring"]),
        headers=headers,
        header_names=frozenset(lower for _, lower, _ in headers),
        needs_body=any(source.needs_body for group in by_place.values() for _, source in group),
        illegal_header=illegal_header,
    )


def compile_response_parameters(
    mapping: Mapping[str, str],
    *,
    declared: Mapping[str, bool] | None,
    path: str,
    problems: list[Problem],
    integration_type: IntegrationType = IntegrationType.HTTP,
) -> ResponseMapping:
    """Compile responseParameters: `method.response.header.NAME` to its source.

    `declared` is the method response's own responseParameters: only those may be set, unless None.
    """
    if not mapping:
        return _NO_RESPONSE_MAPPING
    names = None if declared is None else tuple(declared)
    items = tuple(mapping.items())
    shared = _shared_response(items, names, integration_type) if len(items) <= _SHARED else None
    return shared or _compile_response(mapping, names, path, problems, integration_type)


@functools.lru_cache(maxsize=1024)
def _shared_response(
    mapping: tuple[tuple[str, str], ...],
    declared: tuple[str, ...] | None,
    integration_type: IntegrationType,
) -> ResponseMapping | None:
    """Return the mapping if it is without a problem, one object for all that have it."""
    problems: list[Problem] = []
    compiled = _compile_response(dict(mapping), declared, "", problems, integration_type)
    return None if problems else compiled


def _compile_response(
    mapping: Mapping[str, str],
    declared: Collection[str] | None,
    path: str,
    problems: list[Problem],
    integration_type: IntegrationType,
) -> ResponseMapping:
    headers: list[tuple[str, Source]] = []
    for key, expression in mapping.items():
        here = f"{path}.{key}"
        match = _RESPONSE_KEY.fullmatch(key)
        if match is None:
            problems.append(_invalid_key(here, key, "method.response.header.NAME"))
            continue
        if declared is not None and key not in declared:
            problems.append(_undeclared(here, key, "the method response's responseParameters"))
            continue
        source = compile_source(expression, "response", here, problems)
        if source is None:
            continue
        name = response_header_name(match[1], integration_type)
        if name is None:
            problems.append(_warning(here, f"{match[1]} is never sent to a client"))
        else:
            headers.append((name, source))
    return ResponseMapping(
        headers=_named(headers), needs_body=any(source.needs_body for _, source in headers)
    )


def response_header_name(name: str, integration_type: IntegrationType) -> str | None:
    """Return the name under which a client gets a mapped header; None: it is dropped."""
    lower = name.lower()
    if lower in UNSENT_RESPONSE_HEADERS:
        return None
    is_remapped = lower in REMAPPED_ALWAYS or (
        lower in REMAPPED_WHEN_MAPPED and integration_type is not IntegrationType.MOCK
    )
    return f"x-amzn-Remapped-{name}" if is_remapped else name


def path_value(source: Source, exchange: Exchange, body: MappedBody | None = None) -> str:
    """Return what replaces a placeholder of the uri, fit for a path; empty when there is nothing.

    Raises:
        Fault: the value would climb out of its path, or the body is malformed JSON.
    """
    text = source.text(exchange, body)
    return text if source.is_path_text else path_text(text)


def _lines(
    headers: tuple[tuple[bytes, bytes, Source], ...],
    exchange: Exchange,
    body: MappedBody | None,
    endpoint_headers: EndpointHeaders,
) -> list[HeaderLine]:
    lines = []
    for name, lower, source in headers:
        value = header_bytes(source.text(exchange, body, endpoint_headers))
        if value:
            lines.append((name, lower, value))
    return lines


def _named(headers: list[tuple[str, Source]]) -> tuple[tuple[bytes, bytes, Source], ...]:
    return tuple((name.encode(), name.lower().encode(), source) for name, source in headers)


def _check_declared(
    expression: str, declared: Collection[str] | None, path: str, problems: list[Problem]
) -> None:
    match = _REFERENCE.fullmatch(expression)
    if match is None or declared is None:
        return
    key = f"method.request.{match[1]}.{match[2]}"
    if key not in declared:
        problems.append(_undeclared(path, key, "the method's requestParameters"))


def _undeclared(path: str, key: str, where: str) -> Problem:
    return Problem(
        path, f"Invalid mapping expression parameter specified: {key}: declare it in {where}"
    )


def _invalid_key(path: str, key: str, wanted: str) -> Problem:
    return Problem(
        path,
        f"Invalid mapping expression specified: {key}: write {wanted}; "
        "names may hold letters, digits and . _ $ -",
    )


def _warning(path: str, sentence: str) -> Problem:
    return Problem(path, f"{sentence}. Remove the mapping", severity="warning")
