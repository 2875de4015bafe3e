"""What is wrong with custom domain names that only the whole release can tell. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway.definitions.domain import DomainName
from gateway.definitions.stage import Deployment
from gateway.errors import Problem
from gateway.release import Deployments, Stages


def unknown_references(
    domains: Iterable[DomainName], stages_by_api: Stages, missing: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem for each mapping whose API or stage is not there.

    APIs in `missing` are broken and were never good: they may be referred to.
    """
    for domain in domains:
        for mapping in domain.base_path_mappings:
            stages = stages_by_api.get(mapping.rest_api_id)
            path = f"{domain.domain_name}.{mapping.base_path}"
            if stages is None and mapping.rest_api_id not in missing:
                known = ", ".join(sorted({*stages_by_api, *missing})) or "none"
                yield Problem(
                    path, f"names the API {mapping.rest_api_id}, which is not there; known: {known}"
                )
            elif stages is not None and mapping.stage not in {"(none)", *stages}:
                yield Problem(
                    path,
                    f"names the stage {mapping.stage} of {mapping.rest_api_id}, which is not there;"
                    f" known: {', '.join(sorted(stages))}",
                )


def problems_among(problems: Iterable[Problem], domains: Iterable[DomainName]) -> Iterator[Problem]:
    """Yield those problems whose path begins with one of these domains."""
    names = tuple(domain.domain_name for domain in domains)
    return (problem for problem in problems if problem.path.startswith(names))


def open_beside(
    domain: DomainName, stages_by_api: Stages, deployments: Deployments
) -> Iterator[Problem]:
    """Yield a warning for each API of a domain with mutual TLS that other hosts serve without."""
    if domain.mutual_tls_authentication is None:
        return
    for api_id in dict.fromkeys(mapping.rest_api_id for mapping in domain.base_path_mappings):
        served = {stage.deployment_id for stage in stages_by_api.get(api_id, {}).values()}
        if any(_is_open(deployments[id_]) for id_ in served if id_ in deployments):
            yield Problem(
                f"{domain.domain_name}.mutualTlsAuthentication",
                f"the API {api_id} is served without a client certificate, too, on its execute-api "
                "endpoint; set restApi.disableExecuteApiEndpoint to true",
                severity="warning",
            )


def _is_open(deployment: Deployment) -> bool:
    return not deployment.definition.rest_api.disable_execute_api_endpoint
