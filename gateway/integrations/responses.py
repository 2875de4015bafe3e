"""Integration responses: which one an answer selects, and the method response it makes.

For HTTP and MOCK (semantics sheet 10.5, 10.8). The client's status is the integration response's,
not the
backend's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import Method
from gateway.errors import Fault, GatewayResponseType, Problem
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.media_types import APPLICATION_JSON, choose_response_template, normalised
from gateway.mapping.parameters import ResponseMapping, compile_response_parameters
from gateway.mapping.sources import EndpointHeaders
from gateway.mapping.template import Template, compile_template
from gateway.mapping.wire_text import header_bytes, to_bytes
from gateway.messages import Exchange, InvocationResponse
from gateway.streams import BodyError, BodyStream

_FIRST_FINAL: Final = 200
"""Statuses below only announce an answer (RFC 9110 section 15.2)."""
_MEMO_STATUSES: Final = 1024
"""Selections remembered by status text; a backend cannot grow the memo past it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledIntegrationResponse:
    """One integration response."""

    status: int
    pattern: re.Pattern[str] | None
    """None: the default response."""
    mapping: ResponseMapping
    templates: Mapping[str, Template]
    """By media type, normalised."""
    constant: InvocationResponse | None
    """The whole method response when it depends on nothing. Shared by requests: read only."""
    is_declared: bool
    """Whether the method declares the status; AWS fails requests that select another one."""

    def render(
        self,
        exchange: Exchange,
        passed: bytes | BodyStream,
        body: MappedBody | None = None,
        endpoint_headers: EndpointHeaders = (),
    ) -> InvocationResponse:
        """Return the method response; `passed` is the body when no template makes one."""
        if self.constant is not None:
            _refuse(passed)
            return self.constant
        accept = exchange.request.fields.get("Accept")
        chosen = choose_response_template(self.templates, accept)
        if chosen is None:
            media_type, result = APPLICATION_JSON, passed
        else:
            media_type, result = chosen[0], to_bytes(chosen[1].render(exchange))
            _refuse(passed)
        lines = self.mapping.header_lines(exchange, body, endpoint_headers)
        return InvocationResponse(self.status, _head(lines, media_type), result)


def _refuse(body: bytes | BodyStream) -> None:
    """Let the backend's connection go when a template replaces what it would still send."""
    if isinstance(body, BodyStream):
        body.cut(BodyError("a template replaces the backend's body"))


def _head(lines: list[tuple[bytes, bytes, bytes]], media_type: str) -> bytes:
    parts: list[bytes] = []
    has_content_type = False
    for name, lower, value in lines:
        parts += (name, b": ", value, b"\r\n")
        has_content_type = has_content_type or lower == b"content-type"
    if not has_content_type:
        parts += (b"Content-Type: ", media_type.encode("ascii"), b"\r\n")
    return b"".join(parts)


class IntegrationResponses:
    """All integration responses of a method."""

    __slots__ = ("_default", "_memo", "_patterned", "needs_body")

    def __init__(self, responses: list[CompiledIntegrationResponse]) -> None:
        self._patterned = tuple(one for one in responses if one.pattern is not None)
        self._default = next((one for one in responses if one.pattern is None), None)
        self._memo: dict[int, CompiledIntegrationResponse] | None = None
        """Made when a pattern is first searched: most methods have none."""
        self.needs_body = any(one.mapping.needs_body for one in responses)

    def select(self, status: int) -> CompiledIntegrationResponse:
        """Return the response whose pattern the whole status matches, else the default one.

        Raises:
            Fault: API_CONFIGURATION_ERROR (500) when there is neither, or when the method does not
                declare the status that it makes, or that is no final one.
        """
        if not self._patterned and self._default is not None:
            return self._declared(self._default)
        if self._memo is None:
            self._memo = {}
        chosen = self._memo.get(status)
        if chosen is None:
            chosen = self._declared(self._search(str(status)))
            if len(self._memo) < _MEMO_STATUSES:
                self._memo[status] = chosen
        return chosen

    @staticmethod
    def _declared(response: CompiledIntegrationResponse) -> CompiledIntegrationResponse:
        if response.status < _FIRST_FINAL:
            raise Fault(
                GatewayResponseType.API_CONFIGURATION_ERROR,
                detail="Execution failed due to configuration error: "
                f"{response.status} cannot be a final status",
            )
        if not response.is_declared:
            raise Fault(
                GatewayResponseType.API_CONFIGURATION_ERROR,
                detail="Execution failed due to configuration error: Output mapping refers to "
                f"an invalid method response: {response.status}",
            )
        return response

    def _search(self, status: str) -> CompiledIntegrationResponse:
        for response in self._patterned:
            if response.pattern is not None and response.pattern.fullmatch(status):
                return response
        if self._default is None:
            raise Fault(
                GatewayResponseType.API_CONFIGURATION_ERROR,
                detail="Execution failed due to configuration error: No match for output mapping "
                "and no default output mapping configured. Endpoint Response Status Code: "
                f"{status}",
            )
        return self._default


