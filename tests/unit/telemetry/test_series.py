"""Who counted what: labels, sums over workers, and blocks that change hands."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.metrics import (
    LATENCY_BOUNDS,
    SERIES_PER_BLOCK,
    WorkerMetrics,
    segment_of,
    table_bytes,
)
from gateway.telemetry.series import BlockLabels, BlockSeries

BLOCKS = 8
ARM = "shop/prod/base"
GET = "shop/prod/base/pets/{id}#GET"
OF_ARM = {"api": "shop", "stage": "prod", "canary": "false"}
OF_GET = OF_ARM | {"resource": "/pets/{id}", "method": "GET"}


class Table:
    """A table of some workers with the control process's view of it."""

    def __init__(self, workers: int = 2) -> None:
        self.table = memoryview(bytearray(table_bytes(BLOCKS, workers)))
        self.workers = [
            WorkerMetrics(segment_of(self.table, worker, BLOCKS)) for worker in range(workers)
        ]
        self.series = self.reader()

    def reader(self) -> BlockSeries:
        return BlockSeries(self.table.cast("d"), workers=len(self.workers), block_capacity=BLOCKS)

    def count(self, block: int, requests: int = 1, *, worker: int = 0, status: int = 200) -> None:
        for _ in range(requests):
            self.workers[worker].observe(block, status, 0.003, 0.002, status == 429)

    def value(self, name: str, labels: dict[str, str]) -> float | None:
        return self.samples().get((name, frozenset(labels.items())))

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        found = {}
        for family in text_string_to_metric_families(self.series.text()):
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in found
                found[key] = sample.value
        return found

    def requests(self, labels: dict[str, str] | None = None, status_class: str = "2xx") -> float:
        labels = OF_ARM if labels is None else labels
        name = "stagegate_method_requests_total" if "method" in labels else (
            "stagegate_requests_total"
        )  # fmt: skip
        value = self.value(name, labels | {"status_class": status_class})
        assert value is not None
        return value


def test_requests_of_all_workers_are_added_up() -> None:
    table = Table(workers=3)
    table.series.relabel({ARM: 1})
    for worker in range(3):
        table.count(1, worker + 1, worker=worker)

    assert table.requests() == 6


def test_an_arm_s_requests_are_those_of_its_block_and_of_its_methods_blocks() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2, "shop/prod/base/#ANY": 3, "shop/dev/base": 4})
    table.count(1, 1)
    table.count(2, 2)
    table.count(3, 4)
    table.count(4, 8)

    assert table.requests() == 7
    assert table.requests(OF_ARM | {"stage": "dev"}) == 8
    assert table.requests(OF_GET) == 2
    assert table.requests(OF_ARM | {"resource": "/", "method": "ANY"}) == 4


def test_base_and_canary_are_told_apart() -> None:
    table = Table()
    table.series.relabel({ARM: 1, "shop/prod/canary": 2})
    table.count(2)

    assert table.requests(OF_ARM | {"canary": "true"}) == 1
    assert table.requests() == 0


def test_requests_that_reached_no_stage_have_a_family_of_their_own() -> None:
    table = Table()
    table.series.relabel({"": 0, ARM: 1})
    table.count(0, 3, status=403)

    name = "stagegate_unmatched_requests_total"
    assert table.value(name, {"status_class": "4xx"}) == 3
    assert table.requests(status_class="4xx") == 0


def test_rare_status_classes_appear_with_their_first_request() -> None:
    table = Table()
    table.series.relabel({ARM: 1})
    rare = OF_ARM | {"status_class": "other"}
    assert table.value("stagegate_requests_total", rare) is None

    table.count(1, status=600)

    assert table.value("stagegate_requests_total", rare) == 1


def test_histograms_are_cumulative_with_their_sum_and_count() -> None:
    table = Table(workers=1)
    table.series.relabel({ARM: 1})
    for seconds in (0.0005, 0.003, 0.003, 100.0):
        table.workers[0].observe(1, 200, seconds, None, False)

    name = "stagegate_request_duration_seconds"
    buckets = [
        table.value(f"{name}_bucket", OF_ARM | {"le": le})
        for le in (*map(repr, LATENCY_BOUNDS), "+Inf")
    ]
    assert buckets == [1, 1, *[3] * 10, 4]
    assert table.value(f"{name}_sum", OF_ARM) == pytest.approx(100.0065)
    assert table.value(f"{name}_count", OF_ARM) == 4
    assert table.value("stagegate_integration_duration_seconds_count", OF_ARM) == 0


def test_throttled_requests_are_counted() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2})
    table.count(2, 5, status=429)

    assert table.value("stagegate_throttled_requests_total", OF_ARM) == 5
    assert table.value("stagegate_method_throttled_requests_total", OF_GET) == 5


def test_a_block_is_exposed_as_many_series_as_the_budget_says() -> None:
    table = Table()
    for block in (1, 2):
        table.workers[0].count_cache(block, is_hit=True)
    without = len(table.samples())
    table.series.relabel({ARM: 1})
    with_arm = len(table.samples())
    table.series.relabel({ARM: 1, GET: 2})

    assert with_arm - without == SERIES_PER_BLOCK
    assert len(table.samples()) - with_arm == SERIES_PER_BLOCK


