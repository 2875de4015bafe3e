from __future__ import annotations

import pytest

from gateway.server.deadlines import NEVER, TICK_SECONDS, CallingDeadline, Deadline, Deadlines
from tests.builders import FakeClock
from tests.clients import FakeLoop


class Item(Deadline):
    """Notes when its deadline passed."""

    def __init__(self, deadline: float = NEVER) -> None:
        super().__init__()
        self.deadline = deadline
        self.passed: list[float] = []

    def on_deadline(self, now: float) -> None:
        self.passed.append(now)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = FakeLoop(self.clock)
        self.deadlines = Deadlines(self.loop.as_loop, self.clock)

    def item(self, seconds: float) -> Item:
        item = Item(self.clock.time + seconds)
        self.deadlines.watch(item)
        return item


@pytest.mark.parametrize("seconds", [1.0, 1.05, 2.0, 10.0, 75.3])
def test_a_deadline_is_noticed_within_a_tick(seconds: float) -> None:
    world = World()
    item = world.item(seconds)
    world.loop.advance(200)
    (passed,) = item.passed

    assert 0 <= passed - 1000 - seconds <= 2 * TICK_SECONDS


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.123, 0.999])
def test_a_near_deadline_is_noticed_precisely(seconds: float) -> None:
    world = World()
    item = world.item(seconds)
    world.loop.advance(2)

    assert item.passed == [1000 + seconds]


def test_moving_a_deadline_later_is_an_assignment() -> None:
    world = World()
    item = world.item(2)
    for _ in range(10):
        world.loop.advance(1)
        item.deadline = world.clock.time + 2
    assert item.passed == []
    world.loop.advance(2.2)

    assert len(item.passed) == 1


def test_moving_a_deadline_earlier_needs_watching_again() -> None:
    world = World()
    item = world.item(60)
    item.deadline = 1005.0
    world.deadlines.watch(item)
    world.loop.advance(5.2)

    assert len(item.passed) == 1
    world.loop.advance(100)
    assert len(item.passed) == 1


def test_watching_what_is_watched_early_enough_does_nothing() -> None:
    world = World()
    item = world.item(2)
    item.deadline = 1050.0
    world.deadlines.watch(item)

    assert item.watched_until == 1002.0


def test_who_is_forgotten_is_not_called() -> None:
    world = World()
    items = [world.item(0.5), world.item(5)]
    for item in items:
        world.deadlines.forget(item)
    world.loop.advance(10)

    assert [item.passed for item in items] == [[], []]


def test_an_item_may_forget_another_of_the_same_tick() -> None:
    world = World()

    class Killer(Item):
        def on_deadline(self, now: float) -> None:
            super().on_deadline(now)
            for item in items:
                world.deadlines.forget(item)

    items = [Killer(1005.0) for _ in range(5)]
    for item in items:
        world.deadlines.watch(item)
    world.loop.advance(10)

    assert sum(len(item.passed) for item in items) == 1


def test_an_item_may_watch_itself_again() -> None:
    world = World()

    class Repeating(Item):
        def on_deadline(self, now: float) -> None:
            super().on_deadline(now)
            self.deadline = now + 2
            world.deadlines.watch(self)

    item = Repeating(1002.0)
    world.deadlines.watch(item)
    world.loop.advance(20.5)

    assert len(item.passed) == 9


def test_a_failing_item_does_not_stop_time(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    class Failing(Item):
        def on_deadline(self, now: float) -> None:
            raise ValueError("bug")

    items: list[Item] = [Failing(1003.0), Item(1003.0), Item(1009.0)]
    for item in items:
        world.deadlines.watch(item)
    world.loop.advance(10)

    assert [len(item.passed) for item in items] == [0, 1, 1]
    assert "a deadline's owner failed" in caplog.text


def test_one_timer_serves_all_and_none_is_left() -> None:
    world = World()
    for _ in range(1000):
        world.item(5)
    assert len(world.loop.timers) == 1
    world.loop.advance(6)

    assert world.loop.timers == []


def test_never_is_never_looked_at() -> None:
    world = World()
    item = world.item(5)
    item.deadline = NEVER
    world.loop.advance(100)

    assert item.passed == []
    assert world.loop.timers == []


def test_a_process_that_slept_for_a_day_does_not_count_its_ticks() -> None:
    world = World()
    items = [world.item(seconds) for seconds in (2, 60, 100_000)]
    world.clock.time += 86_400
    world.loop.advance(1)

    assert [len(item.passed) for item in items] == [1, 1, 0]
    assert repr(world.deadlines).startswith("<Deadlines 1 filed")


def test_after_a_stop_what_came_meanwhile_is_read_before_anything_expires() -> None:
    world = World()
    item = world.item(2)
    world.clock.time += 60
    world.loop.advance(0)
    assert item.passed == []
    world.loop.advance(0.2)

    assert len(item.passed) == 1


def test_a_deadline_may_call_a_function() -> None:
    called: list[bool] = []
    CallingDeadline(lambda: called.append(True)).on_deadline(1.0)

    assert called == [True]
