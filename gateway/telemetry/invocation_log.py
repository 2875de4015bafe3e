"""The log that TestInvokeMethod answers with: AWS's sentences, one a line, bodies included.

Unlike the execution log it may show what went to the backend and what came back: whoever reads it
sent the request. Secrets are masked all the same, for logs are pasted into tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.messages import Exchange, RawHeaders
from gateway.telemetry.escaping import visible
from gateway.telemetry.execution_log import (
    SECRET_HEADERS,
    failure,
    log_time,
    masked,
    masked_uri,
    pairs_text,
    query_pairs,
)

MOST_LINE_CHARACTERS: Final = 1024
"""AWS cuts an event there."""
_TRUNCATED: Final = " [TRUNCATED]"


@dataclass(slots=True)
class EndpointTrace:
    """What went to a backend, and what came back, as far as it came to that."""

    headers: RawHeaders = ()
    body: bytes = b""
    answer_headers: RawHeaders | None = None
    """None: no answer came."""
    answer_body: bytes = b""


def invocation_log(
    exchange: Exchange,
    request_body: bytes,
    trace: EndpointTrace | None,
    answer: tuple[RawHeaders, bytes],
) -> str:
    """Return the log of a finished exchange.

    Args:
        exchange: What happened, its status and latency noted.
        request_body: What the caller sent.
        trace: What the backend saw and said; None: none was called.
        answer: Header lines and body of the method response.
    """
    ended = exchange.epoch + exchange.response_latency
    lines = [
        f"Execution log for request {exchange.request_id}",
        *_dated(exchange.epoch, _request(exchange, request_body)),
        *_dated(ended, _endpoint(exchange, trace)),
        *_dated(ended, _answer(exchange, answer)),
    ]
    return "\n".join(lines) + "\n"


def _dated(epoch: float, sentences: Iterable[str]) -> Iterator[str]:
    prefix = f"{log_time(epoch)} : "
    for sentence in sentences:
        line = prefix + sentence
        if len(line) > MOST_LINE_CHARACTERS:
            line = line[: MOST_LINE_CHARACTERS - len(_TRUNCATED)] + _TRUNCATED
        yield line


def _request(exchange: Exchange, body: bytes) -> Iterator[str]:
    request = exchange.request
    yield f"Starting execution for request: {exchange.request_id}"
    path = visible(exchange.context_path or request.path)
    yield f"HTTP Method: {visible(request.method)}, Resource Path: {path}"
    yield f"Method request path: {pairs_text(exchange.path_parameters.items())}"
    yield f"Method request query string: {pairs_text(query_pairs(request.query))}"
    yield f"Method request headers: {_headers(request.headers)}"
    yield f"Method request body before transformations: {_body(body)}"


def _endpoint(exchange: Exchange, trace: EndpointTrace | None) -> Iterator[str]:
    if trace is None:
        return
    uri = visible(masked_uri(exchange.endpoint_uri))
    yield f"Endpoint request URI: {uri}"
    yield f"Endpoint request headers: {_headers(trace.headers)}"
    yield f"Endpoint request body after transformations: {_body(trace.body)}"
    yield f"Sending request to {uri}"
    if trace.answer_headers is None:
        return
    latency = round((exchange.integration_latency or 0.0) * 1000)
    yield (
        f"Received response. Status: {exchange.integration_status}, "
        f"Integration latency: {latency} ms"
    )
    yield f"Endpoint response headers: {_headers(trace.answer_headers)}"
    yield f"Endpoint response body before transformations: {_body(trace.answer_body)}"


def _answer(exchange: Exchange, answer: tuple[RawHeaders, bytes]) -> Iterator[str]:
    if exchange.fault is not None:
        yield failure(exchange.fault)
    else:
        headers, body = answer
        yield f"Method response body after transformations: {_body(body)}"
        yield f"Method response headers: {_headers(headers)}"
        yield "Successfully completed execution"
    yield f"Method completed with status: {exchange.status}"


def _headers(headers: RawHeaders) -> str:
    pairs = ((_text(name), _text(value)) for name, value in headers)
    return pairs_text(masked(pairs, SECRET_HEADERS))


def _body(body: bytes) -> str:
    """Return a body's beginning as text; more would be cut off the line."""
    try:
        return body[: 4 * MOST_LINE_CHARACTERS].decode("utf-8", _strictness(body))
    except UnicodeDecodeError:
        return f"[Binary Data: {len(body)} bytes]"


def _strictness(body: bytes) -> str:
    # A cut may tear a character apart.
    return "strict" if len(body) <= 4 * MOST_LINE_CHARACTERS else "ignore"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
