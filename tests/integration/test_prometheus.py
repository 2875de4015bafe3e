"""A real Prometheus beside a real gateway: what CloudWatch would count, and what rules ask."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, deployed
from tests.observability import (
    ONLY_WITH_CERTIFICATES,
    dashboard,
    dashboard_expressions,
    filled,
    recorded_names,
    rule_expressions,
)
from tests.prometheus import (
    OBSERVABILITY,
    Prometheus,
    named_metrics,
    program,
    promtool,
    running_prometheus,
    scraping,
)
from tests.running_gateway import PATIENCE_SECONDS, RunningGateway, _get, until
from tests.sample_backend import running_backend

GOLD, SHADOW = "gold-0123456789-0123456789", "shadow-0123456789-0123456789"
SHOP: Final = """\
restApi: {name: Shop}
resources:
  /mock:
    GET: &mock
      methodResponses: {"200": {}}
      integration: &here
        type: MOCK
        requestTemplates: {application/json: '{"statusCode": 200}'}
        integrationResponses: {"200": {responseTemplates: {application/json: 'here'}}}
  /plain: {GET: *mock}
  /limited: {GET: *mock}
  /keyed:
    GET: {apiKeyRequired: true, methodResponses: {"200": {}}, integration: *here}
  /status/{code}:
    GET: {integration: {type: HTTP_PROXY, uri: "http://BACKEND/status/{code}"}}
  /slow:
    GET: {integration: {type: HTTP_PROXY, uri: "http://BACKEND/slow/20", timeoutInMillis: 100}}
  /cached/{id}:
    GET:
      integration:
        type: HTTP_PROXY
        uri: "http://BACKEND/cached/{id}"
        cacheKeyParameters: [method.request.path.id]
stages:
  prod:
    cacheClusterEnabled: true
    canarySettings: {percentTraffic: 0, forceHeader: X-Arm}
    methodSettings:
      mock/GET: {metricsEnabled: true}
      keyed/GET: {metricsEnabled: true}
      status/{code}/GET: {metricsEnabled: true}
      cached/{id}/GET: {metricsEnabled: true, cachingEnabled: true, cacheTtlInSeconds: 300}
      limited/GET: {throttlingRateLimit: 0.001, throttlingBurstLimit: 2, metricsEnabled: true}
"""
USAGE: Final = f"""\
apiKeys:
  gold: {{value: {GOLD}}}
  shadow: {{value: {SHADOW}}}
usagePlans:
  gold:
    apiStages: [{{apiId: shop, stage: prod}}]
    quota: {{limit: 1, period: MONTH}}
    apiKeys: [gold]
  shadow:
    apiStages: [{{apiId: shop, stage: prod}}]
    quota: {{limit: 1, period: MONTH}}
    shadow: true
    apiKeys: [shadow]