def compile_responses(
    integration: Integration, method: Method, path: str, problems: list[Problem]
) -> IntegrationResponses:
    """Return the integration responses of a method; add what is wrong to `problems`."""
    compiled: list[CompiledIntegrationResponse] = []
    for status, response in integration.integration_responses.items():
        here = f"{path}.integrationResponses.{status}"
        declared = method.method_responses.get(status)
        mapping = compile_response_parameters(
            response.response_parameters,
            declared=declared.response_parameters if declared else None,
            path=f"{here}.responseParameters",
            problems=problems,
            integration_type=integration.type,
        )
        templates = {
            media_type: compile_template(text, f"{here}.responseTemplates.{media_type}", problems)
            for media_type, text in response.response_templates.items()
        }
        good = normalised({key: one for key, one in templates.items() if one is not None})
        for media_type in good:
            _check_media_type(media_type, f"{here}.responseTemplates", problems)
        number = int(status) if status.isascii() and status.isdecimal() else 500
        compiled.append(
            CompiledIntegrationResponse(
                status=number,
                pattern=_pattern(response.selection_pattern, here, problems),
                mapping=mapping,
                templates=good,
                constant=_constant(number, mapping, good, integration.type),
                is_declared=declared is not None,
            )
        )
    if sum(one.pattern is None for one in compiled) > 1:
        problems.append(
            Problem(
                f"{path}.integrationResponses",
                "several responses have no selectionPattern: only the first is ever used; give the "
                "others a pattern",
            )
        )
    return IntegrationResponses(compiled)


def _check_media_type(media_type: str, path: str, problems: list[Problem]) -> None:
    if re.fullmatch(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+*-]+", media_type) is None:
        problems.append(
            Problem(
                path,
                f"Invalid content type specified: {media_type}; write it like application/json",
            )
        )


def _pattern(text: str, path: str, problems: list[Problem]) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        problems.append(
            Problem(f"{path}.selectionPattern", f"is no regular expression: {error}; mend it")
        )
        return re.compile(r"(?!)")


def _constant(
    status: int,
    mapping: ResponseMapping,
    templates: Mapping[str, Template],
    kind: IntegrationType,
) -> InvocationResponse | None:
    """Build the method response now, if every part of it is known now."""
    if kind is not IntegrationType.MOCK and not templates:
        return None  # The backend's body passes.
    if len(templates) > 1 or any(one.constant is None for one in templates.values()):
        return None
    lines: list[tuple[bytes, bytes, bytes]] = []
    for name, lower, source in mapping.headers:
        if source.constant is None:
            return None
        if source.constant:
            lines.append((name, lower, header_bytes(source.constant)))
    media_type, template = next(iter(templates.items()), (APPLICATION_JSON, None))
    text = "" if template is None else template.constant or ""
    return InvocationResponse(status, _head(lines, media_type), to_bytes(text), is_shared=True)
