"""What of the store the data plane serves: stages and the deployments they point at."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
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
    SecurityPolicy,
)
from gateway.definitions.method_texts import MethodTexts, encode_definition
from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.stage import (
    AccessLogSettings,
    CacheControlStrategy,
    CanarySettings,
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
class StoredDeployment:
    """A deployment as the store keeps it."""

    id: str
    api_id: str
    text: str
    """Its definition as JSON: see `definition_from`."""
    created_date: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedApi:
    """One API as far as the data plane needs it."""

    stages: Mapping[str, Stage]
    """Stages by name."""
    deployment_ids: frozenset[str]
    """Every deployment that a stage or a canary points at."""
    deployments: Mapping[str, StoredDeployment]
    """Those of them that the reader did not know yet, by id."""


class _EveryId(Container[str]):
    """What a reader knows who wants to see no deployment."""

    def __contains__(self, id_: object) -> bool:
        return True


EVERY_ID: Final = _EveryId()
"""For `served_apis`: no deployment need be read."""


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
    """
    wanted = list(api_ids)
    found: dict[str, ServedApi | None] = {}
    # Three queries for many APIs: SQLAlchemy's share of one is as much as reading ten rows.
    for start in range(0, len(wanted), _APIS_PER_QUERY):
        chunk = wanted[start : start + _APIS_PER_QUERY]
        stages = _stages(transaction, [id_ for id_ in chunk if not id_.endswith(ASIDE)])
        ids = {id_: frozenset(_deployment_ids(named)) for id_, named in stages.items()}
        unknown = [each for of_api in ids.values() for each in of_api if each not in known]
        deployments = stored_deployments(transaction, unknown)
        for api_id in chunk:
            if api_id not in stages:
                found[api_id] = None
                continue
            found[api_id] = ServedApi(
                stages=stages[api_id],
                deployment_ids=ids[api_id],
                deployments={id_: deployments[id_] for id_ in ids[api_id] if id_ not in known},
            )
    return found


_APIS_PER_QUERY: Final = 500
"""SQLite takes 32,766 parameters. An API has at most 100 stages, with two deployments each."""


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
        regional_certificate_arn=row.regional_certificate_arn,
        certificate_arn=row.certificate_arn,
        security_policy=SecurityPolicy(row.security_policy),
    )


def _stages(transaction: Transaction, api_ids: list[str]) -> dict[str, dict[str, Stage]]:
    """Return the stages of each API that has some and is not managed by a file, by name."""
    rows = transaction.rows(
        select(STAGE, REST_API.c.id.label("api_id"))
        .join(REST_API, REST_API.c.sequence == STAGE.c.api)
        .where(REST_API.c.id.in_(api_ids), REST_API.c.file.is_(None))
        .order_by(STAGE.c.sequence)
    )
    settings: dict[int, dict[str, MethodSetting]] = {}
    query = (
        select(STAGE_METHOD_SETTING)
        .join(STAGE, STAGE.c.sequence == STAGE_METHOD_SETTING.c.stage)
        .join(REST_API, REST_API.c.sequence == STAGE.c.api)
        .where(REST_API.c.id.in_(api_ids), REST_API.c.file.is_(None))
    )
    for row in transaction.rows(query):
        settings.setdefault(row.stage, {})[row.method_key] = _setting(row)
    stages: dict[str, dict[str, Stage]] = {}
    for row in rows:
        named = stages.setdefault(row.api_id, {})
        named[row.stage_name] = _stage(row, settings.get(row.sequence, {}))
    return stages


def _deployment_ids(stages: Mapping[str, Stage]) -> Iterator[str]:
    for stage in stages.values():
        yield stage.deployment_id
        if stage.canary_settings is not None and stage.canary_settings.deployment_id:
            yield stage.canary_settings.deployment_id


def stored_deployments(
    transaction: Transaction, deployment_ids: Iterable[str]
) -> dict[str, StoredDeployment]:
    """Return deployments by id; those that are not there are left out."""
    ids = list(deployment_ids)
    found: dict[str, StoredDeployment] = {}
    for start in range(0, len(ids), _IDS_PER_QUERY):
        query = (
            select(
                DEPLOYMENT.c.id,
                REST_API.c.id.label("api_id"),
                DEPLOYMENT.c.definition,
                DEPLOYMENT.c.created_epoch,
            )
            .join(REST_API, REST_API.c.sequence == DEPLOYMENT.c.api)
            .where(DEPLOYMENT.c.id.in_(ids[start : start + _IDS_PER_QUERY]))
        )
        for row in transaction.rows(query):
            found[row.id] = StoredDeployment(
                id=row.id,
                api_id=row.api_id,
                text=row.definition,
                created_date=row.created_epoch,
            )
    return found


_IDS_PER_QUERY: Final = 1000


def _stage(row: Row[*tuple[Any, ...]], settings: Mapping[str, MethodSetting]) -> Stage:
    canary = row.canary_settings
    log = row.access_log_settings
    return Stage(
        stage_name=row.stage_name,
        deployment_id=row.deployment_id,
        variables=row.variables,
        method_settings=settings,
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
    return orjson.dumps(encode_definition(definition, MethodTexts())).decode()
