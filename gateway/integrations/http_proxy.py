"""HTTP_PROXY: the client's request goes to a backend, and its answer back, header for header."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.answer_start import answer_start
from gateway.definitions.integration import Integration
from gateway.definitions.rest_api import Method, Resource
from gateway.driver import Drive, Pending, Waiter
from gateway.errors import Problem
from gateway.integrations.backend import (
    BackendPlan,
    compile_backend,
    mapped_body,
    note_call,
    passing_body,
)
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


@lru_cache(maxsize=1024)
def _forward_key(api_id: str, replaced: frozenset[bytes]) -> object:
    """Return what stands for all that `HttpProxy._forward` takes from its integration."""
    return api_id, replaced


class HttpProxy(CompiledIntegration):
    """An HTTP_PROXY integration bound to a stage."""

    __slots__ = (
        "_after_parameter", "_after_target", "_api_id", "_backend", "_base", "_before_parameter",
        "_context", "_forward_key", "_ids", "_joiner", "_mapping", "_method", "_needs_body", "_now",
        "_origin", "_parameter", "_replaced", "_response_limit", "_target", "_timeout_seconds",
        "_uri",
    )  # fmt: skip

    def __init__(
        self, backend: BackendPlan, identity: MethodIdentity, context: IntegrationContext
    ) -> None:
        uri = backend.bind(identity, context)
        self._backend = backend
        self._context = context
        self._ids = context.ids
        self._now = context.now
        self._mapping = backend.mapping
        self._needs_body = backend.mapping.needs_body
        self._uri: BoundUri = uri
        self._origin = uri.origin
        self._base = uri.base
        self._target = uri.constant
        # Most targets have one placeholder at most, and no mapping for it.
        self._before_parameter, self._parameter, self._after_parameter = uri.around or ("", "", "")
        self._joiner = "&" if uri.has_query else "?"
        self._method = backend.http_method
        self._timeout_seconds = backend.timeout_seconds
        self._response_limit = None if backend.is_streamed else context.body_bytes
        self._replaced = backend.mapping.header_names
        host = "" if b"host" in self._replaced else f"Host: {uri.host_header}\r\n"
        self._api_id = _encoded(identity.api_id)
        self._forward_key = _forward_key(identity.api_id, self._replaced)
        self._after_target = f" HTTP/1.1\r\n{host}X-Amzn-Apigateway-Api-Id: {identity.api_id}\r\n"

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        return self._backend.describe("HTTP_PROXY", self._uri)

    def invoke(self, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Send the request on, and return the backend's answer."""
        if self._needs_body:
            return self._invoke_mapped(exchange, endpoints)
        request = exchange.request
        if request.body is not None:
            return self._call(exchange, endpoints, passing_body(request), None)
        head = self._head(exchange, None)
        now = self._now
        sent = now()
        outgoing = IntegrationRequest(
            self._origin,
            head,
            None,
            self._method or request.method,
            self._timeout_seconds,
            self._response_limit,
            sent,
        )
        call = endpoints.send(outgoing)
        if isinstance(call, Waiter):
            return _Relay(call, exchange, sent, now)
        return _relayed(call, exchange, sent, now)

    async def _invoke_mapped(self, exchange: Exchange, endpoints: Endpoints) -> InvocationResponse:
        """Do the same with a request whose body goes into its head."""
        body, mapped = await mapped_body(exchange.request, self._context.body_bytes)
        return await self._call(exchange, endpoints, body, mapped)

    async def _call(
        self,
        exchange: Exchange,
        endpoints: Endpoints,
        body: bytes | BodyStream | None,
        mapped: MappedBody | None,
    ) -> InvocationResponse:
        head = self._head(exchange, mapped)
        now = self._now
        sent = now()
        outgoing = IntegrationRequest(
            self._origin,
            head,
            body,
            self._method or exchange.request.method,
            self._timeout_seconds,
            self._response_limit,
            sent,
        )
        return await _relayed(endpoints.send(outgoing), exchange, sent, now)

    def _head(self, exchange: Exchange, body: MappedBody | None) -> bytes:
        """Return the request line and header lines towards the backend."""
        request = exchange.request
        method = self._method or request.method
        target = self._target
        if self._parameter:
            filled = exchange.path_parameters.get(self._parameter, "")
            target = f"{self._before_parameter}{filled}{self._after_parameter}"
        elif target is None:
            target = self._uri.target(exchange, body)
        query = request.query
        if query:
            target = f"{target}{self._joiner}{query}"
        mapping = self._mapping
        if mapping.querystring and (mapped := mapping.query(exchange, body)):
            target = f"{target}{'&' if query else self._joiner}{mapped}"
        exchange.endpoint_uri = self._base + target
        derived = request.derived
        if derived.forward_key is not self._forward_key:
            derived.forwarded = self._forward(request)
            derived.forward_key = self._forward_key
        # Most clients send none: nothing to look at.
        is_new = derived.sent_trace_id is None
        trace = self._ids.trace_id(exchange.epoch) if is_new else trace_id(exchange, self._ids)
        exchange.trace_id = trace
        head = f"{method} {target}{self._after_target}{derived.forwarded}{trace}\r\n".encode(
            "ascii", "surrogateescape"
        )
        if not mapping.headers:
            return head
        parts = [head]
        for name, _, value in mapping.header_lines(exchange, body):
            parts += (name, b": ", value, b"\r\n")
        return b"".join(parts)

    def _forward(self, request: InvocationRequest) -> str:
        """Return the client's headers that go on, in their order and spelling, and ours.

        Ends with the name of the trace header, whose value follows. Bytes beyond ASCII are lone
        surrogates: nothing else of a head may have any.
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
        return b"".join(parts).decode("ascii", "surrogateescape")


async def _relayed(
    call: Awaitable[EndpointResponse], exchange: Exchange, sent: float, now: Callable[[], float]
) -> InvocationResponse:
    """Wait for a backend's answer, and return the client's."""
    try:
        endpoint = await call
    finally:
        note_call(exchange, sent, now())
    exchange.integration_status = endpoint.status
    return _response(endpoint)


class _Relay(Pending[InvocationResponse]):
    """`_relayed`, for a request that is on its way: without a coroutine unless it goes wrong."""

    __slots__ = ("_call", "_exchange", "_now", "_on_error", "_on_result", "_rescue", "_sent")

    def __init__(
        self,
        call: Waiter[EndpointResponse],
        exchange: Exchange,
        sent: float,
        now: Callable[[], float],
    ) -> None:
        self._call = call
        self._exchange = exchange
        self._sent = sent
        self._now = now
        self._on_result: Callable[[InvocationResponse], None]
        self._on_error: Callable[[BaseException], None]
        self._rescue: Drive[InvocationResponse] | None = None
        """What sends again after a connection that ended, or finds that this is not safe."""

    def start(
        self,
        on_result: Callable[[InvocationResponse], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Call back when the backend has answered."""
        self._on_result = on_result
        self._on_error = on_error
        call = self._call
        if call.is_set:
            self._resume()
        else:
            call.resume = self._resume

    def close(self) -> None:
        """Let the backend go."""
        if self._rescue is not None:
            self._rescue.close()
        elif not self._call.is_set:
            note_call(self._exchange, self._sent, self._now())
            self._call.give_up()

    async def wait(self) -> InvocationResponse:
        """Return the answer."""
        return await _relayed(self._call, self._exchange, self._sent, self._now)

    def _resume(self) -> None:
        call = self._call
        if call.error is not None:
            self._rescue = Drive(self.wait(), self._on_result, self._on_error)
            self._rescue.step()
            return
        exchange = self._exchange
        now = self._now
        note_call(exchange, self._sent, now())
        endpoint = call.value
        exchange.integration_status = endpoint.status
        try:
            response = _response(endpoint)
        except Exception as bug:  # noqa: BLE001 (as Drive: whoever started it decides)
            self._on_error(bug)
            return
        on_result = self._on_result
        on_result(response)


def _response(endpoint: EndpointResponse) -> InvocationResponse:
    """Return a backend's answer as the client's, with AWS's remapped and dropped headers."""
    derived = endpoint.derived
    body = endpoint.body
    status = endpoint.status
    if derived is None:
        head = _response_head(endpoint.headers, has_body=bool(body))
        return InvocationResponse(status, head, body, endpoint.length)
    known: tuple[bytes, bytes] | None = derived.get(_RESPONSE_HEAD)
    if known is None:
        # Whether there is a body follows from the head's length, without exception.
        head = _response_head(endpoint.headers, has_body=bool(body))
        known = head, answer_start(status, head, endpoint.length or 0)
        derived[_RESPONSE_HEAD] = known
    response = InvocationResponse(status, known[0], body, endpoint.length)
    response.start = known[1]
    return response


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
