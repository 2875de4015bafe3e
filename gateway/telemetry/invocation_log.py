"""The log that TestInvokeMethod answers with: AWS's sentences, one a line, bodies included.

Unlike the execution log it may show what went to the backend and what came back: whoever reads it
sent the request. Secrets are masked all the same, for logs are pasted into tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.messages import Exchange, RawHeaders
from gateway.telemetry import execution_story as story

MOST_LINE_CHARACTERS: Final = 1024
"""AWS cuts an event there."""
_TRUNCATED: Final = " [TRUNCATED]"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # fmt: skip


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


def log_time(epoch: float) -> str:
    """Return `Sun Nov 22 12:00:00 UTC 2026`."""
    at = datetime.fromtimestamp(epoch, UTC)
    return (
        f"{_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:02}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} UTC {at.year}"
    )


def _request(exchange: Exchange, body: bytes) -> Iterator[str]:
    yield from story.beginning(exchange)
    yield story.request_body(_passage(exchange.request.headers, body).body)


def _endpoint(exchange: Exchange, trace: EndpointTrace | None) -> Iterator[str]:
    if trace is None:
        return
    yield from story.endpoint_request(exchange, _passage(trace.headers, trace.body))
    if trace.answer_headers is not None:
        answer = _passage(trace.answer_headers, trace.answer_body)
        yield from story.endpoint_answer(exchange, answer)


def _answer(exchange: Exchange, answer: tuple[RawHeaders, bytes]) -> Iterator[str]:
    if exchange.fault is not None:
        yield story.failure(exchange.fault)
    else:
        yield from story.method_answer(_passage(*answer))
        yield "Successfully completed execution"
    yield story.completed(exchange)


def _passage(headers: RawHeaders, body: bytes) -> story.Passage:
    """Return headers and the body's beginning: more would be cut off the line."""
    kept = body[: 4 * MOST_LINE_CHARACTERS]
    return story.Passage(headers, story.body_text(kept, len(body), headers))
