"""The Server-Timing header."""

from gateway.telemetry.server_timing import server_timing
from tests.exchanges import exchange


def test_each_phase_lasts_from_the_end_of_the_one_before() -> None:
    timed = exchange(phases=[("locate", 100.000012), ("invoke", 100.003412)])

    assert server_timing(timed) == "locate;dur=0.012, invoke;dur=3.400"


def test_without_phases_there_is_nothing_to_say() -> None:
    assert server_timing(exchange(phases=None)) == ""
    assert server_timing(exchange(phases=[])) == ""


def test_a_phase_never_lasts_less_than_nothing() -> None:
    assert server_timing(exchange(phases=[("locate", 99.0)])) == "locate;dur=0.000"