"""
CANARY: Final = {"X-Arm": "canary"}

Sent = tuple[str, dict[str, str], tuple[int, ...]]
"""A path, headers, and the statuses that asking for it again and again is answered with."""

FIRST: Final[tuple[Sent, ...]] = (
    ("prod/mock", {}, (200,)),
    ("prod/mock", CANARY, (200,)),
    ("prod/status/503", CANARY, (503,)),
    ("prod/cached/7", {}, (200,)),
    ("prod/cached/7", CANARY, (200,)),
    ("prod/keyed", {"x-api-key": GOLD}, (200, 429)),
    ("prod/keyed", {"x-api-key": SHADOW}, (200, 200)),
)
SECOND: Final[tuple[Sent, ...]] = (
    ("prod/mock", {}, (200,) * 4),
    ("prod/mock", CANARY, (200,)),
    ("prod/plain", {}, (200,) * 2),
    ("prod/status/404", {}, (404,) * 3),
    ("prod/status/503", {}, (503,) * 2),
    ("prod/status/503", CANARY, (503,)),
    ("prod/slow", {}, (504,)),
    ("prod/cached/7", {}, (200,) * 3),
    ("prod/cached/8", {}, (200,)),
    ("prod/cached/7", CANARY, (200,)),
    ("prod/limited", {}, (200, 200, 429, 429)),
    ("prod/keyed", {"x-api-key": GOLD}, (429,)),
    ("prod/keyed", {"x-api-key": SHADOW}, (200,)),
    ("prod/keyed", {}, (403,)),
    ("prod/nowhere", {}, (403,)),
)


@dataclass
class Scene:
    """What all tests of this module look at; none changes it."""

    gateway: RunningGateway
    prometheus: Prometheus
    moment: float = 0.0
    """When everything was scraped."""

    def number(self, expression: str) -> float | None:
        return self.prometheus.number(expression, self.moment)

    def count(self, name: str, labels: str = "") -> float | None:
        return self.number(f'sum({name}{{api="shop", stage="prod", {labels}}})')

    def wait_counted(self, total: float) -> None:
        def is_counted() -> bool:
            self.moment = time.time()
            return self.count("stagegate_requests_total") == total

        until(is_counted, f"{total:g} requests to be scraped")


def ask(gateway: RunningGateway, sent: tuple[Sent, ...]) -> None:
    for path, headers, statuses in sent:
        told = [gateway.get(f"/_aws/execute-api/shop/{path}", **headers)[0] for _ in statuses]
        assert told == list(statuses), path


def expected(is_canary: bool) -> Counter[str]:
    """Return how many answers of each class the requests above make."""
    return Counter(
        f"{status // 100}xx"
        for _, headers, statuses in (*FIRST, *SECOND)
        for status in statuses
        if (headers is CANARY) == is_canary
    )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A gateway that answered known requests, and a Prometheus that has seen them counted.

    One worker, so that one cache is asked. Some requests come between two scrapes, as rates of
    series that begin with their first request need it.
    """
    program("prometheus")
    directory = tmp_path_factory.mktemp("scraped")
    with running_backend() as backend:
        files = {"apis/shop.yaml": SHOP.replace("BACKEND", backend), "usage.yaml": USAGE}
        gateway = RunningGateway(directory, files, "--workers", "1")
        try:
            configured = scraping(gateway.admin, OBSERVABILITY / "stagegate.rules.yml")
            with running_prometheus(
                directory / "prometheus", {"prometheus.yml": configured}
            ) as prometheus:
                prometheus.wait_scraped()
                made = Scene(gateway, prometheus)
                # Before what is waited for: they are in the same scrape then.
                assert gateway.get("/_aws/execute-api/nobody/prod/x")[0] == 403
                refuse(gateway)
                total = 0
                for sent in (FIRST, SECOND):
                    ask(gateway, sent)
                    total += sum(len(statuses) for *_, statuses in sent)
                    made.wait_counted(total)
                yield made
        finally:
            gateway.close()


def refuse(gateway: RunningGateway) -> None:
    """Send what is no request."""
    host, _, port = gateway.listen.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_count_and_errors_are_exact_by_stage_and_by_arm(scene: Scene) -> None:
    """CloudWatch's Count, 4XXError and 5XXError."""
    for is_canary in (False, True):
        counts = expected(is_canary)
        for status_class in ("2xx", "3xx", "4xx", "5xx"):
            labels = f'canary="{str(is_canary).lower()}", status_class="{status_class}"'
            counted = scene.count("stagegate_requests_total", labels)

            assert counted == counts[status_class], labels
    both = expected(False) + expected(True)
    assert scene.count("stagegate_requests_total") == sum(both.values())
    # CloudWatch's average of 4XXError, of the API as a whole.
    ratio = scene.number(
        'sum(stagegate_requests_total{api="shop", status_class="4xx"})'
        ' / sum(stagegate_requests_total{api="shop"})'
    )
    assert ratio == pytest.approx(both["4xx"] / sum(both.values()))


