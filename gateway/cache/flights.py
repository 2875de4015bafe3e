"""Concurrent misses of one key: the first asks the integration, the others wait for its answer."""

from __future__ import annotations

from collections.abc import Awaitable

from gateway.driver import Waiter
from gateway.errors import Fault
from gateway.messages import InvocationResponse

_Waiting = Waiter[InvocationResponse | None]


class Flight:
    """One request under way to an integration, and those that wait for what it brings."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def wait(self) -> Awaitable[InvocationResponse | None]:
        """Wait for the answer; None when it cannot be shared, and everybody has to ask.

        Raises, where it is awaited:
            Fault: what the request under way failed with, anew for each that waits.
        """
        waiting: _Waiting = Waiter()
        self._waiting.append(waiting)
        return waiting

    def land(self, response: InvocationResponse | None) -> None:
        """Give the answer to all that wait."""
        for waiting in self._take():
            waiting.set(response)

    def fail(self, fault: Fault) -> None:
        """Let all that wait fail alike: a backend that does not answer is not asked once each."""
        for waiting in self._take():
            waiting.fail(fault.again())

    def _take(self) -> list[_Waiting]:
        waiting, self._waiting = self._waiting, []
        return waiting
