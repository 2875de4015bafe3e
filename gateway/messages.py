"""The values that pass between the stations of one request: plain slotted objects.

Two sides, AWS's words: *client* and *integration*.
Headers stay raw bytes, in order, as they were sent.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from multidict import istr

from gateway.client_tls import ClientTls
from gateway.clock import id_lines
from gateway.definitions.client_certificate import ClientCertificate
from gateway.errors import Fault, GatewayResponseType
from gateway.streams import BodyStream

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Name and value pairs, as sent, in order."""

LineParts = tuple[str, str, str, str]
"""Method, upper case; target in origin-form as sent, still percent-encoded; its path, up to the
first `?`; its query, after that: empty when there is none."""

_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})
_REQUEST_ID: Final = istr("x-amzn-RequestId")
_TRACE_ID: Final = istr("X-Amzn-Trace-Id")


class Derived:
    """A header block, its connection, and what was derived of them alone: once for all requests.

    Each derived value is of the module that its line names, and bound to what else it depends on:
    the release's objects, by identity. One of a kind is kept, the last: there is nothing to grow.
    """

    __slots__ = (
        "admission", "asked", "fields", "forward_key", "forwarded", "headers", "host",
        "is_http_1_0", "key_digest", "port", "scheme", "sent_request_id", "sent_trace_id",
        "source_ip", "tls",
    )  # fmt: skip

    def __init__(
        self,
        host: str,
        headers: RawHeaders,
        fields: Mapping[str, str],
        source_ip: str = "",
        scheme: str = "http",
        port: int = 80,
        *,
        is_http_1_0: bool = False,
    ) -> None:
        self.host = host
        """Host, lower case, without port and without a trailing dot."""
        self.headers = headers
        self.fields = fields
        """The headers as a case-insensitive multi-mapping (a name's first value); for look-ups
        only."""
        self.is_http_1_0 = is_http_1_0
        self.source_ip = source_ip
        """Address of the peer, or of the client that a trusted proxy names."""
        self.scheme = scheme
        self.port = port
        """Port the client connected to."""
        self.tls: ClientTls | None = None
        """The connection's; None: plain HTTP."""

        # Derived
        self.sent_request_id = fields.get(_REQUEST_ID)
        """`x-amzn-RequestId` as the client sent it."""
        self.sent_trace_id = fields.get(_TRACE_ID)
        """`X-Amzn-Trace-Id` as the client sent it."""
        self.key_digest = ""
        """`pipeline.api_key`: of its API key, once one was needed."""
        self.admission: Any = None
        """`pipeline.api_key`: how its API key was let in."""
        self.asked: Any = None
        """`integrations.cached`: what it asks of a cache."""
        self.forward_key: object = None
        self.forwarded = ""
        """`integrations.http_proxy`: what goes on to backends of this key."""


class InvocationRequest:
    """What the client sent. `server.connection` has checked every byte of the head."""

    __slots__ = (
        "body", "derived", "fields", "headers", "host", "is_http_1_0", "method", "path", "query",
        "source_ip", "target",
    )  # fmt: skip

    def __init__(self, line: LineParts, derived: Derived, body: BodyStream | None = None) -> None:
        self.method, self.target, self.path, self.query = line
        self.derived = derived
        """Shared by the requests of a connection that repeats its headers."""
        # At hand: what most requests are asked for, and what mappings read.
        self.host = derived.host
        self.headers = derived.headers
        self.fields = derived.fields
        self.source_ip = derived.source_ip
        self.is_http_1_0 = derived.is_http_1_0
        self.body = body
        """None: the request has no body and no framing header."""

    @property
    def scheme(self) -> str:
        """`http` or `https`: how the client connected."""
        return self.derived.scheme

    @property
    def port(self) -> int:
        """Port the client connected to."""
        return self.derived.port

    @property
    def tls(self) -> ClientTls | None:
        """What is known of the client's TLS; None: plain HTTP."""
        return self.derived.tls


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
    endpoint_type: str = "REGIONAL"
    """EDGE, REGIONAL or PRIVATE, as the API's endpoint configuration says."""
    response_transfer_mode: str = ""
    """BUFFERED or STREAM; empty where no method is."""


class UsageNote:
    """Whose request it is, and what throttles have to say of it. One writer: the meter station.

    Requests that bear one key share it: what differs is noted in one of its own.
    """

    __slots__ = ("api_key", "api_key_id", "shadowed", "usage_plan_id")

    def __init__(self) -> None:
        self.api_key = ""
        """The value that was sent, where the method requires one."""
        self.api_key_id = ""
        """Id of the key, once it is known."""
        self.usage_plan_id = ""
        """The plan through which the key has the stage."""
        self.shadowed: GatewayResponseType | None = None
        """What the request would have been refused for: a throttle or quota that only counts."""


