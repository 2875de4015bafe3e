from __future__ import annotations

from loadtests.checks import Observed, State, check_canary, check_throttle


def pressed(*, rate: float, seconds: float, burst: int) -> Observed:
    """Return what a bucket of this rate and burst lets through when asked 1,000 times a second."""
    seen = Observed()
    tokens = float(burst)
    for turn in range(round(seconds * 1000)):
        tokens = min(burst, tokens + rate / 1000)
        status = 200 if tokens >= 1 else 429
        tokens -= status == 200
        seen.limited(status, 100 + turn / 1000)
    return seen


def test_an_exact_throttle_is_right() -> None:
    seen = pressed(rate=50, seconds=10, burst=25)

    assert check_throttle(seen, 50, 25, 1.0).is_right is True


def test_a_throttle_that_admits_a_twentieth_more_is_wrong() -> None:
    seen = pressed(rate=53, seconds=10, burst=25)

    assert check_throttle(seen, 50, 25, 1.0).is_right is False


def test_what_came_after_the_last_refusal_does_not_count() -> None:
    seen = pressed(rate=50, seconds=10, burst=25)
    seen.limited(200, 500.0)

    assert check_throttle(seen, 50, 25, 1.0).is_right is True


def test_a_throttle_that_never_refused_cannot_be_told() -> None:
    seen = Observed()
    seen.limited(200, 1.0)

    assert check_throttle(seen, 50, 25, 1.0).is_right is None


def test_a_canary_share_is_held_against_chance() -> None:
    assert check_canary(Observed(base=800, canary=200), 20).is_right is True
    assert check_canary(Observed(base=830, canary=170), 20).is_right is True
    assert check_canary(Observed(base=880, canary=120), 20).is_right is False
    assert check_canary(Observed(base=8, canary=2), 20).is_right is None


def test_observations_of_several_processes_add_up() -> None:
    state = State(own=Observed(base=1, canary=2))
    state.workers["a"] = Observed(base=10)
    state.workers["b"] = pressed(rate=50, seconds=3, burst=5)
    total = state.total()

    assert (total.base, total.canary) == (11, 2)
    assert total.refused == state.workers["b"].refused > 0
