"""What of the store the data plane serves: stages and the deployments they point at."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Row, select

from gateway.definitions import codec
from gateway.definitions.domain import (
    BasePathMapping,
    DomainName,
    EndpointAccessMode,
    MutualTlsAuthentication,
)
from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.stage import (
    AccessLogSettings,
    CacheControlStrategy,
    CanarySettings,
    Deployment,
    LoggingLevel,
    MethodSetting,
    Stage,
)
from gateway.definitions.stage_validation import NO_BASE_PATH, RATE_MAX
from gateway.errors import ConfigurationError, Problem
from gateway.store.tables import (
    BASE_PATH_MAPPING,
    DEPLOYMENT,
    DOMAIN_NAME,
    REST_API,
    STAGE,
    STAGE_METHOD_SETTING,
)
from gateway.store.transaction import Transaction

ASIDE: Final = ".aside"
"""Follows the id of an API that is not served because a file claims its id; and domain names."""

RULES_ONLY: Final = "ROUTING_RULE_ONLY"
"""Routing mode of a domain whose base path mappings do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedApi:
    """One API as far as the data plane needs it."""

    stages: Mapping[str, Stage]
    """Stages by name."""
    deployment_ids: frozenset[str]
    """Every deployment that a stage or a canary points at."""
    deployments: Mapping[str, Deployment]
    """Those of them that the reader did not know yet, by id."""


def served_api_ids(transaction: Transaction) -> list[str]:
    """Return the ids of the APIs that have stages and are not managed by files."""
    query = (
        select(REST_API.c.id)
        .where(
            REST_API.c.file.is_(None),
            REST_API.c.id.not_like(f"%{ASIDE}"),
            REST_API.c.sequence.in_(select(STAGE.c.api)),
        )
        .order_by(REST_API.c.sequence)
    )
    return list(transaction.connection.execute(query).scalars())


def served_apis(
    transaction: Transaction, api_ids: Iterable[str], known: Container[str]
) -> dict[str, ServedApi | None]:
    """Return what is served of each API; None: nothing, or a file manages it.

    `known` are ids of deployments that need not be read: they never change.

    Raises:
        ConfigurationError: a deployment cannot be read.
    """
    return {api_id: _served_api(transaction, api_id, known) for api_id in api_ids}


def served_domains(transaction: Transaction) -> tuple[DomainName, ...]:
    """Return the domain names that clients made, by name; those of files come from the files."""
    rows = transaction.rows(
        select(DOMAIN_NAME)
        .where(DOMAIN_NAME.c.file.is_(None), DOMAIN_NAME.c.domain_name.not_like(f"%{ASIDE}"))
        .order_by(DOMAIN_NAME.c.domain_name)
    )
    mappings: dict[int, list[BasePathMapping]] = {}
    query = select(BASE_PATH_MAPPING).order_by(BASE_PATH_MAPPING.c.base_path)
    for row in transaction.rows(query):
        mapping = BasePathMapping(
            rest_api_id=row.rest_api_id, base_path=row.base_path, stage=row.stage or NO_BASE_PATH
        )
        mappings.setdefault(row.domain, []).append(mapping)
    return tuple(_domain(row, mappings.get(row.sequence, ())) for row in rows)


def _domain(row: Row[*tuple[Any, ...]], mappings: Iterable[BasePathMapping]) -> DomainName:
    mutual = row.mutual_tls_authentication
    return DomainName(
        domain_name=row.domain_name,
        # Only rules would lead anywhere, and there are none.
        base_path_mappings=() if row.routing_mode == RULES_ONLY else tuple(mappings),
        mutual_tls_authentication=None
        if mutual is None
        else MutualTlsAuthentication(
            truststore_uri=mutual["truststoreUri"],
            truststore_version=mutual.get("truststoreVersion"),
        ),
        endpoint_access_mode=EndpointAccessMode(row.endpoint_access_mode or "BASIC"),
    )


