"""`config/observability/` by itself: what promtool says, and what each rule and panel must have."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.observability import (
    dashboard,
    dashboard_expressions,
    filled,
    recorded_names,
    rule_expressions,
    rules,
)
from tests.prometheus import OBSERVABILITY, named_metrics, promtool

ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
PANELS = dashboard()["panels"]


def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", str(OBSERVABILITY / "prometheus.yml"))
    said = promtool("check", "rules", str(OBSERVABILITY / "stagegate.rules.yml"))

    assert f"SUCCESS: {len(rules())} rules found" in said


def test_the_rules_do_what_their_tests_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(OBSERVABILITY / "stagegate.rules.test.yml"))


def shown() -> dict[str, list[int]]:
    """Return how many alerts fire in each test of an alert."""
    read = yaml.safe_load((OBSERVABILITY / "stagegate.rules.test.yml").read_text("utf-8"))
    found: dict[str, list[int]] = {}
    for test in read["tests"]:
        for case in test["promql_expr_test"]:
            if case["expr"].startswith("ALERTS"):
                name = case["expr"].split('"')[1]
                found.setdefault(name, []).append(len(case["exp_samples"]))
    return found


def test_every_alert_is_shown_to_fire() -> None:
    assert {name for name, counts in shown().items() if max(counts)} == set(ALERTS)


def test_every_recorded_series_is_read_by_an_alert_or_a_test() -> None:
    read = {name for text in rule_expressions() for name in named_metrics(text)}
    tests = (OBSERVABILITY / "stagegate.rules.test.yml").read_text("utf-8")

    assert {name for name in recorded_names() - read if name not in tests} == set()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]

    assert name.startswith("Stagegate")
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "runbook"}
    assert "{{ $" in alert["annotations"]["summary"]
    assert len(alert["annotations"]["runbook"]) > 40


def test_alerts_that_runbooks_name_are_there() -> None:
    text = " ".join(alert["annotations"]["runbook"] for alert in ALERTS.values())

    assert set(re.findall(r"\bStagegate\w+", text)) <= set(ALERTS)


def test_the_dashboard_has_a_row_for_each_concern() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]

    assert rows == [
        "Traffic", "Latency", "Errors", "Integration", "Throttles", "Cache", "Canary and base",
        "Configuration", "Process",
    ]  # fmt: skip
    assert dashboard()["schemaVersion"] >= 39


def test_the_dashboard_asks_the_data_source_that_its_reader_chose() -> None:
    (source,) = (each for each in dashboard()["templating"]["list"] if each["type"] == "datasource")
    asked = [
        part["datasource"]
        for panel in PANELS
        if panel["type"] != "row"
        for part in (panel, *panel["targets"])
    ]

    assert (source["name"], source["query"]) == ("datasource", "prometheus")
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in asked)


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    at = panel["gridPos"]
    return {
        (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    }


def test_no_two_panels_overlap_or_share_an_id() -> None:
    taken = [cell for panel in PANELS for cell in cells(panel)]

    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_expressions_use_no_variable_that_the_dashboard_lacks() -> None:
    for text in dashboard_expressions():
        assert "$" not in filled(text)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (api) (rate(a_total{x="b_total"}[5m])) > 0', {"a_total"}),
        ("histogram_quantile(0.9, sum(rate(a_bucket[$__rate_interval])) by (le))", {"a_bucket"}),
        ("a - on (job) group_right () b and ignoring (x) c:d:e", {"a", "b", "c:d:e"}),
        ("time() - max(a) > 21 * 86400 or up == 0", {"a", "up"}),
        ("1e3 * inf + 0.5", set()),
    ],
)
def test_names_are_found_in_expressions(expression: str, names: set[str]) -> None:
    assert named_metrics(expression) == names
