"""Gateway responses: what a client gets for a `Fault`. Resolved for all types when compiling.

Resolution is the semantics sheet's 13.2: the type's own customisation, else that of DEFAULT_4XX or
DEFAULT_5XX, else AWS's default. Templates are plain substitution, not Velocity. What depends on the
fault alone is rendered once per release, so that a refusal is a look-up.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from gateway.context import UnknownVariableError
from gateway.definitions.integration import IntegrationType
from gateway.definitions.responses import GatewayResponse
from gateway.errors import DEFAULTS, Fault, GatewayResponseType, Problem, forbidden
from gateway.mapping.context_variables import context_variable
from gateway.mapping.media_types import (
    APPLICATION_JSON,
    choose_response_template,
    invalid_key,
    media_type,
)
from gateway.mapping.parameters import response_header_name
from gateway.mapping.sources import PARAMETER_NAME, Source, compile_source
from gateway.mapping.template import TEMPLATE_BYTES
from gateway.mapping.wire_text import header_bytes, to_bytes
from gateway.messages import Derived, Exchange, InvocationRequest, InvocationResponse

_Part = str | Callable[[Fault, Exchange], str]
_Parts = tuple[_Part, ...]

_DOTTED: Final = r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*"
_WORD: Final = r"[A-Za-z0-9_$-]+"
_PLACEHOLDER: Final = re.compile(
    rf"""
    \$context\.(?P<context>{_DOTTED})
  | \$\{{context\.(?P<braced_context>{_DOTTED})\}}
  | \$stageVariables\.(?P<variable>[A-Za-z0-9_]+)
  | \$\{{stageVariables\.(?P<braced_variable>[A-Za-z0-9_]+)\}}
  | \$?\b(?P<request>method\.request\.(?:header|path|querystring)\.{_WORD}(?:\.{_WORD})*)
    """,
    re.VERBOSE,
)
_DESTINATION: Final = re.compile(rf"gatewayresponse\.(header|path|querystring)\.({PARAMETER_NAME})")
_STATUS: Final = re.compile(r"[2-5][0-9][0-9]")
_BODILESS: Final = frozenset({204, 205, 304})
"""Answers that have no body (RFC 9110 sections 15.3 and 15.4), whatever a template says."""

_PLAIN_TEXT_HEAD: Final = b"Content-Type: text; charset=utf-8\r\n"
"""Of REQUEST_TOO_LARGE, which AWS's front end answers before any API's customisation."""
_NO_EXCHANGE: Final = Exchange(
    InvocationRequest(("GET", "/", "/", ""), Derived("", (), {})), "", "", 0.0, 0.0
)
"""Stands in where an answer is rendered ahead: nothing is read from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledGatewayResponse:
    """The answer for one type of fault."""

    type: GatewayResponseType
    """Whose answer it is."""
    status: int | None = None
    """Customised status; None: the fault's own."""
    headers: tuple[tuple[bytes, bytes, Source], ...] = ()
    """Customised headers: name, lower-case name, source."""
    bodies: Mapping[str, _Parts] = field(default_factory=dict)
    """Media type to what the body is made of; empty: the fault's message as plain text."""
    ready: Mapping[tuple[str | None, int, str], InvocationResponse] = field(default_factory=dict)
    """Message, status and error type of a fault to its answer."""
    usual: InvocationResponse | None = None
    """The one of these that is for the type's plain fault: most are."""

    def render(self, fault: Fault, exchange: Exchange) -> InvocationResponse:
        """Return the client's answer; `exchange.fault` is `fault`."""
        if fault.is_plain and self.usual is not None:
            return self.usual
        ready = self.ready.get((fault.message, fault.status, fault.error_type))
        return self._render(fault, exchange) if ready is None else ready

    def _render(
        self, fault: Fault, exchange: Exchange, *, is_shared: bool = False
    ) -> InvocationResponse:
        status = self.status or fault.status
        if not self.bodies:
            return InvocationResponse(status, _PLAIN_TEXT_HEAD, to_bytes(fault.message or ""))
        accept = exchange.request.fields.get("Accept") if len(self.bodies) > 1 else None
        chosen = choose_response_template(self.bodies, accept)
        assert chosen is not None, "there is at least one body"  # noqa: S101
        content_type, parts = chosen
        lines = []
        missing = {
            b"content-type": b"Content-Type: %b\r\n" % content_type.encode(),
            b"x-amzn-errortype": b"x-amzn-ErrorType: %b\r\n" % header_bytes(fault.error_type),
        }
        for name, lower, source in self.headers:
            value = header_bytes(source.text(exchange))
            if value:
                lines.append(b"%b: %b\r\n" % (name, value))
                missing.pop(lower, None)
        body = b""
        if status not in _BODILESS:
            text = [part if isinstance(part, str) else part(fault, exchange) for part in parts]
            body = to_bytes("".join(text))
        head = b"".join([*missing.values(), *lines])
        return InvocationResponse(status, head, body, is_shared=is_shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Customisation:
    """A user's GatewayResponse, parsed; serves its type, or all types of a class."""

    status: int | None = None
    headers: tuple[tuple[bytes, bytes, Source], ...] = ()
    bodies: Mapping[str, _Parts] = field(default_factory=dict)
    needs_exchange: bool = False
    """Whether anything but the fault decides the answer."""


def compile_gateway_responses(
    custom: Mapping[str, GatewayResponse], *, path: str, problems: list[Problem]
) -> Mapping[GatewayResponseType, CompiledGatewayResponse]:
    """Compile all types' answers; `custom` is by type's name, such as `DEFAULT_4XX`."""
    return _customised(custom, path, problems) if custom else _defaults()


@functools.cache
def _defaults() -> Mapping[GatewayResponseType, CompiledGatewayResponse]:
    """Return AWS's own answers: one object for all deployments that customise none."""
    return _customised({}, "", [])


def _customised(
    custom: Mapping[str, GatewayResponse], path: str, problems: list[Problem]
) -> Mapping[GatewayResponseType, CompiledGatewayResponse]:
    parsed: dict[GatewayResponseType, _Customisation] = {}
    for key, response in custom.items():
        here = f"{path}.{key}"
        type_ = _type_of(key, here, problems)
        if type_ is not None:
            parsed[type_] = _customisation(response, here, problems)
    compiled: dict[GatewayResponseType, CompiledGatewayResponse] = {}
    for type_ in GatewayResponseType:
        if type_ is GatewayResponseType.REQUEST_TOO_LARGE:
            compiled[type_] = CompiledGatewayResponse(type=type_)
            continue
        general = (
            GatewayResponseType.DEFAULT_4XX
            if DEFAULTS[type_].status < 500
            else GatewayResponseType.DEFAULT_5XX
        )
        chosen = parsed.get(type_) or parsed.get(general) or _Customisation()
        compiled[type_] = _compile(type_, chosen)
    return MappingProxyType(compiled)


def _compile(type_: GatewayResponseType, chosen: _Customisation) -> CompiledGatewayResponse:
    compiled = CompiledGatewayResponse(
        type=type_,
        status=chosen.status,
        headers=chosen.headers,
        bodies=chosen.bodies or {APPLICATION_JSON: _default_body(type_)},
    )
    if chosen.needs_exchange:
        return compiled
    ready = {}
    for fault in _frequent(type_):
        answer = compiled._render(fault, _NO_EXCHANGE, is_shared=True)  # noqa: SLF001 (our own class)
        ready[fault.message, fault.status, fault.error_type] = answer
    plain = Fault(type_)
    usual = ready[plain.message, plain.status, plain.error_type]
    return replace(compiled, ready=ready, usual=usual)


def _frequent(type_: GatewayResponseType) -> tuple[Fault, ...]:
    """Return the faults whose answers are worth rendering ahead; they are never raised."""
    fault = Fault(type_)
    match type_:
        case GatewayResponseType.DEFAULT_4XX:
            return (fault, forbidden(""), Fault(type_, message="Invalid JSON in request body"))
        case GatewayResponseType.DEFAULT_5XX:
            return (fault, Fault(type_, status=502))
        case _:
            return (fault,)


def _type_of(key: str, path: str, problems: list[Problem]) -> GatewayResponseType | None:
    if key not in GatewayResponseType.__members__:
        near = difflib.get_close_matches(key.upper(), GatewayResponseType.__members__, n=1)
        mending = f"did you mean {near[0]}?" if near else "write one such as DEFAULT_4XX"
        problems.append(Problem(path, f"there is no gateway response type {key}; {mending}"))
        return None
    if key == GatewayResponseType.REQUEST_TOO_LARGE:
        sentence = "REQUEST_TOO_LARGE cannot be customised: this has no effect. Remove it"
        problems.append(Problem(path, sentence, severity="warning"))
        return None
    return GatewayResponseType[key]


def _customisation(response: GatewayResponse, path: str, problems: list[Problem]) -> _Customisation:
    status = None
    if response.status_code is not None:
        if _STATUS.fullmatch(response.status_code):
            status = int(response.status_code)
        else:
            sentence = f"{response.status_code!r} is no status to answer with; write 200 to 599"
            problems.append(Problem(f"{path}.statusCode", sentence))
    headers = _headers(response.response_parameters, f"{path}.responseParameters", problems)
    bodies = _bodies(response.response_templates, f"{path}.responseTemplates", problems)
    return _Customisation(
        status=status,
        headers=headers,
        bodies=bodies,
        needs_exchange=len(bodies) > 1
        or any(source.constant is None for _, _, source in headers)
        or any(
            not isinstance(part, str) and part not in _OF_FAULT.values()
            for parts in bodies.values()
            for part in parts
        ),
    )


def _headers(
    mapping: Mapping[str, str], path: str, problems: list[Problem]
) -> tuple[tuple[bytes, bytes, Source], ...]:
    headers = []
    for key, expression in mapping.items():
        here = f"{path}.{key}"
        match = _DESTINATION.fullmatch(key)
        if match is None:
            sentence = f"{key} is no destination; write gatewayresponse.header.NAME"
            problems.append(Problem(here, sentence))
            continue
        source = compile_source(expression, "request", here, problems)
        if source is None:
            continue
        if source.needs_body:
            sentence = f"{expression} cannot be used: a gateway response does not see the body"
            problems.append(Problem(here, f"{sentence}. Use another source"))
            continue
        # A gateway response may challenge by WWW-Authenticate; only framing and identity are ours.
        name = response_header_name(match[2], IntegrationType.MOCK)
        if match[1] != "header" or name is None:
            sentence = f"{key} has no effect on an answer. Remove it"
            problems.append(Problem(here, sentence, severity="warning"))
            continue
        headers.append((name.encode(), name.lower().encode(), source))
    return tuple(headers)


def _bodies(templates: Mapping[str, str], path: str, problems: list[Problem]) -> dict[str, _Parts]:
    bodies = {}
    for key, text in templates.items():
        here = f"{path}.{key}"
        reason = invalid_key(key)
        if reason is not None:
            problems.append(Problem(here, reason))
        elif len(text) > TEMPLATE_BYTES:
            sentence = f"the template has {len(text)} characters; make it {TEMPLATE_BYTES} or less"
            problems.append(Problem(here, sentence))
        else:
            bodies[media_type(key)] = _parse(text, here, problems)
    return bodies


def _parse(text: str, path: str, problems: list[Problem]) -> _Parts:
    parts: list[_Part] = []
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        parts.append(text[position : match.start()])
        position = match.end()
        name = match["context"] or match["braced_context"]
        if name is not None:
            parts.append(_context_variable(name, path, problems))
            continue
        variable = match["variable"] or match["braced_variable"]
        expression = f"stageVariables.{variable}" if variable else match["request"]
        source = compile_source(expression, "request", path, problems)
        parts.append("" if source is None else _source_text(source))
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def _context_variable(name: str, path: str, problems: list[Problem]) -> _Part:
    if name in _OF_FAULT:
        return _OF_FAULT[name]
    try:
        getter, warning = context_variable(name)
    except UnknownVariableError as error:
        getter, warning = None, f"{error} (it renders as nothing)"
    if warning is not None:
        problems.append(Problem(path, warning, severity="warning"))
    if getter is None:
        return ""
    return lambda _fault, exchange: getter(exchange) or ""


def _source_text(source: Source) -> _Part:
    return lambda _fault, exchange: source.text(exchange)


def _message(fault: Fault, _exchange: Exchange) -> str:
    return fault.message or ""


def _message_string(fault: Fault, _exchange: Exchange) -> str:
    """Return the message as JSON, or `null`. Bytes that are no UTF-8 are spelled out."""
    if fault.message is None:
        return "null"
    text = fault.message.encode("utf-8", "backslashreplace").decode()
    return json.dumps(text, ensure_ascii=False)


def _response_type(fault: Fault, _exchange: Exchange) -> str:
    return fault.type.value


_OF_FAULT: Final[Mapping[str, Callable[[Fault, Exchange], str]]] = {
    "error.message": _message,
    "error.messageString": _message_string,
    "error.responseType": _response_type,
}
"""Variables that the fault alone decides."""


def _default_body(type_: GatewayResponseType) -> _Parts:
    # AWS spells this one type's key with a capital (semantics sheet 13.1).
    key = "Message" if type_ is GatewayResponseType.ACCESS_DENIED else "message"
    return (f'{{"{key}":', _message_string, "}")
