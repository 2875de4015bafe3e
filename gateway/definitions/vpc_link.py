"""VpcLinkTargets: the addresses that stand for a VPC link's load balancer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.definitions.codec import join, shown
from gateway.errors import Problem

TARGETS_MAX: Final = 100
_TARGET: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcLinkTargets:
    """Where a VPC link leads."""

    targets: tuple[str, ...]
    """Addresses or names, `HOST` or `HOST:PORT`; without a port the integration's uri has it."""


def problems_of_targets(targets: VpcLinkTargets, path: str) -> list[Problem]:
    """Return what is wrong with the addresses of a VPC link."""
    here = join(path, "targets")
    if not 1 <= len(targets.targets) <= TARGETS_MAX:
        text = f"must name 1 to {TARGETS_MAX} addresses, not {len(targets.targets)}"
        return [Problem(here, text)]
    problems: list[Problem] = []
    for index, target in enumerate(targets.targets):
        found = _TARGET.fullmatch(target)
        if found is None or not 1 <= int(found["port"] or 1) <= _HIGHEST_PORT:
            text = "must be HOST or HOST:PORT, such as 10.0.0.5:8080, app.internal or [fd00::5]:80"
            problems.append(Problem(f"{here}[{index}]", f"{text}, not {shown(target)}"))
    return problems
