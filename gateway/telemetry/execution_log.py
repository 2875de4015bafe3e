"""The execution log: what happened to a request, in AWS's sentences.

The lines of a request are made at its end, all at once: a request that is not logged pays nothing.
Each is `({requestId}) {time} : {sentence}`. Secrets are masked, and what a client sent is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_plus

from gateway.definitions.stage import LoggingLevel
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange, MethodIdentity
from gateway.telemetry.destinations import execution_log_group
from gateway.telemetry.escaping import visible

MOST_LINE_BYTES: Final = 1024
"""AWS cuts an event there; the newline is not counted."""
_TRUNCATED: Final = b" [TRUNCATED]"
_MASK: Final = "****"

SECRET_HEADERS: Final = frozenset(
    (
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key",
        "x-amz-security-token", "x-auth-token", "x-csrf-token", "x-xsrf-token",
    )
)  # fmt: skip
_SECRET_PARAMETERS: Final = frozenset(
    (
        "access_token", "api-key", "api_key", "apikey", "client_secret", "code", "id_token", "key",
        "password", "refresh_token", "secret", "sig", "signature", "token", "x-amz-credential",
        "x-amz-security-token", "x-amz-signature", "x-api-key",
    )
)  # fmt: skip

_UNLOGGED: Final = frozenset((GatewayResponseType.REQUEST_TOO_LARGE, GatewayResponseType.THROTTLED))
"""AWS does not log these; a flood that is being refused must not become a flood of lines."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # fmt: skip
_USER_INFO: Final = re.compile(r"^([a-z]+://)[^/@]*@")


def destination(identity: MethodIdentity) -> str:
    """Return the file that a stage's lines go to, relative to the data directory."""
    return execution_log_group(
        identity.api_id, identity.stage, is_canary=identity.is_canary is True
    )


def lines(exchange: Exchange, level: LoggingLevel) -> list[bytes]:
    """Return the lines of a finished request, each with its newline.

    INFO tells the whole story; ERROR only how a request failed; a request that did not gives none.
    """
    fault = exchange.fault
    if level is LoggingLevel.OFF or (fault is not None and fault.type in _UNLOGGED):
        return []
    if level is LoggingLevel.INFO:
        return [*_lines(exchange, exchange.epoch, _story(exchange))]
    if fault is None and exchange.status < 500:
        return []
    return [*_lines(exchange, exchange.epoch + exchange.response_latency, _end(exchange))]


def _lines(exchange: Exchange, epoch: float, sentences: Iterable[str]) -> Iterator[bytes]:
    prefix = f"({exchange.request_id}) {log_time(epoch)} : "
    for sentence in sentences:
        line = (prefix + sentence).encode("utf-8", "backslashreplace")
        if len(line) > MOST_LINE_BYTES:
            kept = line[: MOST_LINE_BYTES - len(_TRUNCATED)]
            # A character that the cut tore apart goes entirely.
            line = kept.decode("utf-8", "ignore").encode() + _TRUNCATED
        yield line + b"\n"


def log_time(epoch: float) -> str:
    """Return `Sun Nov 22 12:00:00 UTC 2026`."""
    at = datetime.fromtimestamp(epoch, UTC)
    return (
        f"{_DAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:02}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} UTC {at.year}"
    )


def _story(exchange: Exchange) -> Iterator[str]:
    request = exchange.request
    yield f"Extended Request Id: {exchange.extended_request_id}"
    yield f"Starting execution for request: {exchange.request_id}"
    path = exchange.context_path or request.path
    yield f"HTTP Method: {visible(request.method)}, Resource Path: {visible(path)}"
    yield f"Method request path: {pairs_text(exchange.path_parameters.items())}"
    yield f"Method request query string: {pairs_text(query_pairs(request.query))}"
    headers = (
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in request.headers
    )
    yield f"Method request headers: {pairs_text(masked(headers, SECRET_HEADERS))}"
    if exchange.endpoint_uri:
        yield f"Endpoint request URI: {visible(masked_uri(exchange.endpoint_uri))}"
    if exchange.integration_status is not None:
        latency = round((exchange.integration_latency or 0.0) * 1000)
        yield (
            f"Received response. Status: {exchange.integration_status},"
            f" Integration latency: {latency} ms"
        )
    yield from _end(exchange)


def _end(exchange: Exchange) -> Iterator[str]:
    fault = exchange.fault
    if fault is None:
        yield "Successfully completed execution"
    else:
        yield failure(fault)
        yield f"Gateway response type: {fault.type.value} with status code: {exchange.status}"
    if exchange.status == 499:
        yield "The client closed the connection before the response was complete"
    yield f"Method completed with status: {exchange.status}"


def failure(fault: Fault) -> str:
    """Return the sentence that says why a request failed."""
    why = visible(fault.detail or fault.message or fault.type.value)
    if why.startswith("Execution failed"):
        return why
    if fault.type is GatewayResponseType.INTEGRATION_TIMEOUT:
        return f"Execution failed due to a timeout error: {why}"
    if fault.status >= 500:
        return f"Execution failed due to configuration error: {why}"
    return f"Execution failed: {why}"


def pairs_text(pairs: Iterable[tuple[str, str]]) -> str:
    """Return `{name=value, name=value}`."""
    return "{" + ", ".join(f"{visible(name)}={visible(value)}" for name, value in pairs) + "}"


def masked(pairs: Iterable[tuple[str, str]], secrets: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs; the value of a name among `secrets` is masked."""
    for name, value in pairs:
        yield name, _MASK if name.strip().lower() in secrets else value


def query_pairs(query: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters as they were sent, decoded only to recognise secrets."""
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        is_secret = unquote_plus(name).strip().lower() in _SECRET_PARAMETERS
        yield name, _MASK if is_secret else value


def masked_uri(uri: str) -> str:
    """Return the URI without user information and without the values of secret parameters."""
    head, mark, query = uri.partition("?")
    head = _USER_INFO.sub(rf"\g<1>{_MASK}@", head)
    return (
        head
        + mark
        + "&".join(f"{name}={value}" if value else name for name, value in query_pairs(query))
    )
