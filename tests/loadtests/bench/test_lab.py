from __future__ import annotations

import pytest

from loadtests.bench.lab import parse_wrk, wrong_statuses
from loadtests.bench.processes import BenchError

GOOD = """Running 6s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.16ms  224.09us   9.26ms   93.02%
  12345 requests in 6.10s, 4.20MB read
Requests/sec:   2023.77
"""


def test_a_clean_run_has_nothing_unexpected() -> None:
    assert parse_wrk(GOOD, 200) == (12345, 6.1, ())


def test_error_statuses_make_a_run_void_where_success_was_expected() -> None:
    _, _, wrong = parse_wrk(GOOD + "  Non-2xx or 3xx responses: 3\n", 200)

    assert wrong == ("3 of 12345 answers were errors, expected 0",)


def test_successes_make_a_run_void_where_refusals_were_expected() -> None:
    assert parse_wrk(GOOD + "  Non-2xx or 3xx responses: 12345\n", 429)[2] == ()
    assert parse_wrk(GOOD + "  Non-2xx or 3xx responses: 12344\n", 429)[2] != ()
    assert parse_wrk(GOOD, 403)[2] != ()


def test_socket_errors_make_a_run_void() -> None:
    _, _, wrong = parse_wrk(GOOD + "  Socket errors: connect 0, read 5, write 0, timeout 0\n", 200)

    assert len(wrong) == 1
    assert "read 5" in wrong[0]


def test_a_run_without_answers_is_void() -> None:
    assert parse_wrk("  0 requests in 2.00s, 0.00B read\n", 200)[2] == ("no request was answered",)


def test_output_without_a_count_is_an_error() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:1 Connection refused", 200)


def test_an_open_loop_may_only_have_the_expected_statuses() -> None:
    report = {"statuses": {"200": 10, "429": 2}, "failures": {}}

    assert wrong_statuses(report, 200, 429) == ()
    assert wrong_statuses(report, 200) == ("answers with other statuses: {'429': 2}",)
    assert wrong_statuses({"statuses": {}, "failures": {"connect": 1}}, 200) == (
        "failures: {'connect': 1}",
        "no request was answered",
    )
