"""HTTP_PROXY: the client's request goes to a backend, and its answer back, header for header."""

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
)
from gateway.integrations.base import CompiledIntegration, Endpoints, IntegrationContext
from gateway.integrations.headers import (
    REQUEST_FATES,
    RESPONSE_FATES,
    RequestFate,
    ResponseFate,
    nominated,
    without,
)
from gateway.integrations.trace import trace_id
from gateway.integrations.uri import BoundUri
from gateway.mapping.mapped_body import MappedBody
from gateway.messages import (
    EndpointResponse,
    Exchange,
    IntegrationRequest,
    InvocationResponse,
    MethodIdentity,
    RawHeaders,
)
from gateway.streams import BodyStream

_FORWARD: Final = RequestFate.FORWARD
_CONNECTION: Final = RequestFate.CONNECTION
_ACCEPT: Final = RequestFate.ACCEPT
_USER_AGENT: Final = RequestFate.USER_AGENT
_PASS: Final = ResponseFate.FORWARD
_CONTENT_TYPE: Final = ResponseFate.CONTENT_TYPE
_REMAP: Final = ResponseFate.REMAP
_RESPONSE_CONNECTION: Final = ResponseFate.CONNECTION
_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close", b""})
"""`Connection` values that nominate no header."""


@dataclass(frozen=True, slots=True, eq=False)
class HttpProxyPlan:
    """An HTTP_PROXY integration as its deployment freezes it."""

    backend: BackendPlan

    @property
    def variables(self) -> tuple[str, ...]:
        """The stage variables that the uri names."""
        return self.backend.uri.variables

    def bind(self, identity: MethodIdentity, context: IntegrationContext) -> CompiledIntegration:
        """Put a stage's variables in."""
        self.backend.refuse_illegal_headers()
        return HttpProxy(self.backend, identity, context)


def compile_http_proxy(
    integration: Integration,
    resource: Resource,
    _method: Method,
    path: str,
    problems: list[Problem],
) -> HttpProxyPlan:
    """Return the plan of an HTTP_PROXY integration; add what is wrong to `problems`."""
    return HttpProxyPlan(compile_backend(integration, resource, path, problems))


