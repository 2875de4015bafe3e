"""A release: everything that must be served, as one value. Pure: no I/O, no clock.

Control makes releases, workers compile them. What must survive a swap (tokens in buckets,
counters) lives in shared tables at an index. A release carries the assignment of *identities* to
indices, so that every process uses the same cell for the same thing, however it got the release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.domain import DomainName
from gateway.definitions.method_settings import effective_setting
from gateway.definitions.rest_api import Resource
from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import Deployment, Stage
from gateway.release.usage import ApiKeys, UsagePlans

ACCOUNT_BUCKET: Final = "account"
"""Identity of the account's token bucket; always slot 0."""

NO_METHOD_BLOCK: Final = ""
"""Identity of the metric block of requests that reached no stage; always slot 0."""

BASE_ARM: Final = "base"
CANARY_ARM: Final = "canary"

Stages = Mapping[str, Mapping[str, Stage]]
"""API id to stage name to stage."""

Deployments = Mapping[str, Deployment]
"""Deployment id to deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a gateway serves from one moment to the next."""

    revision: int
    """One more for each release, across restarts; 0: nothing was released yet."""
    digest: str
    """Hash of everything below: equal digests serve equally."""
    region: str
    """Region that `$context` and ARNs name."""
    account: str
    """Account that `$context` and ARNs name."""
    stages: Stages = field(default_factory=dict)
    """API id to stage name to stage."""
    deployments: Deployments = field(default_factory=dict)
    """Every deployment that a stage or a canary points at, by id."""
    domains: tuple[DomainName, ...] = ()
    """Custom domain names."""
    stored_domains: frozenset[str] = frozenset()
    """The names of those that clients made; files define the others."""
    certificates: Mapping[str, ServedCertificate] = field(default_factory=dict)
    """What domains are served with over TLS, by domain name: those that have anything."""
    client_certificates: Mapping[str, ClientCertificate] = field(default_factory=dict)
    """Those that stages name, by id."""
    vpc_links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """VPC link id to the addresses that it leads to."""
    stored_connections: frozenset[str] = frozenset()
    """Ids of those client certificates and VPC links that clients made, and not files."""
    usage_plans: UsagePlans = field(default_factory=dict)
    """Usage plans by id."""
    file_plans: frozenset[str] = frozenset()
    """Ids of those usage plans that files define."""
    api_keys: ApiKeys = field(default_factory=dict)
    """API keys that are in a usage plan, by shard and digest of their values."""
    files: Mapping[str, str] = field(default_factory=dict)
    """API id to the name of the file that defines it."""
    bucket_slots: Mapping[str, int] = field(default_factory=dict)
    """Token bucket identity to its index in the bucket table."""
    metric_slots: Mapping[str, int] = field(default_factory=dict)
    """Metric block identity to its index in the metrics table."""
    cache_flushes: Mapping[str, int] = field(default_factory=dict)
    """`{api}/{stage}` to the revision that emptied its cache last; absent: none has."""
    account_rate_limit: float | None = None
    """Requests per second of the whole account; None: not limited."""
    account_burst_limit: int | None = None
    """Size of the account's token bucket; None: not limited."""
    throttle_shadow: bool = False
    """Whether throttles and quotas only count what they would refuse."""


def bucket_identity(api_id: str, stage_name: str, resource_path: str, http_method: str) -> str:
    """Return the identity of a stage method's token bucket; base and canary share it."""
    return f"{api_id}/{stage_name}{resource_path}#{http_method}"


def stage_block_identity(api_id: str, stage_name: str, arm: str) -> str:
    """Return the identity of a stage's metric block; `arm` is `base` or `canary`."""
    return f"{api_id}/{stage_name}/{arm}"


def method_block_identity(
    api_id: str, stage_name: str, arm: str, resource_path: str, http_method: str
) -> str:
    """Return the identity of a stage method's own metric block."""
    return f"{api_id}/{stage_name}/{arm}{resource_path}#{http_method}"


def is_method_block(identity: str) -> bool:
    """Whether a block's identity is a method's, and not a stage's."""
    return "#" in identity


def arms(stage: Stage) -> tuple[tuple[str, str], ...]:
    """Return the arms of a stage with the deployment id that each serves."""
    base = (BASE_ARM, stage.deployment_id)
    canary = stage.canary_settings
    if canary is None:
        return (base,)
    return (base, (CANARY_ARM, canary.deployment_id or stage.deployment_id))


def required_buckets(stages: Stages, deployments: Deployments) -> Iterator[str]:
    """Yield the identity of every token bucket that the stages need, each once.

    A method has a bucket where its settings have an entry; the account's is not among them.
    """
    for api_id, stage in _all_stages(stages):
        if not stage.method_settings:
            continue
        seen = set[str]()
        for _arm, deployment_id in arms(stage):
            for resource_path, http_method in _methods(deployments, deployment_id):
                identity = bucket_identity(api_id, stage.stage_name, resource_path, http_method)
                if identity not in seen and effective_setting(
                    stage.method_settings, resource_path, http_method
                ):
                    seen.add(identity)
                    yield identity


def required_blocks(stages: Stages, deployments: Deployments) -> Iterator[str]:
    """Yield the identity of every metric block wanted: stages first, then methods.

    Methods have one where their settings have `metricsEnabled`; whoever has too few blocks drops
    from the end.
    """
    for api_id, stage in _all_stages(stages):
        for arm, _deployment_id in arms(stage):
            yield stage_block_identity(api_id, stage.stage_name, arm)
    for api_id, stage in _all_stages(stages):
        if not stage.method_settings:
            continue
        for arm, deployment_id in arms(stage):
            for resource_path, http_method in _methods(deployments, deployment_id):
                setting = effective_setting(stage.method_settings, resource_path, http_method)
                if setting is not None and setting.metrics_enabled:
                    yield method_block_identity(
                        api_id, stage.stage_name, arm, resource_path, http_method
                    )


def identity_api(identity: str) -> str:
    """Return the API id that a bucket's or block's identity begins with."""
    return identity.partition("/")[0]


def _all_stages(stages: Stages) -> Iterator[tuple[str, Stage]]:
    return ((api_id, stage) for api_id, named in stages.items() for stage in named.values())


def _methods(deployments: Deployments, deployment_id: str) -> Iterator[tuple[str, str]]:
    deployment = deployments.get(deployment_id)
    resources: tuple[Resource, ...] = () if deployment is None else deployment.definition.resources
    return ((resource.path, verb) for resource in resources for verb in resource.methods)
