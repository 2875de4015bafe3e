"""Time-outs of thousands of connections with one loop timer: a wheel of coarse ticks.

Moving a deadline later is an attribute write: whoever is looked at too early is filed again. Only
who moves it earlier has to say so, through `Deadlines.watch`. No request costs a timer of its own.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Final

from gateway.clock import Clock

_LOG: Final = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.1
"""How late a deadline of a second or more may be noticed."""

_SLEPT_TICKS: Final = 20
"""A timer that is so late was not late: the process was stopped, or the machine was."""

PRECISE_SECONDS: Final = 1.0
"""Nearer deadlines get a loop timer: a tick would be too coarse for 50 ms."""

NEVER: Final = math.inf


class Deadline:
    """Something that must be looked at when its time has come. To be inherited."""

    __slots__ = ("deadline", "watched_by", "watched_until")

    def __init__(self) -> None:
        self.deadline = NEVER
        """When `on_deadline` is due, seconds of CLOCK_MONOTONIC. Its owner writes it."""
        self.watched_until = NEVER
        """When it will be looked at next. Written by `Deadlines` alone."""
        self.watched_by: set[Deadline] | asyncio.TimerHandle | None = None
        """Where it is filed. Written by `Deadlines` alone."""

    def on_deadline(self, now: float) -> None:
        """Act on the deadline that has passed; it is not watched any more until `watch`."""
        raise NotImplementedError


class CallingDeadline(Deadline):
    """A deadline that calls a function, for who cannot inherit."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self._call = call

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 (the base's)
        """Call."""
        self._call()


class Deadlines:
    """Watches the deadlines of one worker. At most one loop timer, none while nothing waits."""

    __slots__ = ("_is_awake", "_loop", "_now", "_slots", "_tick", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self._loop = loop
        self._now = clock.now
        self._slots: dict[int, set[Deadline]] = {}
        self._tick = 0
        """The last tick that was worked off."""
        self._is_awake = False
        """Whether the process was found to have been stopped, and has had a tick to read since."""
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Deadlines {sum(map(len, self._slots.values()))} filed, tick {self._tick}>"

    def watch(self, item: Deadline) -> None:
        """See to it that `item` is looked at no later than its deadline (and a tick).

        To be called when it is not watched, or when its deadline has moved earlier. Does nothing
        when it is looked at early enough already.
        """
        if item.deadline >= item.watched_until:
            return
        self.forget(item)
        self._file(item, self._now())

    def forget(self, item: Deadline) -> None:
        """Watch `item` no more."""
        place, item.watched_by = item.watched_by, None
        item.watched_until = NEVER
        if isinstance(place, set):
            place.discard(item)
        elif place is not None:
            place.cancel()

    def _file(self, item: Deadline, now: float) -> None:
        deadline = item.deadline
        if deadline == NEVER:
            return
        item.watched_until = deadline
        if deadline - now < PRECISE_SECONDS:
            item.watched_by = self._loop.call_later(max(deadline - now, 0), self._look_at, item)
            return
        tick = math.ceil(deadline / TICK_SECONDS)
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = set()
        slot.add(item)
        item.watched_by = slot
        if self._timer is None:
            self._tick = math.floor(now / TICK_SECONDS)
            self._sleep()

    def _sleep(self) -> None:
        """Wake up a tick later, unless that is settled."""
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._work_off)

    def _work_off(self) -> None:
        # Before the items are looked at: they file themselves anew.
        self._timer = None
        now = self._now()
        last = math.floor(now / TICK_SECONDS)
        slots = self._slots
        if last - self._tick > _SLEPT_TICKS and not self._is_awake:
            # The process was stopped. What came meanwhile waits in its sockets: it goes first.
            self._is_awake = True
            self._sleep()
            return
        self._is_awake = False
        if last - self._tick > len(slots):
            # The process slept: do not count through an hour of empty ticks.
            due = sorted(tick for tick in slots if tick <= last)
        else:
            due = [tick for tick in range(self._tick + 1, last + 1) if tick in slots]
        self._tick = last
        for tick in due:
            slot = slots.pop(tick)
            while slot:  # an item may have another one of the slot forgotten
                self._look_at(slot.pop())
        if slots:
            self._sleep()

    def _look_at(self, item: Deadline) -> None:
        item.watched_by = None
        item.watched_until = NEVER
        now = self._now()
        if item.deadline > now:
            self._file(item, now)
            return
        try:
            item.on_deadline(now)
        except Exception:  # noqa: BLE001 (logged with its traceback)
            # One connection's bug must not stop the time of all others.
            _LOG.exception("a deadline's owner failed")
