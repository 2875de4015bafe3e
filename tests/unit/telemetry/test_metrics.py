"""The workers' side of the table of numbers."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from gateway.server.refusal import INTERNAL, REASONS
from gateway.telemetry.metrics import (
    BLOCK_CELLS,
    BUCKETS,
    HEADER_CELLS,
    INTEGRATION_BUCKETS,
    INTEGRATION_SUM,
    LATENCY_BOUNDS,
    LATENCY_BUCKETS,
    LATENCY_SUM,
    REFUSAL_REASONS,
    REFUSALS,
    REQUESTS,
    STATUS_CLASSES,
    THROTTLED,
    Cell,
    WorkerMetrics,
    allot,
    segment_bytes,
    segment_of,
    table_bytes,
)

BLOCKS = 4


def cells_and_metrics() -> tuple[memoryview[float], WorkerMetrics]:
    cells = memoryview(bytearray(segment_bytes(BLOCKS))).cast("d")
    return cells, WorkerMetrics(cells)


def block(cells: memoryview[float], number: int) -> list[float]:
    start = HEADER_CELLS + number * BLOCK_CELLS
    return list(cells[start : start + BLOCK_CELLS])


@pytest.mark.parametrize(
    ("status", "status_class"),
    [(101, "1xx"), (200, "2xx"), (299, "2xx"), (304, "3xx"), (499, "4xx"), (500, "5xx"),
     (599, "5xx"), (600, "other"), (999, "other"), (0, "other"), (99, "other")],
)  # fmt: skip
def test_a_request_counts_in_the_class_of_its_status(status: int, status_class: str) -> None:
    cells, metrics = cells_and_metrics()

    metrics.observe(2, status, 0.003, None, False)

    counts = block(cells, 2)[REQUESTS : REQUESTS + len(STATUS_CLASSES)]
    assert dict(zip(STATUS_CLASSES, counts, strict=True))[status_class] == 1
    assert sum(counts) == 1


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.001, 0), (0.0011, 1), (30.0, 11), (30.1, 12), (1e9, 12)],
)
def test_a_latency_counts_in_the_first_bucket_that_holds_it(seconds: float, bucket: int) -> None:
    cells, metrics = cells_and_metrics()

    metrics.observe(1, 200, seconds, seconds, False)

    values = block(cells, 1)
    assert values[LATENCY_SUM] == seconds
    assert values[INTEGRATION_SUM] == seconds
    assert [i for i in range(13) if values[LATENCY_BUCKETS + i]] == [bucket]
    assert [i for i in range(13) if values[INTEGRATION_BUCKETS + i]] == [bucket]


def test_a_request_without_a_backend_leaves_its_histogram_alone() -> None:
    cells, metrics = cells_and_metrics()

    metrics.observe(1, 429, 0.0001, None, True)

    values = block(cells, 1)
    assert values[THROTTLED] == 1
    assert sum(values[INTEGRATION_SUM:]) == 0


def test_a_request_touches_one_block_only() -> None:
    cells, metrics = cells_and_metrics()

    metrics.observe(2, 200, 0.003, 0.002, True)

    assert sum(cells[:HEADER_CELLS]) == 0
    assert [number for number in range(BLOCKS) if any(block(cells, number))] == [2]


def test_a_block_outside_the_table_is_refused() -> None:
    _, metrics = cells_and_metrics()

    with pytest.raises(IndexError):
        metrics.observe(BLOCKS, 200, 0.003, None, False)


def test_a_status_of_four_digits_is_refused() -> None:
    _, metrics = cells_and_metrics()

    with pytest.raises(IndexError):
        metrics.observe(0, 1000, 0.003, None, False)


def test_segments_of_workers_do_not_overlap() -> None:
    table = memoryview(bytearray(table_bytes(BLOCKS, 3)))
    for worker in range(3):
        metrics = WorkerMetrics(segment_of(table, worker, BLOCKS))
        metrics.observe(BLOCKS - 1, 200, float(worker), None, False)
        metrics.add(Cell.CONNECTIONS_ACCEPTED, worker)

    segments = [segment_of(table, worker, BLOCKS) for worker in range(3)]
    assert [block(cells, BLOCKS - 1)[LATENCY_SUM] for cells in segments] == [0.0, 1.0, 2.0]
    assert [cells[Cell.CONNECTIONS_ACCEPTED] for cells in segments] == [0.0, 1.0, 2.0]


def test_a_replacement_continues_the_counters_and_restarts_the_gauges() -> None:
    cells, first = cells_and_metrics()
    first.begin(1000.0)
    first.observe(1, 200, 0.003, None, False)
    first.add(Cell.CONNECTIONS_OPEN, 7)
    first.add(Cell.CONNECTIONS_ACCEPTED, 9)
    first.set(Cell.REVISION, 4)

    second = WorkerMetrics(cells)
    second.begin(2000.0)

    assert block(cells, 1)[LATENCY_SUM] == 0.003
    assert second.get(Cell.CONNECTIONS_OPEN) == 0
    assert second.get(Cell.REVISION) == 0
    assert second.get(Cell.CONNECTIONS_ACCEPTED) == 9
    assert second.get(Cell.START_TIME) == 2000.0
    assert second.get(Cell.STARTS) == 2


@pytest.mark.parametrize("reason", REFUSAL_REASONS)
def test_a_refusal_counts_under_its_reason(reason: str) -> None:
    cells, metrics = cells_and_metrics()

    metrics.count_refusal(reason)

    assert cells[REFUSALS + REFUSAL_REASONS.index(reason)] == 1


def test_every_reason_of_the_edge_has_a_cell() -> None:
    assert set(REASONS) <= set(REFUSAL_REASONS)


def test_a_refusal_for_an_unknown_reason_counts_as_other() -> None:
    cells, metrics = cells_and_metrics()

    metrics.count_refusal("GET /evil")

    assert cells[REFUSALS + REFUSAL_REASONS.index("other")] == 1


@pytest.mark.parametrize("reason", REASONS)
def test_a_bug_is_an_unexpected_error_and_nothing_else_is(reason: str) -> None:
    _, metrics = cells_and_metrics()

    metrics.count_refusal(reason)

    assert metrics.get(Cell.UNEXPECTED_ERRORS) == (reason == INTERNAL.reason)


def test_the_header_has_room_for_every_cell_and_reason() -> None:
    assert max(Cell) < REFUSALS
    assert REFUSALS + len(REFUSAL_REASONS) <= HEADER_CELLS


def test_the_heartbeat_is_the_time_given() -> None:
    _, metrics = cells_and_metrics()

    metrics.beat(123.5)

    assert metrics.get(Cell.HEARTBEAT) == 123.5
    assert repr(metrics) == "<WorkerMetrics revision 0, 0 connections, 4 blocks>"


def test_bounds_rise_and_end_above_the_longest_integration_timeout() -> None:
    assert list(LATENCY_BOUNDS) == sorted(set(LATENCY_BOUNDS))
    assert LATENCY_BOUNDS[-1] > 29


def test_the_oldest_get_blocks_of_their_own_until_the_budget_is_spent() -> None:
    assert allot(["a", "b", "c"], 70, 35) == (("a", "b"), ("c",))


def test_a_newcomer_pushes_nobody_out() -> None:
    before, _ = allot(["a", "b"], 70, 35)

    after, dropped = allot(["a", "b", "new"], 70, 35)

    assert after == before
    assert dropped == ("new",)


@pytest.mark.parametrize("budget", [-1, 0, 34])
def test_a_budget_below_one_method_grants_nothing(budget: int) -> None:
    assert allot(["a"], budget, 35) == ((), ("a",))


def test_an_identity_wanted_twice_is_granted_once() -> None:
    assert allot(["a", "a", "b"], 70, 35) == (("a", "b"), ())


def test_the_integrations_bucket_is_its_own_wherever_the_whole_falls() -> None:
    for whole in (0.0005, 0.001, 0.003, 0.2, 31.0):
        for integration in (0.0, 0.0005, 0.001, 0.0025, 0.003, 0.2, 31.0, 40.0):
            cells = memoryview(bytearray(segment_bytes(1))).cast("d")
            WorkerMetrics(cells).observe(0, 200, whole, integration, False)
            first = HEADER_CELLS + INTEGRATION_BUCKETS
            counted = list(cells[first : first + BUCKETS])

            assert counted.index(1.0) == bisect_left(LATENCY_BOUNDS, integration)
            assert sum(counted) == 1
