from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.histogram import Histogram


def test_nothing_recorded_gives_zeros() -> None:
    assert Histogram().percentiles() == dict.fromkeys(
        ("p50", "p75", "p90", "p95", "p99", "p99.9"), 0.0
    )


def test_percentiles_are_those_of_the_values() -> None:
    histogram = Histogram()
    for milliseconds in range(1, 1001):
        histogram.record(milliseconds / 1000)

    assert histogram.percentile(50) == pytest.approx(0.5, rel=2e-3)
    assert histogram.percentile(99) == pytest.approx(0.99, rel=2e-3)
    assert histogram.longest == 1.0


@given(st.floats(0, 1000, allow_nan=False))
def test_a_value_is_kept_to_a_thousandth(seconds: float) -> None:
    histogram = Histogram()
    histogram.record(seconds)

    assert histogram.percentile(100) == pytest.approx(seconds, rel=1e-3, abs=1.1e-6)


def test_a_negative_latency_counts_as_none() -> None:
    histogram = Histogram()
    histogram.record(-1.0)

    assert (histogram.count, histogram.percentile(100)) == (1, 0.0)
