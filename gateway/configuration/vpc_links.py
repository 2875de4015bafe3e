"""`vpc-links.yaml` → the addresses that VPC links lead to, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.configuration.loaded import Placement, bounded
from gateway.configuration.reading import read_source
from gateway.definitions import codec
from gateway.definitions.validation import errors_in
from gateway.definitions.vpc_link import VpcLinkTargets, problems_of_targets
from gateway.errors import Problem


def load_vpc_links(path: Path) -> tuple[Mapping[str, tuple[str, ...]] | None, list[Problem]]:
    """Read addresses by a link's id or its target's ARN; None with problems on an error."""
    source = read_source(path)
    placement = Placement(file=str(path), positions=source.positions)
    problems = list(source.problems)
    links: dict[str, tuple[str, ...]] = {}
    if isinstance(source.value, dict):
        for name, value in source.value.items():
            decoded = codec.decode(VpcLinkTargets, value, problems=problems, path=name)
            if decoded is not None:
                problems += problems_of_targets(decoded, name)
                links[name] = decoded.targets
    elif source.value is not None:
        text = "must map ids of VPC links, or ARNs of their targets, to {targets: [HOST:PORT, …]}"
        problems.append(Problem("", text))
    placed = [placement.place(problem) for problem in problems]
    return (None if errors_in(placed) else links), bounded(placed, str(path))
