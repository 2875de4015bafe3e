"""`/metrics` as a whole."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from gateway import __version__
from gateway.telemetry.exposition import CONTENT_TYPE, ControlValues, Exposition
from gateway.telemetry.metrics import (
    LATENCY_BOUNDS,
    QUOTA_EXCEEDED,
    REFUSAL_REASONS,
    SHADOWED,
    Cell,
    WorkerMetrics,
    segment_of,
    table_bytes,
)

PACKAGE = Path(__file__).parents[3] / "gateway"
BLOCKS = 16
SLOTS = {"": 0, "shop/prod/base": 1, "shop/prod/canary": 2, "shop/prod/base/pets#GET": 3}


@dataclass
class HandClock:
    monotonic: float = 1000.0
    since_1970: float = 1_795_348_800.0

    def now(self) -> float:
        return self.monotonic

    def epoch(self) -> float:
        return self.since_1970


class Gateway:
    def __init__(self, workers: int = 2) -> None:
        table = memoryview(bytearray(table_bytes(BLOCKS, workers)))
        self.workers = [WorkerMetrics(segment_of(table, i, BLOCKS)) for i in range(workers)]
        self.exposition = Exposition(
            table, workers=workers, block_capacity=BLOCKS, clock=HandClock()
        )

    def scrape(self, values: ControlValues | None = None) -> dict[str, Metric]:
        text = self.exposition.render(values or ControlValues()).decode()
        families = list(text_string_to_metric_families(text))
        assert len(families) == len({family.name for family in families})
        return {family.name: family for family in families}


def by_label(family: Metric, label: str) -> dict[str, float]:
    return {sample.labels[label]: sample.value for sample in family.samples}


def served() -> Gateway:
    gateway = Gateway()
    gateway.exposition.relabel(SLOTS)
    for worker in gateway.workers:
        worker.begin(1_795_348_000.0)
        for block in SLOTS.values():
            worker.observe(block, 200, 0.003, 0.002, False)
            worker.observe(block, 429, 0.0001, None, True)
            worker.observe(block, 999, 0.0001, None, False)
            worker.count(block, QUOTA_EXCEEDED)
            worker.count(block, SHADOWED + 1)
        worker.count_refusal("framing")
        worker.beat(999.0)
    return gateway


FULL = ControlValues(
    revision=7,
    reloads_succeeded=3,
    reloads_failed=1,
    is_last_reload_successful=False,
    last_reload_success_epoch=1_795_348_700.5,
    last_reload_seconds=0.25,
    series_budget=20_000,
    methods_without_detail=12,
)


def test_promtool_finds_nothing_to_complain_about() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: the metrics' names and help are NOT checked")

    for values in (FULL, ControlValues()):
        check = subprocess.run(
            [promtool, "check", "metrics"],
            input=served().exposition.render(values),
            capture_output=True,
            check=False,
        )
        assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


def test_the_bulk_writer_says_what_prometheus_client_would() -> None:
    """The counters and histograms of one arm, rendered by the library as well."""
    counts = {"2xx": 2.0, "3xx": 0.0, "4xx": 2.0, "5xx": 0.0, "other": 2.0}
    latency = [("0.001", 4.0), ("0.0025", 4.0), *((repr(b), 6.0) for b in LATENCY_BOUNDS[2:])]

    class Reference(Collector):
        def collect(self) -> list[Metric]:
            labels = ["api", "stage", "canary"]
            arm = ["shop", "prod", "true"]
            requests = CounterMetricFamily(
                "stagegate_requests", "x", labels=[*labels, "status_class"]
            )
            for status_class, count in counts.items():
                requests.add_metric([*arm, status_class], count)
            duration = HistogramMetricFamily(
                "stagegate_request_duration_seconds", "x", labels=labels
            )
            duration.add_metric(arm, [*latency, ("+Inf", 6.0)], 0.003 * 2 + 0.0001 * 4)
            return [requests, duration]

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Reference())
    expected = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        expected[family.name] = family.samples

    families = served().scrape()

    for name, samples in expected.items():
        ours = [s for s in families[name].samples if s.labels["canary"] == "true"]
        key = {(s.name, frozenset(s.labels.items())): s.value for s in samples}
        assert {(s.name, frozenset(s.labels.items())): s.value for s in ours} == pytest.approx(key)


def test_what_the_control_process_knows_is_told() -> None:
    families = served().scrape(FULL)

    def value(name: str) -> float:
        (sample,) = families[name].samples
        return sample.value

    assert value("stagegate_release_revision") == 7
    assert value("stagegate_config_last_reload_successful") == 0
    assert value("stagegate_config_last_reload_success_timestamp_seconds") == 1_795_348_700.5
    assert value("stagegate_config_last_reload_duration_seconds") == 0.25
    assert value("stagegate_metrics_series_budget") == 20_000
    assert value("stagegate_metrics_methods_without_detail") == 12
    assert by_label(families["stagegate_config_reloads"], "outcome") == {
        "success": 3, "failure": 1
    }  # fmt: skip
    (build,) = families["stagegate_build_info"].samples
    assert (build.labels["version"], build.labels["build"]) == (__version__, "pure")
    assert "process_resident_memory_bytes" in families


def test_before_the_first_reload_its_times_are_absent() -> None:
    families = served().scrape()

    assert "stagegate_config_last_reload_success_timestamp_seconds" not in families
    assert "stagegate_config_last_reload_duration_seconds" not in families


def test_each_worker_s_numbers_are_told_apart() -> None:
    gateway = served()
    gateway.workers[0].set(Cell.REVISION, 7)
    gateway.workers[1].set(Cell.REVISION, 6)
    gateway.workers[1].add(Cell.CONNECTIONS_OPEN, 3)
    gateway.workers[1].add(Cell.BACKEND_CONNECTIONS_REUSED, 9)

    families = gateway.scrape()

    revisions = by_label(families["stagegate_worker_release_revision"], "worker")
    assert revisions == {"0": 7, "1": 6}
    connections = by_label(families["stagegate_client_connections"], "worker")
    assert connections == {"0": 0, "1": 3}
    reused = by_label(families["stagegate_backend_connections_reused"], "worker")
    assert reused == {"0": 0, "1": 9}
    assert gateway.exposition.of_workers(Cell.REVISION) == [7, 6]


def test_quotas_and_shadows_are_told_by_arm_and_by_method() -> None:
    families = served().scrape()
    quota = families["stagegate_quota_exceeded_requests"].samples
    shadow = families["stagegate_shadow_refused_requests"].samples

    assert all(sample.value >= 2 for sample in (*quota, *shadow))
    assert {sample.labels["reason"] for sample in shadow} == {"quota"}
    assert "resource" in families["stagegate_method_quota_exceeded_requests"].samples[0].labels


def labelled(family: Metric, label: str) -> bool:
    """Whether a family has the label; one that has no samples yet has none."""
    return bool(family.samples) and label in family.samples[0].labels


@pytest.mark.parametrize("cell", Cell)
def test_each_cell_is_told_by_one_family(cell: Cell) -> None:
    gateway = served()
    before = gateway.scrape()
    gateway.workers[0].add(cell, 5)
    after = gateway.scrape()

    changed = [
        name for name, family in after.items()
        if labelled(family, "worker") and family.samples != before[name].samples
    ]  # fmt: skip
    assert len(changed) == 1
    by_worker = [name for name, family in after.items() if labelled(family, "worker")]
    assert len(by_worker) == len(Cell)


def written_cells() -> Iterator[str]:
    """Yield the cells that some module of the gateway writes."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            written: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                written = node.args[:1] if node.func.attr in {"add", "set"} else []
            elif isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                written = [each.slice for each in targets if isinstance(each, ast.Subscript)]
            for each in written:
                if ast.unparse(each).startswith("Cell."):
                    yield ast.unparse(each).removeprefix("Cell.")


