"""Runs a coroutine by hand: what needs no waiting ends in the call that started it. No Task.

What waits for one thing alone does without a coroutine: it is a `Pending`.

A coroutine run by `Drive` may await `Waiter`s (resumed at once by whoever sets them) and asyncio
futures (resumed by the loop), nothing that needs `asyncio.current_task()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Waiter(Generic[T]):
    """A value that one coroutine waits for. Setting it resumes the coroutine in the same call."""

    __slots__ = ("error", "is_set", "resume", "value")

    def __init__(self) -> None:
        self.is_set = False
        """Whether the value or an error is there."""
        self.value: T
        """Set with `is_set`, unless there is an error."""
        self.error: BaseException | None = None
        self.resume: Callable[[], None] | None = None
        """Called once, when it is set. Written by the Drive."""

    def set(self, value: T) -> None:
        """Give the value; later calls are ignored."""
        if not self.is_set:
            self.is_set = True
            self.value = value
            resume = self.resume
            if resume is not None:
                self.resume = None
                resume()

    def fail(self, error: BaseException) -> None:
        """Give an error, raised where the value is awaited; later calls are ignored."""
        if not self.is_set:
            self.is_set = True
            self.error = error
            resume = self.resume
            if resume is not None:
                self.resume = None
                resume()

    def give_up(self) -> None:
        """Note that nobody waits any more."""
        self.resume = None

    def __await__(self) -> Generator[Waiter[T], None, T]:
        if not self.is_set:
            yield self
        if self.error is not None:
            raise self.error
        return self.value


class Pending(Generic[T]):
    """Work that is under way without a coroutine. Either started or awaited, once. To be inherited.

    Unless it is closed, exactly one of the two callbacks of `start` is called.
    """

    __slots__ = ()

    def start(
        self, on_result: Callable[[T], None], on_error: Callable[[BaseException], None]
    ) -> None:
        """Tell the outcome to one of the callbacks, at once or later."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop, if it was started and has not ended; nothing is reported."""
        raise NotImplementedError

    async def wait(self) -> T:
        """Return the outcome, for coroutines that need it."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, Any, T]:
        return self.wait().__await__()


def ignore(_outcome: object) -> None:
    """Stand for a callback of a Drive whose owner is gone."""


class Drive(Generic[T]):
    """Drives one coroutine; unless it is closed, exactly one of the two callbacks is called."""

    __slots__ = ("_awaited", "_coroutine", "_is_running", "_on_error", "_on_result")

    def __init__(
        self,
        coroutine: Coroutine[Any, None, T],
        on_result: Callable[[T], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._coroutine: Coroutine[Any, None, T] | None = coroutine
        self._on_result = on_result
        self._on_error = on_error
        self._awaited: Any = None
        self._is_running = False

    def step(self, error: BaseException | None = None) -> None:
        """Run the coroutine to its next wait or its end; `error` is raised where it waits."""
        coroutine = self._coroutine
        if coroutine is None:
            return
        self._awaited = None
        self._is_running = True
        try:
            awaited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            self._coroutine = None
            self._on_result(stop.value)
        except BaseException as failure:  # noqa: BLE001 (as asyncio.Task: whoever started it decides)
            self._coroutine = None
            self._on_error(failure)
        else:
            self._wait_for(awaited)
        finally:
            self._is_running = False

    def throw(self, error: BaseException) -> None:
        """Raise `error` where the coroutine waits. Not to be called from within the coroutine."""
        if self._coroutine is not None:
            self._forget_awaited()
            self.step(error)

    def close(self) -> None:
        """Stop the coroutine where it waits; its `finally` blocks run, nothing is reported."""
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None and not self._is_running:
            self._forget_awaited()
            coroutine.close()

    def _forget_awaited(self) -> None:
        awaited, self._awaited = self._awaited, None
        if isinstance(awaited, Waiter):
            awaited.resume = None
        elif awaited is not None:
            awaited.remove_done_callback(self._on_future)
            awaited.cancel()

    def _on_future(self, _future: asyncio.Future[Any]) -> None:
        self.step()

    def _wait_for(self, awaited: Any) -> None:
        self._awaited = awaited
        if isinstance(awaited, Waiter):
            awaited.resume = self.step
        else:
            # What asyncio.Task does with the future that a coroutine yields.
            awaited._asyncio_future_blocking = False  # noqa: SLF001
            awaited.add_done_callback(self._on_future)
