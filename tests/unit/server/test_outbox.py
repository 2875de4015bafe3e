"""Facts about requests that wait for the end of the event loop's turn."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import uvloop

from gateway.server.outbox import MOST, Outbox
from tests.fake_backend import FakeTurn


@dataclass
class FakeHolder:
    """Notes when it was told to write."""

    name: str
    told: list[str]
    error: Exception | None = None
    then: Callable[[], None] = lambda: None

    def write_held(self) -> None:
        self.told.append(self.name)
        if self.error is not None:
            raise self.error
        self.then()

    def close(self) -> None:
        self.told.append(f"close {self.name}")
        self.then()


@dataclass
class Rig:
    """An outbox whose turns a test ends."""

    turn: FakeTurn = field(default_factory=FakeTurn)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(cast("Any", self.turn))

    def put(
        self, name: str, error: Exception | None = None, then: Callable[[], None] = lambda: None
    ) -> None:
        self.outbox.put(FakeHolder(name, self.told, error, then))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_nothing_is_written_before_the_end_of_the_turn(rig: Rig) -> None:
    rig.put("a")
    rig.put("b")
    assert rig.told == []
    rig.turn.end()

    assert rig.told == ["a", "b"]


def test_one_call_ends_a_turn_however_many_wait(rig: Rig) -> None:
    for index in range(MOST - 1):
        rig.put(str(index))

    assert len(rig.turn.callbacks) == 1


def test_each_is_told_once(rig: Rig) -> None:
    rig.put("a")
    rig.turn.end()
    rig.turn.end()
    rig.outbox.flush()

    assert rig.told == ["a"]


def test_next_turn_has_an_end_of_its_own(rig: Rig) -> None:
    rig.put("a")
    rig.turn.end()
    rig.put("b")
    rig.turn.end()

    assert rig.told == ["a", "b"]


def test_full_outbox_is_emptied_at_once(rig: Rig) -> None:
    names = [str(index) for index in range(MOST)]
    for name in names:
        assert rig.told == []
        rig.put(name)
    assert rig.told == names
    rig.put("one more")
    rig.turn.end()

    assert rig.told == [*names, "one more"]


def test_failure_of_one_ends_it_and_loses_no_other(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.put("a")
    rig.put("b", RuntimeError("the handle is gone"))
    rig.put("c")
    rig.turn.end()
    rig.turn.end()

    assert rig.told == ["a", "b", "c", "close b"]
    assert [each.levelname for each in caplog.records] == ["ERROR"]


def test_what_is_put_in_while_it_empties_leaves_a_turn_later(rig: Rig) -> None:
    """A request that is sent again because its connection failed."""
    rig.put("a", RuntimeError("gone"), then=lambda: rig.put("again"))
    rig.put("b")
    rig.turn.end()
    assert rig.told == ["a", "b"]
    rig.turn.end()
    rig.turn.end()

    assert rig.told[2:] == ["close a", "again"]


def test_repr_states_how_many_wait(rig: Rig) -> None:
    rig.put("a")

    assert repr(rig.outbox) == f"<Outbox 1/{MOST}>"


@pytest.mark.parametrize(
    "loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_loop_ends_its_turn_before_it_waits(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def scenario() -> list[str]:
        told: list[str] = []
        loop = asyncio.get_running_loop()
        outbox = Outbox(loop)
        done = loop.create_future()
        who = contextvars.ContextVar("who", default="nobody")
        who.set("the first of the turn")
        outbox.put(FakeHolder("a", told, then=lambda: told.append(who.get())))
        outbox.put(FakeHolder("b", told, then=lambda: done.set_result(None)))
        await done
        return told

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(scenario()) == ["a", "nobody", "b"]
