"""Process settings: listeners, workers, limits, time-outs. Changing one needs a restart.

Values only: `configuration.settings_file` reads them. The text under each field is its reference
(docs/configuration.md is made from it), the default beside it the only one.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

WHOLE_NUMBER_MAX: Final = 2**53
"""No setting is larger: beyond it, floating-point arithmetic is no longer exact."""


def within(default: Any, lowest: float, highest: float = WHOLE_NUMBER_MAX) -> Any:
    """Declare a field whose value lies in a range, both ends included."""
    return field(default=default, metadata={"range": (lowest, highest)})


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address to listen on."""

    host: str
    """An IP address without brackets or a host name; empty: every interface."""
    port: int
    """0 to 65535; 0 lets the system choose."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `:8080`.

        Raises:
            ValueError: a sentence that says what is wrong and how to write it.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()) or len(port) > len("65535"):
            raise ValueError("must be HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080")
        if int(port) > 65535:
            raise ValueError(f"port {port} is too large; ports go up to 65535")
        if host.startswith("[") and host.endswith("]"):
            host = str(ipaddress.IPv6Address(host[1:-1]))
        elif ":" in host:
            raise ValueError(f"an IPv6 address needs brackets: [{host}]:{port}")
        elif not all(each.isascii() and (each.isalnum() or each in "-._") for each in host):
            raise ValueError("the host may hold letters, digits, dots and hyphens only")
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what a client may send and hold. A request beyond one is refused."""

    header_bytes: int = within(20_480, 1024, 1_048_576)
    """Bytes of request line and headers together; more is 431 (AWS: 20480)."""
    line_bytes: int = within(8192, 512, 1_048_576)
    """Bytes of the request line; more is 414. Headers count into `header_bytes` alone."""
    header_count: int = within(100, 10, 10_000)
    """Header fields of a request; more is 431."""
    body_bytes: int = within(10_485_760, 0)
    """Bytes of a request's body (more is 413) and of an answer not streamed (AWS: 10 MB)."""
    requests_per_connection: int = within(10_000, 1)
    """Requests answered on one connection before it is closed."""
    connection_seconds: float = within(3600.0, 1)
    """Age in seconds at which a connection is closed after its current answer."""
    connections: int = within(0, 0)
    """Open client connections of one worker; 0: from the limit on open files."""
    connections_per_ip: int = within(0, 0)
    """Open client connections of one worker from one address; 0: no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a client connection may take, in seconds."""

    header_seconds: float = within(10.0, 0.1, 3600)
    """From the first byte of a request to the end of its headers."""
    idle_seconds: float = within(10.0, 0.1, 3600)
    """From connecting to the first byte."""
    keep_alive_seconds: float = within(75.0, 0.1, 3600)
    """Between an answer and the next request's first byte."""
    body_stall_seconds: float = within(30.0, 0.1, 3600)
    """Without any byte of an unfinished request body."""
    body_minimum_bytes_per_second: int = within(500, 0)
    """Average rate below which a request body is too slow; 0: no minimum."""
    body_grace_seconds: float = within(10.0, 0, 3600)
    """Seconds of a request body before its rate counts."""
    drain_seconds: float = within(30.0, 0, 3600)
    """For unfinished requests when a worker stops."""
    response_idle_seconds: float = within(30.0, 0.1, 3600)
    """Without progress of an answer, from the backend or towards the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS towards clients, on the address `listen_tls`."""

    default_certificate_file: str = ""
    """PEM file, relative to the configuration directory, of the certificate for names that no
    domain has, and for clients that name none (SNI). Empty: such connections are refused."""
    default_private_key_file: str = ""
    """PEM file of its key; empty: the key is in `default_certificate_file`."""
    handshake_seconds: float = within(10.0, 0.1, 120)
    """From connecting to the end of the handshake."""
    handshakes: int = within(512, 1, 1_000_000)
    """Handshakes that one worker has under way at once; a connection beyond is reset."""
    expiry_warning_days: int = within(30, 0, 3650)
    """Days before a certificate expires from which on the log says so, once a day; those that
    stages show to their backends included."""
    redirect_http: bool = False
    """Answer plain HTTP for a custom domain that has a certificate with 308 to HTTPS."""
    redirect_port: int = within(0, 0, 65535)
    """Port that a redirect names; 0: that of `listen_tls`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The account's throttle, over all APIs and stages, and whether throttles refuse at all.

    Without a limit nothing is refused for the account.
    """

    account_rate_limit: float | None = within(None, 0)
    """Requests per second (AWS: 10000); 0 refuses every request."""
    account_burst_limit: int | None = within(None, 0)
    """Requests admitted at once (AWS: 5000)."""
    shadow: bool = False
    """Throttles and quotas of every layer, usage plans included, count what they would refuse, and
    refuse nothing. API keys are checked all the same."""
    buckets: int = within(262_144, 16, 16_777_216)
    """Token buckets there is room for, one for each method that a stage's method settings cover.
    Memory is taken only for those that are used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Connections to backends, for each worker and each origin (scheme, host and port)."""

    connections_per_origin: int = within(512, 1, 1_000_000)
    """Open connections to one origin."""
    idle_per_origin: int = within(64, 0, 1_000_000)
    """Connections kept for reuse."""
    idle_seconds: float = within(60.0, 0, 86_400)
    """Age in seconds at which an unused connection is closed; earlier where the backend says so."""
    connection_seconds: float = within(3600.0, 1)
    """Age in seconds at which a connection is no longer reused."""
    requests_per_connection: int = within(0, 0)
    """Requests after which a connection is no longer reused; 0: no limit."""
    resolve_seconds: float = within(30.0, 1, 86_400)
    """For which a name's addresses are believed; connections to those that are gone then end."""
    connect_seconds: float = within(5.0, 0.05, 30)
    """For resolving a name, connecting and the TLS handshake."""
    queue: int = within(1024, 0, 1_000_000)
    """Requests that may wait for a connection to one origin; more is 504."""
    ca_bundle: Path | None = None
    """PEM file of the authorities to check backends' certificates against; none: the system's."""
    unix_directory: Path | None = None
    """Directory below which unix sockets may be backends; none: no socket may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """What stages may remember of answers."""

    bytes_per_worker: int = within(67_108_864, 0, 2**40)
    """Budget of each worker, for all stages; what was asked for least lately makes room. A stage's
    cacheClusterSize is kept for AWS's clients. 0: nothing is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What `/metrics` may cost."""

    series_budget: int = within(20_000, 100, 10_000_000)
    """Stages and methods with series of their own; beyond it, methods are counted by stage only."""
    stages: int = within(8192, 16, 1_048_576)
    """Stages there is room for, a stage with a canary counting twice. More are not made through
    the control API; those of files are counted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How the control plane answers."""

    acknowledge_seconds: float = within(0.25, 0, 30)
    """Most seconds that the answer to a change waits until every worker serves it. Longer where the
    machine is busy and each change is called at once; a worker that hangs holds up each change, and
    those after it, for as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """Extra information for development."""

    server_timing: bool = False
    """Add a Server-Timing header to answers. It tells clients about the inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLog:
    """How access logs are written."""

    flush_seconds: float = within(1.0, 0.01, 60)
    """Seconds that a line may wait to be written together with others."""
    flush_bytes: int = within(65_536, 0, 16_777_216)
    """Bytes of waiting lines that are written at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process is started with."""

    listen: Address = Address("127.0.0.1", 8080)
    """Where clients connect."""
    listen_tls: Address | None = None
    """Where clients connect by TLS; unset: nowhere."""
    admin: Address = Address("127.0.0.1", 8081)
    """Where the control plane answers: AWS API, metrics, health, console."""
    workers: int = within(0, 0, 512)
    """Data worker processes; 0: one for each CPU that this process may use."""
    region: str = "us-east-1"
    """AWS region that ARNs and `$context` name."""
    account: str = "000000000000"
    """AWS account id that ARNs and `$context` name: 12 digits."""
    data: Path = Path(".stagegate")
    """Directory for the store, history and logs; made when absent."""
    config: Path = Path("config")
    """Directory of gateway.toml, apis/ and domains.yaml; may be absent or empty."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (such as `10.0.0.0/8`) of proxies whose X-Forwarded headers are believed."""
    limits: Limits = Limits()
    """Bounds of what a client may send and hold."""
    timeouts: Timeouts = Timeouts()
    """How long a client connection may take."""
    tls: Tls = Tls()
    """TLS towards clients."""
    throttle: Throttle = Throttle()
    """The account's throttle."""
    backends: Backends = Backends()
    """Connections to backends."""
    cache: Cache = Cache()
    """What stages may remember of answers."""
    metrics: Metrics = Metrics()
    """What `/metrics` may cost."""
    control: Control = Control()
    """How the control plane answers."""
    debug: Debug = Debug()
    """Extra information for development."""
    access_log: AccessLog = AccessLog()
    """How access logs are written."""