def test_latency_is_of_every_request_and_integration_latency_of_calls_only(scene: Scene) -> None:
    """A mock, a hit of the cache, a refusal: no backend was asked. One that timed out was."""
    assert scene.count("stagegate_request_duration_seconds_count") == sum(
        (expected(False) + expected(True)).values()
    )
    base = scene.count("stagegate_integration_duration_seconds_count", 'canary="false"')
    assert base == 3 + 2 + 1 + 2
    canary = scene.count("stagegate_integration_duration_seconds_count", 'canary="true"')
    assert canary == 2 + 1
    # The one that timed out was waited for.
    total = scene.count("stagegate_integration_duration_seconds_sum")
    assert total is not None
    assert total >= 0.1
    assert total <= (scene.count("stagegate_request_duration_seconds_sum") or 0)
    infinite = scene.count("stagegate_request_duration_seconds_bucket", 'le="+Inf"')
    assert infinite == scene.count("stagegate_request_duration_seconds_count")


def test_hits_and_misses_are_exact_by_arm(scene: Scene) -> None:
    """CloudWatch's CacheHitCount and CacheMissCount; the canary has a cache of its own."""
    for canary, hits, misses in (("false", 3, 2), ("true", 1, 1)):
        assert scene.count("stagegate_cache_hits_total", f'canary="{canary}"') == hits
        assert scene.count("stagegate_cache_misses_total", f'canary="{canary}"') == misses


def test_refusals_are_exact(scene: Scene) -> None:
    assert scene.count("stagegate_throttled_requests_total") == 2
    assert scene.count("stagegate_quota_exceeded_requests_total") == 2
    assert scene.count("stagegate_shadow_refused_requests_total", 'reason="quota"') == 2
    number = scene.number
    assert number('stagegate_unmatched_requests_total{status_class="4xx"}') == 1
    assert number("sum(stagegate_edge_refusals_total)") == 1


def test_methods_have_metrics_of_their_own_only_where_they_ask(scene: Scene) -> None:
    samples = scene.prometheus.query(
        "sum by (resource, method, canary) (stagegate_method_requests_total)", scene.moment
    )
    told = {
        tuple(dict(labels)[name] for name in ("resource", "method", "canary")): count
        for labels, count in samples.items()
    }

    assert told == {
        ("/mock", "GET", "false"): 5, ("/mock", "GET", "true"): 2,
        ("/keyed", "GET", "false"): 7, ("/keyed", "GET", "true"): 0,
        ("/limited", "GET", "false"): 4, ("/limited", "GET", "true"): 0,
        ("/status/{code}", "GET", "false"): 5, ("/status/{code}", "GET", "true"): 2,
        ("/cached/{id}", "GET", "false"): 5, ("/cached/{id}", "GET", "true"): 2,
    }  # fmt: skip
    method = "stagegate_method_{}"
    labels = 'canary="false", resource="/cached/{id}"'
    assert scene.count(method.format("cache_hits_total"), labels) == 3
    assert scene.count(method.format("cache_misses_total"), labels) == 2
    assert scene.count(method.format("integration_duration_seconds_count"), labels) == 2
    mock = 'resource="/mock"'
    assert scene.count(method.format("integration_duration_seconds_count"), mock) == 0
    assert scene.count(method.format("request_duration_seconds_count"), mock) == 7


def test_no_series_bears_what_a_client_sent(scene: Scene) -> None:
    names = scene.prometheus.ask("labels", **{"match[]": '{__name__=~"stagegate_.+"}'})

    assert set(names) == {
        "__name__", "api", "build", "canary", "instance", "job", "le", "method", "outcome",
        "python", "reason", "resource", "stage", "status_class", "version", "worker",
    }  # fmt: skip
    assert scene.prometheus.ask("label/stage/values") == ["prod"]


