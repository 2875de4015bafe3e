"""HTTP_PROXY: the client's request goes to a backend, and its answer back, header for header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.definitions.integration import Integration
from gateway.definitions.rest_api import Method, Resource
from gateway.driver import Waiter
from gateway.errors import Problem
from gateway.integrations.backend import (
    BackendPlan,
    compile_backend,
    mapped_body,
    passing_body,
)
from gateway.integrations.backend_call import BackendCall
from gateway.integrations.base import (
    Answer,
    CompiledIntegration,
    Endpoints,
    IntegrationContext,
)
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
    InvocationRequest,
    InvocationResponse,
    MethodIdentity,
)
from gateway.streams import BodyStream

_CONNECTION: Final = RequestFate.CONNECTION
_ACCEPT: Final = RequestFate.ACCEPT
_USER_AGENT: Final = RequestFate.USER_AGENT
_PASSING: Final = frozenset({RequestFate.FORWARD, _ACCEPT, _USER_AGENT})
_MOST_DERIVED: Final = 8
"""Header blocks kept beside one header block: one for each API and set of mapped headers."""
_PASS: Final = ResponseFate.FORWARD
_CONTENT_TYPE: Final = ResponseFate.CONTENT_TYPE
_REMAP: Final = ResponseFate.REMAP
_RESPONSE_CONNECTION: Final = ResponseFate.CONNECTION
_RESPONSE_HEAD: Final = "HTTP_PROXY"
"""The key of `_response_head` among what is derived from a backend's head."""
_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close", b""})
"""`Connection` values that nominate no header."""


@dataclass(frozen=True, slots=True, eq=False)
class HttpProxyPlan:
    """An HTTP_PROXY integration as its deployment freezes it."""

    backend: BackendPlan

    @property
    def variables(self) -> tuple[str, ...]:
        """The stage variables that the uri names."""
        return self.backend.variables

    def bind(self, identity: MethodIdentity, context: IntegrationContext) -> CompiledIntegration:
        """Put a stage's variables in."""
        self.backend.refuse_illegal_headers()
        return HttpProxy(self.backend, identity, context)


def compile_http_proxy(
    integration: Integration,
    resource: Resource,
    method: Method,
    path: str,
    problems: list[Problem],
) -> HttpProxyPlan:
    """Return the plan of an HTTP_PROXY integration; add what is wrong to `problems`."""
    return HttpProxyPlan(compile_backend(integration, resource, method, path, problems))


@lru_cache(maxsize=1024)
def _encoded(text: str) -> bytes:
    """Return text as bytes, one object for all the methods that share it."""
    return text.encode("ascii")