def test_a_method_that_loses_its_block_leaves_its_requests_with_the_arm() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2})
    table.count(2, 5)

    table.series.relabel({ARM: 1})
    table.count(2, 1)  # A request that was begun under the older release.

    assert table.requests() == 6
    assert table.value("stagegate_method_requests_total", OF_GET | {"status_class": "2xx"}) is None


def test_a_block_s_new_owner_starts_from_zero_and_no_arm_goes_back() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2, "other/dev/base": 3})
    table.count(2, 5)
    table.series.relabel({ARM: 1, "other/dev/base": 3})

    post = "other/dev/base/x#POST"
    table.series.relabel({ARM: 1, "other/dev/base": 3, post: 2})
    table.count(2, 1)

    other = {"api": "other", "stage": "dev", "canary": "false"}
    assert table.requests() == 5
    assert table.requests(other) == 1
    assert table.requests(other | {"resource": "/x", "method": "POST"}) == 1


def test_a_block_handed_over_at_once_starts_from_zero_too() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2})
    table.count(2, 5)

    table.series.relabel({ARM: 1, "shop/prod/base/x#PUT": 2})

    assert table.requests() == 5
    assert table.requests(OF_ARM | {"resource": "/x", "method": "PUT"}) == 0


def test_a_method_that_gets_its_block_back_goes_on_counting() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2})
    table.count(2, 5)
    table.series.relabel({ARM: 1})

    table.series.relabel({ARM: 1, GET: 2})
    table.count(2, 1)

    assert table.requests(OF_GET) == 6
    assert table.requests() == 6


def test_many_releases_never_make_an_arm_s_counter_go_back() -> None:
    table = Table()
    seen = 0.0
    for turn in range(30):
        methods = {f"{ARM}/m{turn + offset}#GET": 2 + (turn + offset) % 5 for offset in range(3)}
        table.series.relabel({ARM: 1, **methods})
        for block in range(1, BLOCKS):
            table.count(block)
        now = table.requests()
        assert now >= seen
        seen = now


def test_a_stage_that_is_gone_is_not_exposed() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2})
    table.count(2, 5)

    table.series.relabel({})

    assert table.value("stagegate_requests_total", OF_ARM | {"status_class": "2xx"}) is None
    assert {name for name, _ in table.samples()} == {"stagegate_unmatched_requests_total"}


def test_a_new_control_process_does_not_guess_whose_the_old_counts_were() -> None:
    table = Table()
    table.series.relabel({ARM: 1})
    table.count(1, 5)

    table.series = table.reader()
    table.series.relabel({"other/dev/base": 1})
    table.count(1, 2)

    assert table.requests({"api": "other", "stage": "dev", "canary": "false"}) == 2


def test_what_workers_count_before_the_first_labels_is_not_lost() -> None:
    table = Table()
    table.count(1, 2)

    table.series = Table.reader(table)
    table.count(1, 3)
    table.series.relabel({ARM: 1})

    assert table.requests() == 3


def test_label_values_are_escaped() -> None:
    table = Table()
    path = '/100%/%d/"\\\n'
    table.series.relabel({f"{ARM}{path}#GET": 1})
    table.count(1)

    assert table.requests(OF_ARM | {"resource": path, "method": "GET"}) == 1


@pytest.mark.parametrize(
    ("identity", "labels"),
    [
        (ARM, BlockLabels(("shop", "prod", "base"))),
        ("shop/prod/canary", BlockLabels(("shop", "prod", "canary"))),
        (GET, BlockLabels(("shop", "prod", "base"), "/pets/{id}", "GET")),
        ("shop/prod/base/#ANY", BlockLabels(("shop", "prod", "base"), "/", "ANY")),
        ("shop/prod/base/a#b#GET", BlockLabels(("shop", "prod", "base"), "/a#b", "GET")),
    ],
)
def test_an_identity_says_whose_a_block_is(identity: str, labels: BlockLabels) -> None:
    assert BlockLabels.parse(identity) == labels


@pytest.mark.parametrize("identity", ["", "shop", "shop/prod", "shop/prod/base/pets"])
def test_an_identity_that_cannot_be_read_changes_nothing(identity: str) -> None:
    table = Table()
    table.series.relabel({ARM: 1})

    with pytest.raises(ValueError, match="block identity"):
        table.series.relabel({ARM: 1, identity: 2})

    assert repr(table.series) == "<BlockSeries 1 labelled, 0 retired blocks>"


def names(series: Iterable[tuple[str, object]]) -> set[str]:
    return {name for name, _ in series}


def test_families_are_named_for_arms_and_for_methods() -> None:
    table = Table()
    table.series.relabel({ARM: 1, GET: 2})

    histogram = ("bucket", "sum", "count")
    expected = {"stagegate_unmatched_requests_total"}
    for prefix in ("stagegate_", "stagegate_method_"):
        expected |= {f"{prefix}requests_total", f"{prefix}throttled_requests_total"}
        expected |= {f"{prefix}request_duration_seconds_{part}" for part in histogram}
        expected |= {f"{prefix}integration_duration_seconds_{part}" for part in histogram}
    assert names(table.samples()) == expected
