"""What the data plane reads: a release, decided as far as anybody has asked.

Only two things change once it is built: what is made on demand is added, and where a stage looks
for its slots follows to those of later releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.cache import CacheKey
from gateway.canary import Draw
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.stage import LoggingLevel, Stage
from gateway.errors import GatewayResponseType
from gateway.integrations.base import CompiledIntegration, IntegrationPlan
from gateway.mapping.gateway_response import CompiledGatewayResponse
from gateway.messages import MethodIdentity
from gateway.release import Release
from gateway.release.recorded import RecordedDeployment
from gateway.routing import Domains, Places, Routes
from gateway.snapshot.api_keys import CompiledKeys, KeyedMethod
from gateway.snapshot.on_demand import OnDemand
from gateway.snapshot.stage_key import StageKey
from gateway.telemetry.access_log import CompiledAccessLog
from gateway.throttle import Meter

GatewayResponses = Mapping[GatewayResponseType, CompiledGatewayResponse]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodPlan:
    """A deployed method, compiled as far as that goes without a stage."""

    resource_path: str
    resource_id: str
    http_method: str
    """A verb or ANY."""
    integration: IntegrationPlan | None
    """None when `refusal` says why."""
    refusal: str | None
    """What the method asks for that is not enforced, or why it could not be compiled: a 500 with
    this text in the log. A method is never served without what it asks for."""
    is_key_required: bool = False
    """Whether callers must send an API key."""
    cache_key: CacheKey | None = None
    """How its answers are keyed; None: by the resource alone."""
    is_streamed: bool = False
    """Whether answers are passed on as they come (responseTransferMode STREAM): never cached."""

    @property
    def response_transfer_mode(self) -> str:
        """BUFFERED or STREAM."""
        return "STREAM" if self.is_streamed else "BUFFERED"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledDeployment:
    """A deployment, whatever stages point at it; each of its methods is compiled once."""

    id: str
    api_name: str
    routes: Routes[int]
    """Path and verb to an index into `methods`."""
    methods: OnDemand[MethodPlan]
    gateway_responses: GatewayResponses
    is_execute_api_disabled: bool
    created_date: float = 0.0
    """Seconds since 1970; 0 for deployments made from files."""
    endpoint_type: str = "REGIONAL"
    """As the API's endpoint configuration says, for logs."""
    recorded: RecordedDeployment | None = None
    """What `methods` are read from; None: all of them were compiled with the deployment."""
    integration_plans: Mapping[tuple[int, tuple[str, ...]], IntegrationPlan] = field(
        default_factory=dict
    )
    """What equal methods share, as far as they are compiled."""

    def places(self) -> Iterator[tuple[str, str]]:
        """Yield path and HTTP method (or ANY) of each method, in the order of `methods`."""
        if self.recorded is not None:
            yield from self.recorded.places()
            return
        for plan in self.methods:
            yield plan.resource_path, plan.http_method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variant:
    """One arm of a stage: a deployment with the stage's variables and settings put in.

    Also the scope of a request that no method matched.
    """

    identity: MethodIdentity
    """The stage's, with empty resource fields."""
    routes: Routes[int]
    methods: OnDemand[CompiledMethod]
    gateway_responses: GatewayResponses
    access_log: CompiledAccessLog | None
    metrics_block: int
    logging_level: LoggingLevel = LoggingLevel.OFF
    """What no method matched is in no execution log."""
    execution_log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledMethod:
    """A method of a variant: what one request reads."""

    identity: MethodIdentity
    integration: CompiledIntegration | None
    refusal: str | None
    meters: tuple[Meter, ...]
    gateway_responses: GatewayResponses
    access_log: CompiledAccessLog | None
    metrics_block: int
    logging_level: LoggingLevel
    execution_log: str
    """Where the execution log goes: a path below the data directory."""
    keyed: KeyedMethod | None = None
    """None: the method requires no API key."""
    is_shadow: bool = False
    """Whether `meters` only count what they would refuse."""


Scope = Variant | CompiledMethod
"""Whose logs, metrics and gateway responses apply to a request."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledStage:
    """What a stage answers with."""

    api_id: str
    definition: Stage
    """What it was compiled from: an equal one with equal parts is not compiled again."""
    base: Variant
    canary: Variant | None
    canary_percent: float
    draw: Draw | None
    """What draws for a caller; None: each request draws for itself."""
    is_execute_api_disabled: bool
    """Of the API's newest deployment, whichever stage it was made for (semantics sheet 1.6)."""
    bound: Mapping[tuple[str, int], object]
    """What methods with one integration plan share, as far as they are compiled."""


@dataclass(frozen=True, slots=True)
class Account:
    """What every stage takes from the account: where it differs, all are bound again."""

    id: str
    region: str
    rate_limit: float | None
    """Requests per second."""
    burst_limit: int | None
    is_shadow: bool
    """Whether throttles only count what they would refuse."""

    @classmethod
    def of(cls, release: Release) -> Account:
        """Return the account that a release names."""
        return cls(
            release.account,
            release.region,
            release.account_rate_limit,
            release.account_burst_limit,
            release.throttle_shadow,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """Everything that is served, by one release. Swapped as a whole by one assignment."""

    revision: int
    digest: str
    apis: dict[str, dict[str, CompiledStage]]
    """API id to stage name to stage."""
    domains: Domains[BasePathMapping]
    domain_names: tuple[DomainName, ...]
    """What `domains` was compiled from: as long as it stays, so do they."""
    places: Places[BasePathMapping]
    """What hosts lead to."""
    deployments: Mapping[str, CompiledDeployment]
    api_keys: CompiledKeys
    gateway_responses: GatewayResponses
    """For requests that reach no stage."""
    account: Account
    account_meters: tuple[Meter, ...]
    """The account's, which all stages share."""
    client_certificates: Mapping[str, ClientCertificate]
    """What stages show to backends, by id; compared with those of the next release."""
    vpc_links: Mapping[str, tuple[str, ...]]
    """Where VPC links lead, by id; the same."""
    sources: Mapping[str, Mapping[str, Stage]]
    """The stages that it was compiled from, by API id."""
    cache_flushes: Mapping[str, int]
    """Which caches were emptied when, as the release says."""
    cache_spaces: Mapping[str, Mapping[str, int]]
    """By API id, the numbers of its caches: see `caching.spaces_of`."""
    stage_keys: Mapping[str, Mapping[str, StageKey]]
    """What each stage depends on, to tell whether it must be bound again."""

    def __repr__(self) -> str:
        stages = sum(len(api) for api in self.apis.values())
        return f"<Snapshot revision {self.revision} {self.digest[:8]}, {stages} stages>"
