"""Audit records of mutations that are refused before they have a transaction. Bounded in time.

Who may not call, or calls for what is not served, or sends a body of the wrong shape, leaves a
record like everybody else; but whoever floods must not push the others' records out of the trail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.control.api import audit
from gateway.control.api.protocol import Call
from gateway.errors import ControlError
from gateway.store.thread import StoreThread

KNOWN_PER_SECOND: Final = 10.0
KNOWN_AT_ONCE: Final = 100
"""Records of callers who were admitted."""

STRANGERS_PER_SECOND: Final = 0.1
STRANGERS_AT_ONCE: Final = 10
"""Records of callers who were not: a million of them fill the trail in four months."""


class Refusals:
    """Writes the records that there is room for, and counts the others. One writer: the loop."""

    def __init__(self, store: StoreThread, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._known = Allowance(KNOWN_PER_SECOND, KNOWN_AT_ONCE)
        self._strangers = Allowance(STRANGERS_PER_SECOND, STRANGERS_AT_ONCE)
        self.omitted = 0
        """Refusals without a record since the last record, which tells how many."""

    def __repr__(self) -> str:
        return f"<Refusals {self.omitted} omitted>"

    async def note(self, call: Call, error: ControlError) -> None:
        """Write the record of a refused call, if it would have changed anything."""
        if not call.operation.is_mutation:
            return
        allowance = self._known if call.caller.is_known else self._strangers
        if not allowance.take(self._now()):
            self.omitted += 1
            return
        omitted, self.omitted = self.omitted, 0
        if omitted:
            call.details["additionalEventData"] = {"refusalsNotRecorded": omitted}
        try:
            await self._store.run(
                lambda transaction: audit.note(transaction, call, None, revision=None, error=error),
                is_mutation=True,
            )
        except ControlError:
            # The store is busy with what others were allowed to do.
            self.omitted += omitted + 1


_ROUNDING: Final = 1e-6
"""Seconds; sums of floats are not exact."""


class Allowance:
    """So many at once, and so many a second in the long run (GCRA)."""

    __slots__ = ("_interval", "_lead", "_until")

    def __init__(self, per_second: float, at_once: int) -> None:
        self._interval = 1.0 / per_second
        self._lead = (at_once - 1) * self._interval
        self._until = float("-inf")

    def __repr__(self) -> str:
        return f"<Allowance one in {self._interval:g} s>"

    def take(self, now: float) -> bool:
        """Whether one more is allowed at this moment; if so, it is taken."""
        begin = max(self._until, now)
        if begin - now > self._lead + _ROUNDING:
            return False
        self._until = begin + self._interval
        return True
