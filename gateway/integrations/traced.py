"""A method's integration, and a note of what passes: for data tracing and times in access logs.

Made only for methods that are traced, so that others pay nothing. What passes is not changed, and
of bodies only the beginning is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.integrations.base import Answer, CompiledIntegration, Endpoints
from gateway.integrations.body_tap import tapped
from gateway.messages import EndpointResponse, Exchange, IntegrationRequest, InvocationResponse
from gateway.streams import BodyStream
from gateway.telemetry.execution_story import header_lines
from gateway.telemetry.execution_trace import Excerpt, ExecutionTrace


class Traced:
    """An integration whose exchanges have an `ExecutionTrace`."""

    __slots__ = ("_has_data", "_inner", "_now")

    def __init__(
        self, inner: CompiledIntegration, *, has_data: bool, now: Callable[[], float]
    ) -> None:
        """Take the integration, and whether headers and bodies are noted or only times."""
        self._inner = inner
        self._has_data = has_data
        self._now = now

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        described = self._inner.describe()
        if self._has_data:
            described["data trace"] = "headers and bodies, in the execution log"
        return described

    def invoke(self, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Return the integration's answer, with a note of it."""
        trace = exchange.execution_trace = ExecutionTrace(has_data=self._has_data)
        request = exchange.request
        if self._has_data and request.body is not None:
            request.body = tapped(request.body, trace.request.add)
        watched = _WatchedEndpoints(endpoints, trace, request.body, self._now)
        answer = self._inner.invoke(exchange, watched)
        if not self._has_data:
            return answer
        if isinstance(answer, InvocationResponse):
            return _noted(answer, trace)
        return self._wait(answer, trace)

    async def _wait(
        self, answer: Awaitable[InvocationResponse], trace: ExecutionTrace
    ) -> InvocationResponse:
        return _noted(await answer, trace)


class _WatchedEndpoints:
    """Connections to backends for one request."""

    __slots__ = ("_endpoints", "_now", "_request_body", "_trace")

    def __init__(
        self,
        endpoints: Endpoints,
        trace: ExecutionTrace,
        request_body: BodyStream | None,
        now: Callable[[], float],
    ) -> None:
        self._endpoints = endpoints
        self._trace = trace
        self._request_body = request_body
        self._now = now

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        """Send a request, and note it and its answer."""
        trace = self._trace
        trace.sent_at = self._now()
        if trace.has_data:
            self._note_request(request)
        response = await self._endpoints.send(request)
        if trace.has_data:
            trace.endpoint_answer_headers = tuple(response.headers)
        if isinstance(response.body, BodyStream):
            response.body = tapped(response.body, self._pass)
        elif response.body:
            self._pass(response.body)
        return response

    def _note_request(self, request: IntegrationRequest) -> None:
        trace = self._trace
        trace.endpoint_headers = header_lines(request.head.partition(b"\r\n")[2])
        body = request.body
        if isinstance(body, bytes):
            trace.endpoint_request = Excerpt(body)
        elif body is not None and body is self._request_body:
            # The client's own body goes on: what is noted of the one is noted of the other.
            trace.endpoint_request = trace.request
        elif body is not None:
            request.body = tapped(body, trace.endpoint_request.add)

    def _pass(self, chunk: bytes) -> None:
        trace = self._trace
        if trace.first_content is None and trace.sent_at is not None:
            trace.first_content = self._now() - trace.sent_at
        if trace.has_data:
            trace.endpoint_answer.add(chunk)


def _noted(response: InvocationResponse, trace: ExecutionTrace) -> InvocationResponse:
    """Note an answer; return it, or one with a body that is looked at. It may be shared."""
    trace.answer_headers = header_lines(response.head)
    body = response.body
    if isinstance(body, bytes):
        trace.answer = Excerpt(body)
        return response
    return InvocationResponse(
        response.status, response.head, tapped(body, trace.answer.add), response.length
    )
