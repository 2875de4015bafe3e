"""The execution log: what happened to a request, in AWS's sentences.

The lines of a request are made at its end, all at once: a request that is not logged pays nothing.
Each is `{time} ({requestId}) {sentence}`, as CloudWatch's readers print an event. Secrets are
masked, and what a client sent is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from gateway.definitions.stage import LoggingLevel
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange, MethodIdentity, RawHeaders
from gateway.telemetry import execution_story as story
from gateway.telemetry.destinations import execution_log_group
from gateway.telemetry.escaping import visible
from gateway.telemetry.execution_trace import Excerpt, ExecutionTrace
from gateway.telemetry.redaction import credential, headers_text

MOST_EVENT_BYTES: Final = 1024
"""AWS cuts an event there; time and newline are not counted."""
_TRUNCATED: Final = b" [TRUNCATED]"

_UNLOGGED: Final = frozenset((GatewayResponseType.REQUEST_TOO_LARGE, GatewayResponseType.THROTTLED))
"""AWS does not log these; a flood that is being refused must not become a flood of lines."""


def destination(identity: MethodIdentity) -> str:
    """Return the file that a stage's lines go to, relative to the data directory."""
    return execution_log_group(
        identity.api_id, identity.stage, is_canary=identity.is_canary is True
    )


def lines(exchange: Exchange, level: LoggingLevel) -> list[bytes]:
    """Return the lines of a finished request, each with its newline.

    INFO tells the whole story, with headers and bodies where they were traced; ERROR only how a
    request failed; a request that did not gives none.
    """
    fault = exchange.fault
    if level is LoggingLevel.OFF or (fault is not None and fault.type in _UNLOGGED):
        return []
    ended = exchange.epoch + exchange.response_latency
    if level is LoggingLevel.INFO:
        trace: ExecutionTrace | None = exchange.execution_trace
        if trace is not None and not trace.has_data:
            trace = None
        return [
            *_lines(exchange, exchange.epoch, _begin(exchange, trace)),
            *_lines(exchange, ended, _outcome(exchange, trace)),
        ]
    if fault is None and exchange.status < 500:
        return []
    return [*_lines(exchange, ended, _end(exchange, None))]


def _lines(exchange: Exchange, epoch: float, sentences: Iterable[str]) -> Iterator[bytes]:
    time = event_time(epoch).encode() + b" "
    prefix = f"({exchange.request_id}) "
    for sentence in sentences:
        event = (prefix + sentence).encode("utf-8", "backslashreplace")
        if len(event) > MOST_EVENT_BYTES:
            kept = event[: MOST_EVENT_BYTES - len(_TRUNCATED)]
            # A character that the cut tore apart goes entirely.
            event = kept.decode("utf-8", "ignore").encode() + _TRUNCATED
        yield time + event + b"\n"


def event_time(epoch: float) -> str:
    """Return `2026-11-22T12:00:00.250Z`."""
    at = datetime.fromtimestamp(epoch, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _begin(exchange: Exchange, trace: ExecutionTrace | None) -> Iterator[str]:
    """Tell what is known before a backend answers."""
    yield f"Extended Request Id: {exchange.extended_request_id}"
    yield from _usage_plan(exchange)
    yield from story.beginning(exchange)
    if trace is not None:
        yield story.request_body(_text(trace.request, exchange.request.headers))
    if not exchange.endpoint_uri:
        return
    if trace is None or trace.endpoint_headers is None:
        yield story.endpoint_uri(exchange)
    else:
        yield from story.endpoint_request(
            exchange, _passage(trace.endpoint_headers, trace.endpoint_request)
        )


def _usage_plan(exchange: Exchange) -> Iterator[str]:
    """Tell whose key it was, of a method that requires one."""
    usage, identity = exchange.usage, exchange.identity
    if usage is None or identity is None or not usage.api_key:
        return
    key = credential(usage.api_key)
    place = f"{identity.api_id}/{identity.stage}"
    yield (
        f"Verifying Usage Plan for request: {exchange.request_id}."
        f" API Key: {key} API Stage: {place}"
    )
    if usage.usage_plan_id and not _is_refused_by_plan(exchange.fault):
        yield f"Usage Plan check succeeded for API Key {key} and API Stage {place}"


def _is_refused_by_plan(fault: Fault | None) -> bool:
    return fault is not None and fault.type in {
        GatewayResponseType.INVALID_API_KEY,
        GatewayResponseType.QUOTA_EXCEEDED,
    }


def _outcome(exchange: Exchange, trace: ExecutionTrace | None) -> Iterator[str]:
    """Tell what came back, and the end."""
    if exchange.integration_status is not None:
        if trace is None or trace.endpoint_answer_headers is None:
            yield story.received(exchange)
        else:
            yield from story.endpoint_answer(
                exchange, _passage(trace.endpoint_answer_headers, trace.endpoint_answer)
            )
    yield from _end(exchange, trace)


def _end(exchange: Exchange, trace: ExecutionTrace | None) -> Iterator[str]:
    fault = exchange.fault
    if fault is not None:
        yield story.failure(fault)
        yield f"Gateway response type: {fault.type.value} with status code: {exchange.status}"
        if trace is not None and exchange.scope is not None:
            yield from _gateway_response(exchange, fault)
    else:
        if trace is not None and trace.answer_headers is not None:
            yield from story.method_answer(_passage(trace.answer_headers, trace.answer))
        yield "Successfully completed execution"
    if exchange.status == 499:
        yield "The client closed the connection before the response was complete"
    yield story.completed(exchange)


def _gateway_response(exchange: Exchange, fault: Fault) -> Iterator[str]:
    """Tell what the client got instead: the same values give the same answer once more."""
    answer = exchange.scope.gateway_responses[fault.type].render(fault, exchange)
    passage = _passage(story.header_lines(answer.head), Excerpt(answer.body))
    yield f"Gateway response body: {passage.body}"
    yield f"Gateway response headers: {headers_text(passage.headers)}"


def _passage(headers: RawHeaders, body: Excerpt) -> story.Passage:
    return story.Passage(headers, _text(body, headers))


def _text(body: Excerpt, headers: RawHeaders) -> str:
    # Newlines become visible: no body forges a line.
    return visible(story.body_text(body.kept, body.length, headers))