def test_promtool_and_the_server_accept_what_is_scraped(scene: Scene) -> None:
    status, body = _get(scene.gateway.admin, "/metrics", {})
    text = body.decode()

    def is_up() -> bool:
        target = scene.prometheus.target()
        return target is not None and (target["health"], target["lastError"]) == ("up", "")

    assert status == 200
    assert promtool("check", "metrics", stdin=body) == ""
    # A scrape may take longer than the second that it has.
    until(is_up, "a scrape that succeeds")
    assert text.count("# TYPE ") == len(set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)))


def test_rules_and_dashboard_name_only_what_the_gateway_tells(scene: Scene) -> None:
    told = set(scene.prometheus.ask("label/__name__/values"))
    known = told | recorded_names() | ONLY_WITH_CERTIFICATES
    expressions = [*rule_expressions(), *dashboard_expressions()]

    unknown = {
        (name, text) for text in expressions for name in named_metrics(text) if name not in known
    }
    assert unknown == set()


def test_every_rule_is_evaluated_without_an_error(scene: Scene) -> None:
    def evaluated() -> list[dict[str, Any]] | None:
        groups = scene.prometheus.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else None

    rules = until(evaluated, "the rules to be evaluated")

    assert {rule["name"] for rule in rules if rule["health"] != "ok"} == set()
    assert len(rules) == len(rule_expressions())
    until(
        lambda: recorded_names() <= set(scene.prometheus.ask("label/__name__/values")),
        "every recorded series to have samples",
    )
    # Many requests fail here, but nothing has lasted for minutes.
    assert {rule["name"] for rule in rules if rule.get("state") == "firing"} == set()


def test_every_expression_of_the_dashboard_is_answered(scene: Scene) -> None:
    """By the server's own query API; and with samples, so that labels and names fit together."""
    for text in dashboard_expressions():
        # There is no certificate; and its annotations: there was one release only.
        is_bound_to_be_empty = named_metrics(text) & ONLY_WITH_CERTIFICATES
        if is_bound_to_be_empty or text.startswith("changes("):
            scene.prometheus.query(filled(text))
        else:
            # Not at once: a scrape may take longer than the second that it has.
            until(lambda each=text: scene.prometheus.query(filled(each)), f"samples of {text}")  # type: ignore[misc]


def test_the_dashboard_s_variables_have_values(scene: Scene) -> None:
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found is not None
        values = scene.prometheus.ask(f"label/{found[2]}/values", **{"match[]": filled(found[1])})

        assert len(values) == 1, variable["name"]


def test_detailed_metrics_are_switched_by_clients(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    """`metricsEnabled` through AWS's client: the stage's counts go on, a method's come and go."""
    gateway = start_gateway({}, "--workers", "2")
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    total = f'sum(stagegate_requests_total{{api="{api.id}", status_class="2xx"}})'
    detail = f'sum(stagegate_method_requests_total{{api="{api.id}"}})'

    def pets(times: int) -> None:
        path = f"/_aws/execute-api/{api.id}/prod/pets"
        assert {gateway.get(path)[0] for _ in range(times)} == {200}

    def switch(value: str) -> None:
        operation = patch("replace", "/*/*/metrics/enabled", value)
        aws.update_stage(restApiId=api.id, stageName="prod", patchOperations=[operation])

    with running_prometheus(tmp_path / "server", {"prometheus.yml": scraping(gateway.admin)}) as (
        prometheus
    ):

        def told() -> tuple[float | None, float | None]:
            """Of one moment, if not of none: a scrape that takes too long ends every series."""
            moment = time.time()
            return prometheus.number(total, moment), prometheus.number(detail, moment)

        prometheus.wait_scraped()
        pets(3)
        until(lambda: told() == (3, None), "three requests")
        switch("true")
        pets(4)
        until(lambda: told() == (7, 4), "seven requests, four of them in detail")
        switch("false")
        pets(1)
        until(lambda: told() == (8, None), "eight requests, and no detail")
