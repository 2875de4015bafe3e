"""HTTP: what reaches the backend and what comes back are mapped; no header of the client leaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.definitions.integration import Integration
from gateway.definitions.rest_api import Method, Resource
from gateway.errors import Problem
from gateway.integrations.backend import (
    BackendPlan,
    compile_backend,
    mapped_body,
    note_call,
    passing_body,
    whole_answer,
)
from gateway.integrations.base import CompiledIntegration, Endpoints, IntegrationContext
from gateway.integrations.request_templates import RequestTemplates, compile_request_templates
from gateway.integrations.responses import IntegrationResponses, compile_responses
from gateway.integrations.trace import trace_id
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.wire_text import header_bytes, to_bytes
from gateway.messages import (
    Exchange,
    IntegrationRequest,
    InvocationResponse,
    MethodIdentity,
)
from gateway.streams import BodyError, BodyStream

_NO_CONTENT_TYPE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods for which the client's Content-Type is not passed on."""


@dataclass(frozen=True, slots=True, eq=False)
class HttpPlan:
    """An HTTP integration as its deployment freezes it."""

    backend: BackendPlan
    templates: RequestTemplates
    responses: IntegrationResponses

    @property
    def variables(self) -> tuple[str, ...]:
        """The stage variables that the uri names."""
        return self.backend.variables

    def bind(self, identity: MethodIdentity, context: IntegrationContext) -> CompiledIntegration:
        """Put a stage's variables in."""
        self.backend.refuse_illegal_headers()
        return Http(self, identity, context)


def compile_http(
    integration: Integration, resource: Resource, method: Method, path: str, problems: list[Problem]
) -> HttpPlan:
    """Return the plan of an HTTP integration; add what is wrong to `problems`."""
    return HttpPlan(
        compile_backend(integration, resource, method, path, problems),
        compile_request_templates(integration, path, problems),
        compile_responses(integration, method, path, problems),
    )


class Http:
    """An HTTP integration bound to a stage."""

    __slots__ = (
        "_backend",
        "_context",
        "_own_lines",
        "_response_limit",
        "_responses",
        "_templates",
        "_uri",
    )  # fmt: skip

    def __init__(
        self, plan: HttpPlan, identity: MethodIdentity, context: IntegrationContext
    ) -> None:
        self._backend = plan.backend
        self._templates = plan.templates
        self._responses = plan.responses
        self._context = context
        self._uri = plan.backend.bind(identity, context)
        api_id = identity.api_id.encode("ascii")
        self._own_lines = {
            b"host": (b"Host", self._uri.host_header.encode("ascii")),
            b"accept": (b"Accept", b"application/json"),
            b"user-agent": (b"User-Agent", b"AmazonAPIGateway_" + api_id),
            b"x-amzn-apigateway-api-id": (b"X-Amzn-Apigateway-Api-Id", api_id),
        }
        """What every request has, by lower-case name, unless a mapping replaces it."""
        self._response_limit = context.body_bytes

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        described = self._backend.describe("HTTP", self._uri)
        if self._responses.needs_body:
            described["buffers"] = "response body, for a body mapping"
        return described

    async def invoke(self, exchange: Exchange, endpoints: Endpoints) -> InvocationResponse:
        """Map the request, call the backend, map its answer."""
        request = exchange.request
        limit = self._context.body_bytes
        body: bytes | BodyStream | None
        mapped: MappedBody | None = None
        if self._backend.mapping.needs_body:
            body, mapped = await mapped_body(request, limit)
        else:
            body = passing_body(request)
        template = self._templates.choose(request.fields.get("Content-Type"))
        if template is not None:
            if isinstance(body, BodyStream):
                body.cut(BodyError("a template replaces the client's body"))
            body = to_bytes(template.render(exchange))
        method = self._backend.http_method or request.method
        head = self._head(exchange, method, mapped)
        now = self._context.now
        sent = now()
        outgoing = IntegrationRequest(
            self._uri.origin,
            head,
            body,
            method,
            self._backend.timeout_seconds,
            self._response_limit,
            sent,
        )
        try:
            endpoint = await endpoints.send(outgoing)
        finally:
            note_call(exchange, sent, now())
        exchange.integration_status = endpoint.status
        chosen = self._responses.select(endpoint.status)
        answer = endpoint.body
        known: MappedBody | None = None
        if self._responses.needs_body:
            answer = await whole_answer(answer, limit)
            known = MappedBody(answer, "response")
        response = chosen.render(exchange, answer, known, endpoint.headers)
        trace = b"X-Amzn-Trace-Id: " + exchange.trace_id.encode("ascii") + b"\r\n"
        return InvocationResponse(
            response.status, response.head + trace, response.body, response.length
        )

    def _head(self, exchange: Exchange, method: str, body: MappedBody | None) -> bytes:
        """Return the request line and header lines: ours, and what is mapped."""
        mapping = self._backend.mapping
        target = self._uri.target(exchange, body)
        query = mapping.query(exchange, body)
        if query:
            target = f"{target}{'&' if self._uri.has_query else '?'}{query}"
        exchange.endpoint_uri = self._uri.base + target
        trace = exchange.trace_id = trace_id(exchange, self._context.ids)
        lines = self._own_lines | {b"x-amzn-trace-id": (b"X-Amzn-Trace-Id", trace.encode("ascii"))}
        content_type = exchange.request.fields.get("Content-Type")
        if content_type and method not in _NO_CONTENT_TYPE:
            lines[b"content-type"] = (b"Content-Type", header_bytes(content_type))
        for name, lower, value in mapping.header_lines(exchange, body):
            lines[lower] = (name, value)
        parts = [f"{method} {target} HTTP/1.1\r\n".encode("ascii")]
        for name, value in lines.values():
            parts += (name, b": ", value, b"\r\n")
        return b"".join(parts)
