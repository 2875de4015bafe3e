"""Stage, MethodSetting, CanarySettings, AccessLogSettings, Deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.definitions.rest_api import ApiDefinition


class LoggingLevel(StrEnum):
    """How much the execution log says."""

    OFF = "OFF"
    ERROR = "ERROR"
    INFO = "INFO"


class CacheControlStrategy(StrEnum):
    """What happens when a caller may not invalidate the cache."""

    FAIL_WITH_403 = "FAIL_WITH_403"
    SUCCEED_WITH_RESPONSE_HEADER = "SUCCEED_WITH_RESPONSE_HEADER"
    SUCCEED_WITHOUT_RESPONSE_HEADER = "SUCCEED_WITHOUT_RESPONSE_HEADER"


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSetting:
    """Settings of a stage for one method, or for all (`*/*`).

    Setting one property fills in all others; an entry for a method starts as a copy of `*/*`, and
    later changes of `*/*` do not reach it (AWS's rule, see `materialise`).
    """

    metrics_enabled: bool = False
    """Publish metrics by resource and method."""
    logging_level: LoggingLevel = LoggingLevel.OFF
    """How much the execution log says."""
    data_trace_enabled: bool = False
    """At INFO, log headers and the beginnings of bodies, too, of the client and of the backend."""
    throttling_burst_limit: int = 5000
    """Requests admitted at once: the token bucket's size. 0 blocks."""
    throttling_rate_limit: float = 10000.0
    """Requests per second: the token bucket's refill. 0 blocks."""
    caching_enabled: bool = False
    """Cache answers, when the stage's cache is on."""
    cache_ttl_in_seconds: int = 300
    """Seconds for which an answer is kept, 0 to 3600."""
    cache_data_encrypted: bool = False
    """Stored for AWS's clients; answers are kept in memory only."""
    require_authorization_for_cache_control: bool = True
    """Whether invalidating needs a permission."""
    unauthorized_cache_control_header_strategy: CacheControlStrategy = (
        CacheControlStrategy.SUCCEED_WITH_RESPONSE_HEADER
    )
    """What happens when a caller may not invalidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogSettings:
    """Where a stage's access log goes and what a line holds."""

    destination: str = field(default="stdout", metadata={"aliases": ("destinationArn",)})
    """`stdout`, a file (relative to the data directory), or a log group ARN (under `logs/`). A
    canary's lines go to a file of their own, `NAME/Canary.log` for `NAME.log`."""
    format: str = "json"
    """`json`, `clf`, `xml`, `csv`, or a line with `$context.*` variables that names
    `$context.requestId` or `$context.extendedRequestId`; at most 3 KB."""


class StickyBy(StrEnum):
    """What a caller is known by, so that it stays with one arm of a stage."""

    HEADER = "HEADER"
    COOKIE = "COOKIE"
    CLAIM = "CLAIM"
    API_KEY = "API_KEY"
    SOURCE_IP = "SOURCE_IP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """Draws a canary's share once for each caller instead of once for each request."""

    by: StickyBy
    """What a caller is known by. CLAIM: a member of the token in `Authorization: Bearer …`, read
    and not verified, since it only chooses the arm; API_KEY: the `x-api-key` header; SOURCE_IP:
    the client's address."""
    name: str = ""
    """Of the header, the cookie or the claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySettings:
    """A share of a stage's traffic that goes to another deployment."""

    percent_traffic: float = 0.0
    """Share of requests, 0 to 100, drawn for each request."""
    deployment_id: str = ""
    """Deployment that the share goes to. In files: `definition` instead."""
    stage_variable_overrides: Mapping[str, str] = field(default_factory=dict)
    """Stage variables laid over the stage's own."""
    use_stage_cache: bool = False
    """Whether the canary shares the stage's cache."""
    sticky: Sticky | None = None
    """Beyond AWS: each caller stays with its arm, and a higher percentTraffic only adds callers.
    Requests that do not tell their caller are drawn one by one. Absent: all are, as AWS does."""
    force_header: str | None = None
    """Beyond AWS, for testers: a header whose value `canary` or `base` chooses the arm, whatever
    percentTraffic is. Absent: nobody can choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What clients call: a pointer to a deployment, and the settings that act at once."""

    stage_name: str = ""
    """`[A-Za-z0-9_-]`, at most 128 characters. In files: the key under `stages`."""
    deployment_id: str = ""
    """Deployment served. In files: that of the file's definition, or of `definition`."""
    description: str = ""
    """Text for people."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Stage variables; names `[A-Za-z0-9_]`, values `[A-Za-z0-9-._~:/?#&=,]`, at most 100."""
    method_settings: Mapping[str, MethodSetting] = field(default_factory=dict)
    """`*/*` or `{path without leading slash}/{METHOD}` to settings; always complete entries."""
    access_log_settings: AccessLogSettings | None = None
    """Access log; absent: none."""
    canary_settings: CanarySettings | None = None
    """Canary; absent: none."""
    cache_cluster_enabled: bool = False
    """Whether the stage has a cache."""
    cache_cluster_size: str | None = None
    """Size in GB, one of AWS's: 0.5 1.6 6.1 13.5 28.4 58.2 118 237."""
    client_certificate_id: str | None = None
    """What HTTPS backends are shown: a file's name in `client-certificates/`, or an id (AWS's)."""
    tracing_enabled: bool = False
    """Stored for AWS's clients."""
    documentation_version: str | None = None
    """Stored for AWS's clients."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Labels for people and tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """An immutable snapshot of an API."""

    id: str
    """For deployments made from files: a hash of the content."""
    api_id: str
    """The API it is a snapshot of."""
    definition: ApiDefinition
    """What was frozen."""
    description: str = ""
    """Text for people."""
    created_date: float = 0.0
    """Seconds since 1970."""