def _served_api(transaction: Transaction, api_id: str, known: Container[str]) -> ServedApi | None:
    query = (
        select(STAGE)
        .join(REST_API, REST_API.c.sequence == STAGE.c.api)
        .where(REST_API.c.id == api_id, REST_API.c.file.is_(None))
        .order_by(STAGE.c.sequence)
    )
    rows = transaction.rows(query)
    if not rows or api_id.endswith(ASIDE):
        return None
    stages = {row.stage_name: stage_of(transaction, row) for row in rows}
    wanted = {row.deployment_id for row in rows}
    wanted |= {(row.canary_settings or {}).get("deploymentId") or "" for row in rows} - {""}
    return ServedApi(
        stages=stages,
        deployment_ids=frozenset(wanted),
        deployments={
            id_: _deployment(transaction, api_id, id_) for id_ in wanted if id_ not in known
        },
    )


def stage_of(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> Stage:
    """Return a stage's row as its definition."""
    settings = transaction.rows(
        select(STAGE_METHOD_SETTING).where(STAGE_METHOD_SETTING.c.stage == row.sequence)
    )
    canary = row.canary_settings
    log = row.access_log_settings
    return Stage(
        stage_name=row.stage_name,
        deployment_id=row.deployment_id,
        variables=row.variables,
        method_settings={each.method_key: _setting(each) for each in settings},
        # AWS keeps a half-made one; a log without a destination is none.
        access_log_settings=None
        if log is None or not log.get("destinationArn") or not log.get("format")
        else AccessLogSettings(destination=log["destinationArn"], format=log["format"]),
        canary_settings=None if canary is None else _canary(canary),
        cache_cluster_enabled=row.cache_cluster_enabled,
        cache_cluster_size=row.cache_cluster_size,
        client_certificate_id=row.client_certificate_id,
        tracing_enabled=row.tracing_enabled,
        documentation_version=row.documentation_version,
    )


def _canary(kept: Mapping[str, Any]) -> CanarySettings:
    problems: list[Problem] = []
    canary = codec.decode(CanarySettings, kept, problems=problems, path="canarySettings")
    if canary is None:
        raise ConfigurationError(tuple(problems))
    return canary


def _setting(row: Row[*tuple[Any, ...]]) -> MethodSetting:
    return MethodSetting(
        metrics_enabled=row.metrics_enabled,
        logging_level=LoggingLevel(row.logging_level or "OFF"),
        data_trace_enabled=row.data_trace_enabled,
        throttling_burst_limit=int(_limit(row.throttling_burst_limit)),
        throttling_rate_limit=_limit(row.throttling_rate_limit),
        caching_enabled=row.caching_enabled,
        cache_ttl_in_seconds=row.cache_ttl_in_seconds,
        cache_data_encrypted=row.cache_data_encrypted,
        require_authorization_for_cache_control=row.require_authorization_for_cache_control,
        unauthorized_cache_control_header_strategy=CacheControlStrategy(
            row.unauthorized_cache_control_header_strategy
        ),
    )


def _limit(value: float) -> float:
    """Tools write -1 for "not limited"; the highest limit there is comes to the same."""
    return _UNLIMITED if value < 0 else value


_UNLIMITED: Final = RATE_MAX


def _deployment(transaction: Transaction, api_id: str, id_: str) -> Deployment:
    row = transaction.one(select(DEPLOYMENT).where(DEPLOYMENT.c.id == id_))
    return Deployment(
        id=id_,
        api_id=api_id,
        definition=definition_from(row.definition, id_),
        created_date=row.created_epoch,
    )


def definition_from(text: str, deployment_id: str) -> ApiDefinition:
    """Return a frozen definition from its JSON text.

    Raises:
        ConfigurationError: this version cannot read it.
    """
    problems: list[Problem] = []
    definition = codec.decode(
        ApiDefinition, orjson.loads(text), problems=problems, path=f"deployment/{deployment_id}"
    )
    if definition is None:
        raise ConfigurationError(tuple(problems))
    return definition


def definition_text(definition: ApiDefinition) -> str:
    """Return the JSON text as which a definition is frozen."""
    return orjson.dumps(codec.encode(definition)).decode()
