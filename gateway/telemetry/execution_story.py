"""What became of a request, in AWS's sentences: shared by execution logs and TestInvokeMethod.

No sentence shows a credential. All but the bodies are one line of printable text; what a body
may hold is up to the caller.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange, RawHeaders
from gateway.telemetry import redaction
from gateway.telemetry.escaping import visible
from gateway.telemetry.redaction import headers_text, pairs_text, query_pairs

_Decoder: Final = codecs.getincrementaldecoder("utf-8")
_FORM: Final = b"application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Passage:
    """Headers and body that went one way."""

    headers: RawHeaders
    body: str
    """As `body_text` returns it, or made safe for a line."""


def beginning(exchange: Exchange) -> Iterator[str]:
    """Tell what the client asked for, apart from its body."""
    request = exchange.request
    yield f"Starting execution for request: {exchange.request_id}"
    path = visible(exchange.context_path or request.path)
    yield f"HTTP Method: {visible(request.method)}, Resource Path: {path}"
    yield f"Method request path: {pairs_text(exchange.path_parameters.items())}"
    yield f"Method request query string: {pairs_text(query_pairs(request.query))}"
    yield f"Method request headers: {headers_text(request.headers)}"


def request_body(body: str) -> str:
    """Tell the client's body."""
    return f"Method request body before transformations: {body}"


def endpoint_uri(exchange: Exchange) -> str:
    """Tell where the backend was called."""
    return f"Endpoint request URI: {visible(redaction.uri(exchange.endpoint_uri))}"


def endpoint_request(exchange: Exchange, sent: Passage) -> Iterator[str]:
    """Tell what went to the backend, with its address."""
    yield endpoint_uri(exchange)
    yield f"Endpoint request headers: {headers_text(sent.headers)}"
    yield f"Endpoint request body after transformations: {sent.body}"
    yield f"Sending request to {visible(redaction.uri(exchange.endpoint_uri))}"


def received(exchange: Exchange) -> str:
    """Tell the backend's status, and how long it took."""
    latency = round((exchange.integration_latency or 0.0) * 1000)
    return (
        f"Received response. Status: {exchange.integration_status},"
        f" Integration latency: {latency} ms"
    )


def endpoint_answer(exchange: Exchange, answer: Passage) -> Iterator[str]:
    """Tell what came from the backend."""
    yield received(exchange)
    yield f"Endpoint response headers: {headers_text(answer.headers)}"
    yield f"Endpoint response body before transformations: {answer.body}"


def method_answer(answer: Passage) -> Iterator[str]:
    """Tell what the method made of it for the client."""
    yield f"Method response body after transformations: {answer.body}"
    yield f"Method response headers: {headers_text(answer.headers)}"


def completed(exchange: Exchange) -> str:
    """Tell the status that the client got."""
    return f"Method completed with status: {exchange.status}"


def failure(fault: Fault) -> str:
    """Tell why a request failed."""
    why = visible(fault.detail or fault.message or fault.type.value)
    if why.startswith("Execution failed"):
        return why
    if fault.type is GatewayResponseType.INTEGRATION_TIMEOUT:
        return f"Execution failed due to a timeout error: {why}"
    if fault.status >= 500:
        return f"Execution failed due to configuration error: {why}"
    return f"Execution failed: {why}"


def body_text(kept: bytes, length: int, headers: RawHeaders = ()) -> str:
    """Return how a body of `length` bytes begins, as far as `kept` goes, with its own newlines.

    What is no text is only counted. Of a form, by the content type among `headers`, secret
    fields are masked.
    """
    try:
        # Where the rest is cut off, a character may be torn apart: what is begun is left out.
        text = _Decoder().decode(kept, final=len(kept) == length)
    except UnicodeDecodeError:
        return f"[Binary Data: {length} bytes]"
    if "\0" in text:
        return f"[Binary Data: {length} bytes]"
    if any(name.lower() == b"content-type" and _FORM in value.lower() for name, value in headers):
        text = redaction.form(text)
    return text


def header_lines(head: bytes) -> RawHeaders:
    """Return the header lines of a head, each ended by CRLF, as pairs."""
    pairs = (line.partition(b":") for line in head.split(b"\r\n") if line)
    return tuple((name, value.strip()) for name, _, value in pairs)