class HttpProxy:
    """An HTTP_PROXY integration bound to a stage."""

    __slots__ = (
        "_after_target", "_api_id", "_backend",
        "_base", "_context", "_joiner", "_method", "_replaced",
        "_response_limit", "_target", "_timeout_seconds", "_uri",
    )  # fmt: skip

    def __init__(
        self, backend: BackendPlan, identity: MethodIdentity, context: IntegrationContext
    ) -> None:
        uri = backend.uri.bind(identity.stage_variables)
        self._backend = backend
        self._context = context
        self._uri: BoundUri = uri
        self._base = uri.base
        self._target = uri.constant
        self._joiner = "&" if uri.has_query else "?"
        self._method = backend.http_method
        self._timeout_seconds = backend.timeout_seconds
        self._response_limit = None if backend.is_streamed else context.body_bytes
        self._replaced = frozenset(lower for _, lower, _ in backend.mapping.headers)
        host = b"" if b"host" in self._replaced else f"Host: {uri.host_header}\r\n".encode("ascii")
        self._api_id = identity.api_id.encode("ascii")
        self._after_target = (
            b" HTTP/1.1\r\n" + host + b"X-Amzn-Apigateway-Api-Id: " + self._api_id + b"\r\n"
        )

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        return self._backend.describe("HTTP_PROXY", self._uri)

    async def invoke(self, exchange: Exchange, endpoints: Endpoints) -> InvocationResponse:
        """Send the request on, and return the backend's answer."""
        request = exchange.request
        body: bytes | BodyStream | None
        mapped: MappedBody | None = None
        if self._backend.mapping.needs_body:
            body, mapped = await mapped_body(request, self._context.body_bytes)
        else:
            body = passing_body(request)
        outgoing = IntegrationRequest(
            self._uri.origin,
            self._head(exchange, mapped),
            body,
            self._method or request.method,
            self._timeout_seconds,
            self._response_limit,
        )
        now = self._context.now
        sent = now()
        try:
            endpoint = await endpoints.send(outgoing)
        finally:
            note_call(exchange, sent, now())
        exchange.integration_status = endpoint.status
        return _response(endpoint)

    def _head(self, exchange: Exchange, body: MappedBody | None) -> bytes:
        """Return the request line and header lines towards the backend."""
        request = exchange.request
        method = self._method or request.method
        target = self._target
        if target is None:
            target = self._uri.target(exchange, body)
        if request.query:
            target = f"{target}{self._joiner}{request.query}"
        mapping = self._backend.mapping
        if mapping.querystring and (mapped := mapping.query(exchange, body)):
            target = f"{target}{'&' if request.query else self._joiner}{mapped}"
        exchange.endpoint_uri = self._base + target
        parts = [f"{method} {target}".encode("ascii"), self._after_target]
        self._forward_headers(request.headers, parts)
        trace = exchange.trace_id = trace_id(exchange, self._context.ids)
        parts.append(
            f"X-Forwarded-For: {request.source_ip}\r\nX-Forwarded-Port: {request.port}\r\n"
            f"X-Forwarded-Proto: {request.scheme}\r\nX-Amzn-Trace-Id: {trace}\r\n".encode("ascii")
        )
        if mapping.headers:
            for name, _, value in mapping.header_lines(exchange, body):
                parts += (name, b": ", value, b"\r\n")
        return b"".join(parts)

    def _forward_headers(self, headers: RawHeaders, parts: list[bytes]) -> None:
        """Append the client's headers that go on, in their order and spelling."""
        fates = REQUEST_FATES
        replaced = self._replaced
        has_accept = has_user_agent = False
        for name, value in headers:
            fate = fates[name]
            if fate is not _FORWARD:
                if fate is _ACCEPT:
                    has_accept = True
                elif fate is _USER_AGENT:
                    has_user_agent = True
                elif fate is _CONNECTION and value not in _PLAIN_CONNECTION:
                    names = nominated(value)
                    if names and any(other.lower() in names for other, _ in headers):
                        # Start over without them: nominated headers end at this hop.
                        rest = without(headers, names | {b"connection"})
                        del parts[2:]
                        self._forward_headers(rest, parts)
                        return
                    continue
                else:
                    continue
            if replaced and name.lower() in replaced:
                continue
            parts += (name, b": ", value, b"\r\n")
        if not has_accept and b"accept" not in replaced:
            parts.append(b"Accept: application/json\r\n")
        if not has_user_agent and b"user-agent" not in replaced:
            parts += (b"User-Agent: AmazonAPIGateway_", self._api_id, b"\r\n")


def _response(endpoint: EndpointResponse) -> InvocationResponse:
    """Return a backend's answer as the client's, with AWS's remapped and dropped headers."""
    fates = RESPONSE_FATES
    parts: list[bytes] = []
    has_content_type = False
    headers = endpoint.headers
    for name, value in headers:
        fate = fates[name]
        if fate is _PASS:
            parts += (name, b": ", value, b"\r\n")
        elif fate is _CONTENT_TYPE:
            has_content_type = True
            parts += (name, b": ", value, b"\r\n")
        elif fate is _REMAP:
            parts += (b"x-amzn-Remapped-", name, b": ", value, b"\r\n")
        elif fate is _RESPONSE_CONNECTION:
            if value in _PLAIN_CONNECTION:
                parts += (b"x-amzn-Remapped-", name, b": ", value, b"\r\n")
                continue
            names = nominated(value)
            endpoint.headers = [
                header
                for header in headers
                if header[0].lower() not in names and header[0].lower() != b"connection"
            ]
            return _response(endpoint)
    if not has_content_type and endpoint.body:
        parts.append(b"Content-Type: application/json\r\n")
    return InvocationResponse(endpoint.status, b"".join(parts), endpoint.body, endpoint.length)
