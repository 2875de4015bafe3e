"""The values that pass between the stations of one request: plain slotted objects.

Two sides, AWS's words: *client* and *integration*.
Headers stay raw bytes, in order, as they were sent.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Fault
from gateway.streams import BodyStream

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Name and value pairs, as sent, in order."""


@dataclass(slots=True)
class InvocationRequest:
    """What the client sent. `server.connection` has checked every byte of the head."""

    method: str
    """HTTP method, upper case."""
    target: str
    """Origin-form request target as sent: path and query, still percent-encoded."""
    path: str
    """`target` up to the first `?`."""
    query: str
    """`target` after the first `?`; empty when there is none."""
    host: str
    """Host, lower case, without port and without a trailing dot."""
    headers: RawHeaders
    fields: Mapping[str, str]
    """The headers as a case-insensitive multi-mapping (a name's first value); for look-ups only."""
    body: BodyStream | None
    """None: the request has no body and no framing header."""
    source_ip: str
    """Address of the peer, or of the client that a trusted proxy names."""
    scheme: str = "http"
    port: int = 80
    """Port the client connected to."""
    is_http_1_0: bool = False
    derived: dict[object, Any] = field(default_factory=dict)
    """What was derived from `headers` and the connection alone, by a key of who derived it.
    Requests of a connection that repeats its headers share it, so that it is derived once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodIdentity:
    """Who a compiled method is, for logs, `$context` and metrics. Built once per release."""

    account_id: str
    region: str
    api_id: str
    api_name: str
    stage: str
    deployment_id: str
    resource_id: str
    resource_path: str
    http_method: str
    """The method as defined: a verb or ANY."""
    stage_variables: Mapping[str, str]
    is_canary: bool | None = None
    """None while the stage has no canary settings."""


@dataclass(slots=True)
class Exchange:
    """The logbook of one request, for `record`. One writer: `pipeline.serve` and its stations."""

    request: InvocationRequest
    request_id: str
    extended_request_id: str
    now: float
    """When the request's head was complete, seconds of CLOCK_MONOTONIC."""
    epoch: float
    """The same instant, seconds since 1970."""
    draw: float
    """A number in [0, 1), for the canary."""

    # Set by locate
    context_path: str = ""
    """`$context.path`: the path with stage or base path (semantics sheet, table 1.5)."""
    base_path: str | None = None
    """The base path mapping that matched, `(none)` included; None on the default endpoint."""
    scope: Any = None
    """The `snapshot.CompiledMethod`, else the `snapshot.Variant` or None: whose logs, metrics and
    gateway responses apply."""
    identity: MethodIdentity | None = None
    """Of the matched method; for an unmatched path the stage's, with empty resource fields."""

    # Set by route
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    trace_id: str = ""
    """Full X-Amzn-Trace-Id, once one was needed."""

    # Set by invoke
    integration_status: int | None = None
    integration_latency: float | None = None
    """Seconds from sending the request to the head of the answer; None without a backend."""
    endpoint_uri: str = ""
    """URL that the backend was called at, for the execution log; empty without a backend."""

    # Set at the end
    fault: Fault | None = None
    status: int = 0
    """Status sent to the client; 499 when the client left before one was sent."""
    response_length: int = 0
    """Body bytes sent to the client."""
    response_latency: float = 0.0
    """Seconds from `now` until the last byte was handed to the transport."""
    phases: list[tuple[str, float]] | None = None
    """For Server-Timing: a name and when it ended (CLOCK_MONOTONIC); None unless asked for."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a backend is. `key` names its connection pool."""

    scheme: str
    """`http` or `https`."""
    host: str
    """Host name or address, without brackets."""
    port: int
    is_verified: bool = True
    """False: accept a certificate from any issuer (insecureSkipVerification)."""
    key: str = ""

    @staticmethod
    @functools.lru_cache(maxsize=4096)
    def make(scheme: str, host: str, port: int, *, is_verified: bool = True) -> Origin:
        """Build an origin with its key, one object for all the methods that share it."""
        key = f"{scheme}://{host}:{port}" + ("" if is_verified else "#unverified")
        return Origin(scheme, host, port, is_verified, key)


@dataclass(slots=True)
class IntegrationRequest:
    """What goes to an HTTP backend."""

    origin: Origin
    head: bytes
    """Request line and header lines, each ended by CRLF; no framing headers, no empty line."""
    body: bytes | BodyStream | None
    """None: no body, no framing header. Bytes or a stream with a length: Content-Length. A stream
    without one: chunked."""
    method: str
    timeout_seconds: float
    """Until the head of the answer is there."""
    response_limit: int | None
    """Most body bytes of the answer; None: no limit (STREAM)."""


@dataclass(slots=True)
class EndpointResponse:
    """What an integration answered."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    """Without hop-by-hop headers' meaning removed: raw, as the backend sent them, in order."""
    body: bytes | BodyStream
    length: int | None = None
    """Content-Length as the backend declared it (also for HEAD), if it did."""
    derived: dict[object, Any] | None = None
    """What was derived from status, headers and length alone, by a key of who derived it. Answers
    whose heads are equal share it, so that it is derived once; None: this one shares nothing."""


@dataclass(slots=True)
class InvocationResponse:
    """What the client will get. `server.connection` adds ids, Date, Connection and framing."""

    status: int
    head: bytes
    """Header lines, each ended by CRLF, complete but for what the server adds."""
    body: bytes | BodyStream
    length: int | None = None
    """Content-Length to declare for an answer without a body (HEAD)."""
