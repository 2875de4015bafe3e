import random

import pytest

from gateway.canary import takes_canary


@pytest.mark.parametrize("draw", [0.0, 0.5, 1 - 2**-53])
def test_none_at_0_percent_and_all_at_100(draw: float) -> None:
    assert not takes_canary(0.0, draw)
    assert takes_canary(100.0, draw)


@pytest.mark.parametrize(
    ("percent", "draw", "takes"),
    [(10.0, 0.0999, True), (10.0, 0.1, False), (0.1, 0.0009, True), (0.1, 0.001, False)],
)
def test_a_draw_below_the_share_takes_it(percent: float, draw: float, takes: bool) -> None:
    assert takes_canary(percent, draw) is takes


@pytest.mark.parametrize("percent", [0.5, 10.0, 33.3, 99.0])
def test_share_of_many_draws_is_the_percentage(percent: float) -> None:
    seeded = random.Random(1)
    draws = 20_000
    taken = sum(takes_canary(percent, seeded.random()) for _ in range(draws))

    assert taken / draws * 100 == pytest.approx(percent, abs=1.5)
