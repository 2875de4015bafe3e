"""Sources of parameter mappings, such as `method.request.header.X` and `context.requestId`.

The grammar is the semantics sheet's 10.7. A source is compiled once; reading it is a look-up.
A source that is missing or empty yields nothing, and the parameter is left out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.context import UnknownVariableError
from gateway.errors import Problem
from gateway.mapping.context_variables import context_variable
from gateway.mapping.json_path import UnsupportedPathError, compile_json_path
from gateway.mapping.lookups import (
    STRIPPED_AT_THE_DOOR,
    header_values,
    last_header,
    query_values,
)
from gateway.mapping.mapped_body import MappedBody, Side
from gateway.messages import Exchange

EXPRESSION_CHARACTERS: Final = 8192
"""Longest expression: a static value as long as the longest header line that is accepted."""

PARAMETER_NAME: Final = r"[a-zA-Z0-9._$-]+"
"""What a parameter may be called, as a regular expression."""

EndpointHeaders = Sequence[tuple[bytes, bytes]]
_Read = Callable[[Exchange, MappedBody | None, EndpointHeaders], tuple[str, ...]]

_PARAMETER: Final = re.compile(
    r"(method\.request|integration\.response|stageVariables|context)"
    r"(?:\.(path|querystring|header|multivaluequerystring|multivalueheader))?"
    rf"\.({PARAMETER_NAME})"
)
_BODY: Final = {"request": "method.request.body", "response": "integration.response.body"}
_MENDING: Final = {
    "request": "method.request.{path|[multivalue]querystring|[multivalue]header}.NAME, "
    "method.request.body[.JSONPath]",
    "response": "integration.response.{header|multivalueheader}.NAME, "
    "integration.response.body[.JSONPath]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a mapped parameter's value comes from."""

    expression: str
    """As the user wrote it."""
    read: _Read
    """What `values` calls."""
    constant: str | None = None
    """The value when it is known now; the empty text means that the parameter is never sent."""
    needs_body: bool = False
    """Whether reading needs the whole body."""
    is_path_text: bool = False
    """Whether the value is a piece of the client's path: checked by the server, still encoded."""

    def values(
        self,
        exchange: Exchange,
        body: MappedBody | None = None,
        endpoint_headers: EndpointHeaders = (),
    ) -> tuple[str, ...]:
        """Return the values, in order; empty: leave the parameter out.

        Raises:
            Fault: the body is needed and is malformed JSON.
        """
        return self.read(exchange, body, endpoint_headers)

    def text(
        self,
        exchange: Exchange,
        body: MappedBody | None = None,
        endpoint_headers: EndpointHeaders = (),
    ) -> str:
        """Return the values joined by `,` as headers and paths carry them; empty: leave it out.

        Raises:
            Fault: as `values`.
        """
        values = self.read(exchange, body, endpoint_headers)
        return values[0] if len(values) == 1 else ",".join(values)


def compile_source(
    expression: str, side: Side, path: str, problems: list[Problem]
) -> Source | None:
    """Parse a mapping's source; None when `problems` got one that says why it cannot be used."""
    if len(expression) > EXPRESSION_CHARACTERS:
        reason = f"it is longer than {EXPRESSION_CHARACTERS} characters; shorten it"
        problems.append(Problem(path, _invalid(expression[:80] + "…", reason)))
        return None
    return _shared(expression, side) or _compile(expression, side, path, problems)


@functools.lru_cache(maxsize=4096)
def _shared(expression: str, side: Side) -> Source | None:
    """Return what an expression without a problem means, one object for all that write it."""
    problems: list[Problem] = []
    source = _compile(expression, side, "", problems)
    return None if problems else source


def _compile(expression: str, side: Side, path: str, problems: list[Problem]) -> Source | None:
    if len(expression) >= 2 and expression[0] == expression[-1] == "'":
        return _compile_static(expression, path, problems)
    if expression == _BODY[side]:
        return Source(expression=expression, read=_read_body, needs_body=True)
    if expression.startswith(_BODY[side] + "."):
        return _compile_body_path(expression, side, path, problems)
    match = _PARAMETER.fullmatch(expression)
    if match is not None:
        root, place, name = match.groups()
        if root == "stageVariables":
            name = name if place is None else f"{place}.{name}"
            return Source(expression=expression, read=_stage_variable(name))
        if root == "context":
            name = name if place is None else f"{place}.{name}"
            return _compile_context(expression, name, path, problems)
        if root == "method.request" and side == "request" and place is not None:
            return _compile_parameter(expression, place, name, path, problems)
        if root == "integration.response" and side == "response" and "header" in (place or ""):
            return Source(
                expression=expression, read=_endpoint_header(name, is_multi=place != "header")
            )
    problems.append(
        Problem(
            path,
            _invalid(
                expression,
                f"write {_MENDING[side]}, stageVariables.NAME, context.NAME, or text in single "
                "quotes; names may hold letters, digits and . _ $ -",
            ),
        )
    )
    return None