class Exchange:
    """The logbook of one request, for `record`. One writer: `pipeline.serve` and its stations."""

    __slots__ = (
        "base_path", "context_path", "endpoint_uri", "epoch", "execution_trace",
        "extended_request_id", "fault", "id_lines", "identity", "integration_latency",
        "integration_status", "now", "path_parameters", "phases", "request", "request_id",
        "response_latency", "response_length", "scope", "status", "trace_id", "usage",
    )  # fmt: skip

    def __init__(
        self,
        request: InvocationRequest,
        request_id: str,
        extended_request_id: str,
        now: float,
        epoch: float,
        lines: bytes = b"",
    ) -> None:
        self.request = request
        self.request_id = request_id
        self.extended_request_id = extended_request_id
        self.id_lines = lines or id_lines(request_id, extended_request_id)
        """Both ids as header lines, without the last CRLF."""
        self.now = now
        """When the request's head was complete, seconds of CLOCK_MONOTONIC."""
        self.epoch = epoch
        """The same instant, seconds since 1970."""

        # Set by locate
        self.context_path = ""
        """`$context.path`: the path with stage or base path (semantics sheet, table 1.5)."""
        self.base_path: str | None = None
        """The base path mapping that matched, `(none)` included; None on the default endpoint."""
        self.scope: Any = None
        """The `snapshot.CompiledMethod`, else the `snapshot.Variant` or None: whose logs, metrics
        and gateway responses apply."""
        self.identity: MethodIdentity | None = None
        """Of the matched method; for an unmatched path the stage's, with empty resource fields."""

        # Set by route
        self.path_parameters = _NO_PARAMETERS
        self.trace_id = ""
        """Full X-Amzn-Trace-Id, once one was needed."""

        # Set by meter
        self.usage: UsageNote | None = None
        """None: the method requires no API key, and no throttle in shadow has anything to say."""

        # Set by invoke
        self.integration_status: int | None = None
        self.integration_latency: float | None = None
        """Seconds from when the request was handed over to the head of the answer; None without a
        backend."""
        self.endpoint_uri = ""
        """URL that the backend was called at, for the execution log; empty without a backend."""
        self.execution_trace: Any = None
        """The `telemetry.execution_trace.ExecutionTrace`; None: nobody asks for what passed."""

        # Set at the end
        self.fault: Fault | None = None
        self.status = 0
        """Status sent to the client; 499 when the client left before one was sent."""
        self.response_length = 0
        """Body bytes sent to the client."""
        self.response_latency = 0.0
        """Seconds from `now` until the last byte was handed to the transport."""
        self.phases: list[tuple[str, float]] | None = None
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
    client_certificate: ClientCertificate | None = None
    """What the backend is shown when it asks."""
    unix_path: str = ""
    """Path of the socket of a backend on this machine; `host` only names it then."""
    targets: tuple[str, ...] = ()
    """Where a VPC link leads: `host` or `host:port`, in place of this origin's own address."""

    @staticmethod
    @functools.lru_cache(maxsize=4096)
    def make(scheme: str, host: str, port: int, *, is_verified: bool = True) -> Origin:
        """Build an origin with its key, one object for all the methods that share it."""
        key = f"{scheme}://{host}:{port}" + ("" if is_verified else "#unverified")
        return Origin(scheme, host, port, is_verified, key)

    @staticmethod
    def make_unix(path: str) -> Origin:
        """Build the origin of a backend that listens on a socket of this machine."""
        return Origin("http", "localhost", 0, key=f"http://unix:{path}", unix_path=path)

    def presenting(self, certificate: ClientCertificate) -> Origin:
        """Return this origin as one that is shown a certificate: with connections of its own."""
        key = f"{self.key}#client={certificate.digest}"
        return replace(self, key=key, client_certificate=certificate)

    def through(self, targets: tuple[str, ...]) -> Origin:
        """Return this origin as one that is reached through a VPC link's addresses."""
        return replace(self, key=f"{self.key}#via={','.join(targets)}", targets=targets)


class IntegrationRequest:
    """What goes to an HTTP backend."""

    __slots__ = (
        "body", "head", "method", "origin", "response_limit", "sent", "timeout_seconds",
    )  # fmt: skip

    def __init__(
        self,
        origin: Origin,
        head: bytes,
        body: bytes | BodyStream | None,
        method: str,
        timeout_seconds: float,
        response_limit: int | None,
        sent: float,
    ) -> None:
        self.origin = origin
        self.head = head
        """Request line and header lines, each ended by CRLF; no framing headers, no empty line."""
        self.body = body
        """None: no body, no framing header. Bytes or a stream with a length: Content-Length. A
        stream without one: chunked."""
        self.method = method
        self.timeout_seconds = timeout_seconds
        """Until the head of the answer is there."""
        self.response_limit = response_limit
        """Most body bytes of the answer; None: no limit (STREAM)."""
        self.sent = sent
        """When it was handed over, seconds of CLOCK_MONOTONIC."""


class EndpointResponse:
    """What an integration answered."""

    __slots__ = (
        "body", "derived", "headers", "length", "status",
    )  # fmt: skip

    def __init__(
        self,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes | BodyStream,
        length: int | None = None,
        derived: dict[object, Any] | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        """Without hop-by-hop headers' meaning removed: raw, as the backend sent them, in order."""
        self.body = body
        self.length = length
        """Content-Length as the backend declared it (also for HEAD), if it did."""
        self.derived = derived
        """What was derived from status, headers and length alone, by a key of who derived it.
        Answers whose heads are equal share it, so that it is derived once; None: this one shares
        nothing."""


class InvocationResponse:
    """What the client will get. `server.connection` adds ids, Date, Connection and framing."""

    __slots__ = (
        "body", "head", "is_shared", "length", "start", "status",
    )  # fmt: skip

    def __init__(
        self,
        status: int,
        head: bytes,
        body: bytes | BodyStream,
        length: int | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        self.status = status
        self.head = head
        """Header lines, each ended by CRLF, complete but for what the server adds."""
        self.body = body
        self.length = length
        """Content-Length to declare for an answer without a body (HEAD)."""
        self.is_shared = is_shared
        """Whether it answers many requests, and is read only."""
        self.start = b""
        """What `answer_start` says of it; empty as long as nobody has asked."""
