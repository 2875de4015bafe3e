"""What domains refer to and is not there. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway.definitions.domain import DomainName
from gateway.errors import Problem
from gateway.release import Stages


def unknown_references(
    domains: Iterable[DomainName], stages: Stages, missing: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem for each base path that leads nowhere; `missing` are ids of broken APIs."""
    for domain in domains:
        for mapping in domain.base_path_mappings:
            named = stages.get(mapping.rest_api_id)
            path = f"{domain.domain_name}.{mapping.base_path}"
            if named is None and mapping.rest_api_id not in missing:
                known = ", ".join(sorted({*stages, *missing})) or "none"
                yield Problem(
                    path, f"names the API {mapping.rest_api_id}, which is not there; known: {known}"
                )
            elif named is not None and mapping.stage not in {"(none)", *named}:
                yield Problem(
                    path,
                    f"names the stage {mapping.stage} of {mapping.rest_api_id}, which is not there;"
                    f" known: {', '.join(sorted(named))}",
                )
