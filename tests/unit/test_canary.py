import random

import pytest

from gateway.canary import choose_arm, compile_draw, draw_of_caller, takes_canary
from gateway.definitions.codec import decode
from gateway.definitions.stage import CanarySettings
from gateway.errors import Problem
from gateway.messages import InvocationRequest
from tests.builders import request


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


def canary(**settings: object) -> CanarySettings:
    problems: list[Problem] = []
    decoded = decode(CanarySettings, {"deploymentId": "abc123", **settings}, problems=problems)
    assert decoded is not None, problems
    return decoded


def draw(settings: CanarySettings, asked: InvocationRequest, chance: float = 0.5) -> float:
    drawn = compile_draw(settings)
    assert drawn is not None
    return drawn(asked, chance)


def test_plain_canaries_draw_nothing_themselves() -> None:
    assert compile_draw(canary(percentTraffic=10)) is None


TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJsZXZlbCI6N30.c2ln"  # {"sub":"ann","level":7}


@pytest.mark.parametrize(
    ("sticky", "headers", "others"),
    [
        ({"by": "HEADER", "name": "X-User"}, {"x-user": "ann"}, {"X-User": "bob"}),
        ({"by": "COOKIE", "name": "sid"}, {"Cookie": "a=1; sid=ann"}, {"Cookie": "sid=bob"}),
        ({"by": "CLAIM", "name": "sub"}, {"Authorization": f"Bearer {TOKEN}"}, {}),
        ({"by": "API_KEY"}, {"X-API-Key": "ann"}, {"x-api-key": "bob"}),
        ({"by": "SOURCE_IP"}, {}, None),
    ],
)
def test_a_caller_keeps_its_draw(
    sticky: dict[str, str], headers: dict[str, str], others: dict[str, str] | None
) -> None:
    settings = canary(sticky=sticky)
    asked = request(headers=headers)

    assert draw(settings, asked, 0.1) == draw(settings, asked, 0.9)
    if others is not None:
        assert draw(settings, request(headers=others)) != draw(settings, asked)


@pytest.mark.parametrize(
    ("sticky", "headers"),
    [
        ({"by": "HEADER", "name": "X-User"}, {}),
        ({"by": "HEADER", "name": "X-User"}, {"X-User": ""}),
        ({"by": "COOKIE", "name": "sid"}, {"Cookie": "sidd=1; sid"}),
        ({"by": "CLAIM", "name": "sub"}, {"Authorization": "Basic YTpi"}),
        ({"by": "CLAIM", "name": "sub"}, {"Authorization": "Bearer a.b"}),
        ({"by": "CLAIM", "name": "sub"}, {"Authorization": "Bearer a.!!.c"}),
        ({"by": "CLAIM", "name": "sub"}, {"Authorization": "Bearer a.W10.c"}),
        ({"by": "CLAIM", "name": "aud"}, {"Authorization": f"Bearer {TOKEN}"}),
    ],
)
def test_who_does_not_say_who_calls_is_drawn_by_chance(
    sticky: dict[str, str], headers: dict[str, str]
) -> None:
    assert draw(canary(sticky=sticky), request(headers=headers), 0.125) == 0.125


def test_raising_the_share_only_adds_callers_and_the_next_canary_meets_others() -> None:
    callers = [f"user-{number}" for number in range(20_000)]

    def taken(salt: bytes, percent: float) -> set[str]:
        return {one for one in callers if takes_canary(percent, draw_of_caller(salt, one))}

    five, twenty, fifty = (taken(b"first", percent) for percent in (5, 20, 50))
    assert five < twenty < fifty
    for share, percent in ((five, 5), (twenty, 20), (fifty, 50)):
        sigma = (len(callers) * percent * (100 - percent)) ** 0.5 / 100
        assert abs(len(share) - len(callers) * percent / 100) < 4 * sigma
    assert 0.3 * len(five) > len(five & taken(b"second", 5))


@pytest.mark.parametrize(
    ("value", "percent", "takes"),
    [("canary", 0.0, True), ("base", 100.0, False), ("else", 0.0, False), ("", 100.0, True)],
)
def test_a_tester_may_choose_the_arm(value: str, percent: float, takes: bool) -> None:
    settings = canary(forceHeader="X-Arm", sticky={"by": "SOURCE_IP"})

    assert takes_canary(percent, draw(settings, request(headers={"x-arm": value}))) is takes


@pytest.mark.parametrize(
    ("settings", "headers", "arm", "reason"),
    [
        ({}, {}, "base", "percentTraffic is 0"),
        ({"percentTraffic": 100}, {}, "canary", "percentTraffic is 100"),
        ({"percentTraffic": 10}, {"X-Arm": "canary"}, None, "each request draws for itself"),
        (
            {"percentTraffic": 0, "forceHeader": "X-Arm"},
            {"x-arm": "canary"},
            "canary",
            "the header X-Arm says so (forceHeader)",
        ),
        ({"forceHeader": "X-Arm"}, {"X-Arm": "else"}, "base", "percentTraffic is 0"),
        (
            {"percentTraffic": 10, "sticky": {"by": "HEADER", "name": "X-User"}},
            {},
            None,
            "it tells no caller (sticky by HEADER X-User), so it draws for itself",
        ),
    ],
)
def test_the_arm_of_a_request_is_told_with_its_reason(
    settings: dict[str, object], headers: dict[str, str], arm: str | None, reason: str
) -> None:
    assert choose_arm(canary(**settings), request(headers=headers)) == (arm, reason)


@pytest.mark.parametrize("by", [{"by": "HEADER", "name": "X-User"}, {"by": "API_KEY"}])
def test_the_arm_that_is_told_is_the_one_that_is_drawn(by: dict[str, str]) -> None:
    settings = canary(percentTraffic=30, sticky=by)
    told = set()
    for number in range(50):
        asked = request(headers={"X-User": f"user-{number}", "x-api-key": f"key-{number}"})
        choice = choose_arm(settings, asked)

        assert (choice.arm == "canary") is takes_canary(30, draw(settings, asked))
        assert f"{number}" not in choice.reason.partition(" has the draw ")[0]
        told.add(choice.arm)

    assert told == {"base", "canary"}


def test_the_address_that_an_arm_is_told_for_is_named() -> None:
    settings = canary(percentTraffic=30, sticky={"by": "SOURCE_IP"})

    assert "sticky by SOURCE_IP 192.0.2.7" in choose_arm(settings, request()).reason
