"""`domains.yaml` → custom domain names with their base path mappings, all or nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

from gateway.configuration.loaded import Placement, bounded
from gateway.configuration.reading import read_source
from gateway.definitions import codec
from gateway.definitions.codec import join
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.stage_validation import (
    NO_BASE_PATH,
    problem_of_reference,
    problems_of_domain,
)
from gateway.definitions.validation import errors_in
from gateway.errors import Problem


def load_domains(
    path: Path, stages: Mapping[str, Collection[str]], broken: Collection[str]
) -> tuple[tuple[DomainName, ...] | None, list[Problem]]:
    """Read domain names; None with problems when there is an error.

    `stages`: stage names by API id; `broken`: ids of APIs with errors, which may be referred to.
    """
    source = read_source(path)
    placement = Placement(file=str(path), positions=source.positions)
    problems = list(source.problems)
    domains: list[DomainName] = []
    if isinstance(source.value, dict):
        for name, value in source.value.items():
            domain = _decode_domain(name, value, problems)
            if domain is not None:
                domains.append(domain)
                problems += problems_of_domain(domain, name)
                _check_references(domain, stages, broken, problems)
    elif source.value is not None:
        text = "must map domain names to {basePathMappings: [{restApiId: …, stage: …}]}"
        problems.append(Problem("", text))
    placed = [placement.place(problem) for problem in problems]
    return (None if errors_in(placed) else tuple(domains)), bounded(placed, str(path))


def _decode_domain(name: str, value: object, problems: list[Problem]) -> DomainName | None:
    raw = {} if value is None else value
    if isinstance(raw, Mapping):
        if raw.get("domainName") not in (None, name):
            text = "must repeat the key it stands under, or be left out"
            problems.append(Problem(join(name, "domainName"), text))
        raw = {**raw, "domainName": name}
    domain = codec.decode(DomainName, raw, problems=problems, path=name)
    if domain is None:
        return None
    mappings = tuple(map(_with_none_spelled, domain.base_path_mappings))
    return dataclasses.replace(domain, base_path_mappings=mappings)


def _with_none_spelled(mapping: BasePathMapping) -> BasePathMapping:
    """Return a mapping whose empty members say `(none)`, as AWS shows them."""
    return dataclasses.replace(
        mapping, base_path=mapping.base_path or NO_BASE_PATH, stage=mapping.stage or NO_BASE_PATH
    )


def _check_references(
    domain: DomainName,
    stages: Mapping[str, Collection[str]],
    broken: Collection[str],
    problems: list[Problem],
) -> None:
    path = join(domain.domain_name, "basePathMappings")
    for index, mapping in enumerate(domain.base_path_mappings):
        here = f"{path}[{index}]"
        problem = problem_of_reference(mapping, stages, broken, here, after=problems)
        if problem is not None:
            problems.append(problem)
