from __future__ import annotations

from loadtests.bench.cost import parse_perf


def test_counts_are_read_by_event() -> None:
    text = "# started on Sun\n\n1200345,,cycles:u,1000,100.00,,\n99,,cycles:k,1000,100.00,,\n"

    assert parse_perf(text) == {"cycles:u": 1200345.0, "cycles:k": 99.0}


def test_what_the_machine_cannot_count_is_left_out() -> None:
    assert parse_perf("<not supported>,,cycles:u,0,100.00,,\n<not counted>,,cycles:k,0,,,\n") == {}
