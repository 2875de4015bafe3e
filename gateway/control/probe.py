"""Runs tests of methods on a thread and loop of their own: nothing they do holds up control.

Bounded: so many at once, so many seconds each, bodies as in the data plane.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from gateway.clock import Clock, IdMinter
from gateway.control.method_test import MethodTest, run_test, timed_out
from gateway.driver import Drive
from gateway.errors import too_many_requests
from gateway.server.deadlines import Deadlines
from gateway.server.upstream import HttpEndpoints
from gateway.settings import Settings

T = TypeVar("T")

TESTS_MAX: Final = 8
"""Tests under way; more are refused with TooManyRequestsException."""

TEST_SECONDS: Final = 60.0
"""For a whole test: an integration may take 29 seconds until its head is there."""


class Probe:
    """Tests methods. Its thread begins with the first test."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        vpc_links: Callable[[], Mapping[str, tuple[str, ...]]],
    ) -> None:
        """Begin with no test; `vpc_links` returns where they lead now, as a release says it."""
        self._settings = settings
        self._clock = clock
        self._vpc_links = vpc_links
        self._ids = IdMinter()
        self._under_way = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._endpoints: HttpEndpoints | None = None

    def __repr__(self) -> str:
        return f"<Probe {self._under_way} tests under way>"

    async def invoke(self, test: MethodTest) -> dict[str, Any]:
        """Test a method, and return what TestInvokeMethod answers.

        Raises:
            ControlError: (TooManyRequestsException) too many are under way.
        """
        if self._under_way >= TESTS_MAX:
            raise too_many_requests(f"At most {TESTS_MAX} methods are tested at once")
        self._under_way += 1
        try:
            return await asyncio.wrap_future(self._submit(self._run(test)))
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Give up what is under way, and end the thread."""
        if self._loop is None or self._thread is None:
            return
        self._submit(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._endpoints = None

    def _submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="method tests", daemon=True
            )
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run(self, test: MethodTest) -> dict[str, Any]:
        limits = self._settings.limits
        work = run_test(
            test,
            endpoints=self._open_endpoints(),
            vpc_links=self._vpc_links(),
            body_bytes=limits.body_bytes,
            ids=self._ids,
            clock=self._clock,
        )
        try:
            async with asyncio.timeout(TEST_SECONDS):
                return await _driven(work)
        except TimeoutError:
            return timed_out(TEST_SECONDS)

    def _open_endpoints(self) -> HttpEndpoints:
        if self._endpoints is None:
            loop = asyncio.get_running_loop()
            self._endpoints = HttpEndpoints(
                self._settings.backends,
                loop,
                Deadlines(loop, self._clock),
                response_idle_seconds=self._settings.timeouts.response_idle_seconds,
            )
        return self._endpoints

    async def _end(self) -> None:
        if self._endpoints is not None:
            self._endpoints.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)


async def _driven(work: Coroutine[Any, None, T]) -> T:
    """Await, in a task, a coroutine that waits in the data plane's way."""
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def succeed(value: T) -> None:
        if not outcome.done():
            outcome.set_result(value)

    def fail(error: BaseException) -> None:
        if not outcome.done():
            outcome.set_exception(error)

    drive = Drive(work, succeed, fail)
    drive.step()
    try:
        return await outcome
    finally:
        drive.close()