def _invalid(expression: str, mending: str) -> str:
    return f"Invalid mapping expression specified: {expression}: {mending}"


def _compile_static(expression: str, path: str, problems: list[Problem]) -> Source | None:
    value = expression[1:-1]
    if any(ord(character) < 32 or character == "\x7f" for character in value):
        reason = "a static value must be one line without control characters"
        problems.append(Problem(path, _invalid(repr(expression), reason)))
        return None
    return _constant(expression, value)


def _constant(expression: str, value: str) -> Source:
    values = (value,) if value else ()
    return Source(expression=expression, read=lambda _1, _2, _3: values, constant=value)


def _read_body(
    _exchange: Exchange, body: MappedBody | None, _headers: EndpointHeaders
) -> tuple[str, ...]:
    assert body is not None, "a source that needs the body is read without one"  # noqa: S101
    return (body.text(),)


def _compile_body_path(
    expression: str, side: Side, path: str, problems: list[Problem]
) -> Source | None:
    rest = expression[len(_BODY[side]) + 1 :]
    try:
        json_path = compile_json_path(f"${rest}" if rest.startswith("[") else f"$.{rest}")
    except UnsupportedPathError as error:
        reason = f"the JSONPath after `body.` cannot be used: {error}"
        problems.append(Problem(path, _invalid(expression, reason)))
        return None

    def read(
        _exchange: Exchange, body: MappedBody | None, _headers: EndpointHeaders
    ) -> tuple[str, ...]:
        assert body is not None, "a source that needs the body is read without one"  # noqa: S101
        found = body.find(json_path)
        return (found,) if found else ()

    return Source(expression=expression, read=read, needs_body=True)


def _compile_parameter(
    expression: str, place: str, name: str, path: str, problems: list[Problem]
) -> Source:
    if place == "path":
        return Source(expression=expression, read=_path_parameter(name), is_path_text=True)
    if place.endswith("querystring"):
        return Source(expression=expression, read=_query(name, is_multi=place != "querystring"))
    if name.lower() in STRIPPED_AT_THE_DOOR:
        problems.append(
            Problem(
                path,
                f"{expression} is never there: API Gateway strips {name} before any mapping. "
                "Let clients send the value under another name",
                severity="warning",
            )
        )
        return _constant(expression, "")
    return Source(expression=expression, read=_header(name, is_multi=place != "header"))


def _path_parameter(name: str) -> _Read:
    def read(
        exchange: Exchange, _body: MappedBody | None, _headers: EndpointHeaders
    ) -> tuple[str, ...]:
        value = exchange.path_parameters.get(name)
        return (value,) if value else ()

    return read


def _query(name: str, *, is_multi: bool) -> _Read:
    def read(
        exchange: Exchange, _body: MappedBody | None, _headers: EndpointHeaders
    ) -> tuple[str, ...]:
        query = exchange.request.query
        if not query:
            return ()
        values = query_values(query, name)
        if not is_multi:
            values = values[-1:]
        return values if any(values) else ()

    return read


def _header(name: str, *, is_multi: bool) -> _Read:
    raw_name = name.encode("ascii")

    def read(
        exchange: Exchange, _body: MappedBody | None, _headers: EndpointHeaders
    ) -> tuple[str, ...]:
        return _header_text(exchange.request.headers, raw_name, is_multi=is_multi)

    return read


def _endpoint_header(name: str, *, is_multi: bool) -> _Read:
    raw_name = name.encode("ascii")

    def read(
        _exchange: Exchange, _body: MappedBody | None, headers: EndpointHeaders
    ) -> tuple[str, ...]:
        return _header_text(headers, raw_name, is_multi=is_multi)

    return read


def _header_text(headers: EndpointHeaders, name: bytes, *, is_multi: bool) -> tuple[str, ...]:
    # Several values of a header are one text (semantics sheet 10.7), unlike those of a query.
    value = ",".join(header_values(headers, name)) if is_multi else last_header(headers, name)
    return (value,) if value else ()


def _stage_variable(name: str) -> _Read:
    def read(
        exchange: Exchange, _body: MappedBody | None, _headers: EndpointHeaders
    ) -> tuple[str, ...]:
        identity = exchange.identity
        value = None if identity is None else identity.stage_variables.get(name)
        return (value,) if value else ()

    return read


def _compile_context(
    expression: str, name: str, path: str, problems: list[Problem]
) -> Source | None:
    try:
        getter, warning = context_variable(name)
    except UnknownVariableError as error:
        problems.append(Problem(path, _invalid(expression, str(error))))
        return None
    if warning is not None:
        problems.append(Problem(path, warning, severity="warning"))
    if getter is None:
        return _constant(expression, "")

    def read(
        exchange: Exchange, _body: MappedBody | None, _headers: EndpointHeaders
    ) -> tuple[str, ...]:
        value = getter(exchange)
        return (value,) if value else ()

    return Source(expression=expression, read=read)