def test_every_cell_has_a_writer() -> None:
    assert set(written_cells()) == {cell.name for cell in Cell}


def test_control_tells_all_that_only_it_knows() -> None:
    source = PACKAGE / "control" / "admin.py"
    (told,) = (
        {keyword.arg for keyword in node.keywords}
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ControlValues"
    )

    assert told == {field.name for field in fields(ControlValues)}


def test_restarts_are_starts_after_the_first() -> None:
    gateway = served()
    gateway.workers[1].begin(1_795_348_100.0)

    families = gateway.scrape()

    assert by_label(families["stagegate_worker_restarts"], "worker") == {"0": 0, "1": 1}
    started = by_label(families["stagegate_worker_start_time_seconds"], "worker")
    assert started["1"] == 1_795_348_100.0


def test_a_worker_that_never_started_was_never_restarted() -> None:
    families = Gateway().scrape()

    assert by_label(families["stagegate_worker_restarts"], "worker") == {"0": 0, "1": 0}
    beats = by_label(families["stagegate_worker_heartbeat_timestamp_seconds"], "worker")
    assert beats == {"0": 0, "1": 0}


def test_heartbeats_are_told_in_time_since_1970() -> None:
    families = served().scrape()

    beats = by_label(families["stagegate_worker_heartbeat_timestamp_seconds"], "worker")
    assert beats == {"0": 1_795_348_799.0, "1": 1_795_348_799.0}


def test_every_reason_of_refusals_is_there_from_the_start() -> None:
    refusals = by_label(served().scrape()["stagegate_edge_refusals"], "reason")

    assert set(refusals) == set(REFUSAL_REASONS)
    assert refusals["framing"] == 2


def test_ten_thousand_methods_stay_within_the_series_budget() -> None:
    from_identities = [f"shop/prod/base/p{number}#GET" for number in range(BLOCKS - 2)]
    gateway = Gateway()

    gateway.exposition.relabel(
        {"shop/prod/base": 1} | {name: i + 2 for i, name in enumerate(from_identities)}
    )

    samples = gateway.scrape()["stagegate_method_requests"].samples
    assert len(samples) == 4 * len(from_identities)


def test_the_content_type_names_the_text_format() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert repr(served().exposition) == (
        "<Exposition of 2 workers, <BlockSeries 3 labelled, 0 retired blocks>>"
    )


def test_each_client_certificate_tells_its_end() -> None:
    values = ControlValues(client_certificate_expiries={"shop": 1_800_000_000.0})
    text = Gateway().exposition.render(values).decode()

    name = "stagegate_client_certificate_expiry_timestamp_seconds"
    assert f'\n{name}{{certificate="shop"}} 1.8e+09\n' in text