class HttpProxy(CompiledIntegration):
    """An HTTP_PROXY integration bound to a stage."""

    __slots__ = (
        "_after_target", "_api_id", "_backend", "_base", "_context", "_forward_key", "_joiner",
        "_method", "_replaced", "_response_limit", "_target", "_timeout_seconds", "_uri",
    )  # fmt: skip

    def __init__(
        self, backend: BackendPlan, identity: MethodIdentity, context: IntegrationContext
    ) -> None:
        uri = backend.bind(identity, context)
        self._backend = backend
        self._context = context
        self._uri: BoundUri = uri
        self._base = uri.base
        self._target = uri.constant
        self._joiner = "&" if uri.has_query else "?"
        self._method = backend.http_method
        self._timeout_seconds = backend.timeout_seconds
        self._response_limit = None if backend.is_streamed else context.body_bytes
        self._replaced = backend.mapping.header_names
        host = b"" if b"host" in self._replaced else f"Host: {uri.host_header}\r\n".encode("ascii")
        self._api_id = _encoded(identity.api_id)
        self._forward_key = (identity.api_id, self._replaced) if self._replaced else identity.api_id
        self._after_target = (
            b" HTTP/1.1\r\n" + host + b"X-Amzn-Apigateway-Api-Id: " + self._api_id + b"\r\n"
        )

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        return self._backend.describe("HTTP_PROXY", self._uri)

    def invoke(self, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Send the request on, and return the backend's answer."""
        if self._backend.mapping.needs_body:
            return self._invoke_mapped(exchange, endpoints)
        request = exchange.request
        body = None if request.body is None else passing_body(request)
        outgoing = self._outgoing(exchange, body, None)
        now = self._context.now
        sent = now()
        call = endpoints.send(outgoing)
        proxied = _Proxied(exchange, call, sent, now)
        # Where it was sent no coroutine has to wait: what comes back calls.
        return proxied if isinstance(call, Waiter) else proxied.wait()

    async def _invoke_mapped(self, exchange: Exchange, endpoints: Endpoints) -> InvocationResponse:
        """Do the same with a request whose body goes into its head."""
        body, mapped = await mapped_body(exchange.request, self._context.body_bytes)
        outgoing = self._outgoing(exchange, body, mapped)
        now = self._context.now
        sent = now()
        return await _Proxied(exchange, endpoints.send(outgoing), sent, now).wait()

    def _outgoing(
        self, exchange: Exchange, body: bytes | BodyStream | None, mapped: MappedBody | None
    ) -> IntegrationRequest:
        """Return what goes to the backend."""
        return IntegrationRequest(
            self._uri.origin,
            self._head(exchange, mapped),
            body,
            self._method or exchange.request.method,
            self._timeout_seconds,
            self._response_limit,
        )

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
        derived = request.derived
        forwarded = derived.get(self._forward_key)
        if forwarded is None:
            forwarded = self._forward(request)
            if len(derived) < _MOST_DERIVED:
                derived[self._forward_key] = forwarded
        trace = exchange.trace_id = trace_id(exchange, self._context.ids)
        head = (
            f"{method} {target}".encode("ascii")
            + self._after_target
            + forwarded
            + f"{trace}\r\n".encode("ascii")
        )
        if not mapping.headers:
            return head
        parts = [head]
        for name, _, value in mapping.header_lines(exchange, body):
            parts += (name, b": ", value, b"\r\n")
        return b"".join(parts)

    def _forward(self, request: InvocationRequest) -> bytes:
        """Return the client's headers that go on, in their order and spelling, and ours.

        Ends with the name of the trace header, whose value follows.
        """
        headers = request.headers
        connection = [value for name, value in headers if REQUEST_FATES[name] is _CONNECTION]
        names = nominated(b",".join(connection))
        if names:
            # Nominated headers end at this hop.
            headers = without(headers, names)
        parts: list[bytes] = []
        seen = set[RequestFate]()
        for name, value in headers:
            fate = REQUEST_FATES[name]
            seen.add(fate)
            if fate not in _PASSING or name.lower() in self._replaced:
                continue
            parts += (name, b": ", value, b"\r\n")
        if _ACCEPT not in seen and b"accept" not in self._replaced:
            parts.append(b"Accept: application/json\r\n")
        if _USER_AGENT not in seen and b"user-agent" not in self._replaced:
            parts += (b"User-Agent: AmazonAPIGateway_", self._api_id, b"\r\n")
        parts.append(
            f"X-Forwarded-For: {request.source_ip}\r\nX-Forwarded-Port: {request.port}\r\n"
            f"X-Forwarded-Proto: {request.scheme}\r\nX-Amzn-Trace-Id: ".encode("ascii")
        )
        return b"".join(parts)


class _Proxied(BackendCall):
    """A request that was passed on."""

    __slots__ = ()

    def respond(self, endpoint: EndpointResponse) -> InvocationResponse:
        """Return a backend's answer as the client's."""
        return _response(endpoint)


def _response(endpoint: EndpointResponse) -> InvocationResponse:
    """Return a backend's answer as the client's, with AWS's remapped and dropped headers."""
    derived = endpoint.derived
    body = endpoint.body
    if derived is None:
        head = _response_head(endpoint.headers, has_body=bool(body))
    else:
        # Whether there is a body follows from the head's length, without exception.
        known: bytes | None = derived.get(_RESPONSE_HEAD)
        if known is None:
            known = derived[_RESPONSE_HEAD] = _response_head(endpoint.headers, has_body=bool(body))
        head = known
    return InvocationResponse(endpoint.status, head, body, endpoint.length)


def _response_head(headers: Sequence[tuple[bytes, bytes]], *, has_body: bool) -> bytes:
    """Return the client's header lines for those of a backend."""
    fates = RESPONSE_FATES
    parts: list[bytes] = []
    has_content_type = False
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
            connection = [one for other, one in headers if fates[other] is _RESPONSE_CONNECTION]
            names = nominated(b",".join(connection)) | {b"connection"}
            return _response_head(without(headers, names), has_body=has_body)
    if not has_content_type and has_body:
        parts.append(b"Content-Type: application/json\r\n")
    return b"".join(parts)
