"""`config/observability/`: the expressions in it, for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.prometheus import OBSERVABILITY

ONLY_WITH_CERTIFICATES: Final = frozenset(
    {
        "stagegate_certificate_expiry_timestamp_seconds",
        "stagegate_client_certificate_expiry_timestamp_seconds",
    }
)
"""What a gateway tells that has certificates: for its domains, or for backends."""

_VARIABLES: Final = {
    "__rate_interval": "1m", "__interval": "1m", "job": ".*", "api": ".*", "stage": ".*"
}  # fmt: skip


def rules() -> list[dict[str, Any]]:
    """Return all rules, in order."""
    read = yaml.safe_load((OBSERVABILITY / "stagegate.rules.yml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def rule_expressions() -> list[str]:
    """Return the expression of each rule."""
    return [rule["expr"] for rule in rules()]


def recorded_names() -> set[str]:
    """Return the names of the series that rules record."""
    return {rule["record"] for rule in rules() if "record" in rule}


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    read: dict[str, Any] = json.loads((OBSERVABILITY / "grafana.json").read_text("utf-8"))
    return read


def dashboard_expressions() -> list[str]:
    """Return the expressions of all panels and annotations, with Grafana's variables in them."""

    def found(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("expr"), str):
                yield value["expr"]
            value = value.values()
        elif not isinstance(value, list):
            return
        for each in value:
            yield from found(each)

    return list(found(dashboard()))


def filled(text: str) -> str:
    """Put values in the place of Grafana's variables; an unknown one is a KeyError."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: _VARIABLES[found[1]], text)
