"""The store's one thread: the event loop hands work over and awaits it, and never blocks."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from gateway.errors import too_many_requests
from gateway.store.database import Outcome, Store, Work

_log = logging.getLogger(__name__)

WAITING: Final = 1024
"""Pieces of work that may wait; more are refused with TooManyRequestsException."""

BATCH: Final = 64
"""Pieces of work that share one commit."""

_Job = tuple[Work, bool, "Future[Outcome]"]


class StoreThread:
    """Runs work on a store, in the order of its coming."""

    def __init__(
        self, open_store: Callable[[], Store], on_lost: Callable[[], None] | None = None
    ) -> None:
        """Open the store on its thread.

        `on_lost` is called there when no more work can be done; None: the process ends, for
        whoever asked would wait in vain, and the supervisor starts it anew.

        Raises:
            ConfigurationError: as `Store`.
        """
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._opened: Future[None] = Future()
        self._open_store = open_store
        self._on_lost = on_lost or _end_process
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()
        self._opened.result()

    def __repr__(self) -> str:
        return f"<StoreThread {self._jobs.qsize()} waiting>"

    def submit(self, work: Work, *, is_mutation: bool, is_bounded: bool = True) -> Future[Outcome]:
        """Hand over a piece of work; its outcome comes once it is durable.

        What is not bounded is never refused: for what must happen, and is one at a time by itself.

        Raises:
            ControlError: (TooManyRequestsException) too much is waiting.
        """
        if is_bounded and self._jobs.qsize() >= WAITING:
            raise too_many_requests("Too Many Requests: the store is busy, try again later")
        outcome: Future[Outcome] = Future()
        self._jobs.put((work, is_mutation, outcome))
        return outcome

    async def run(
        self, work: Work, *, is_mutation: bool = False, is_bounded: bool = True
    ) -> Outcome:
        """Await a piece of work; raise what it raised.

        It is done even if whoever awaits it is cancelled: a mutation is never half known.
        """
        outcome = await asyncio.shield(
            asyncio.wrap_future(self.submit(work, is_mutation=is_mutation, is_bounded=is_bounded))
        )
        if outcome.error is not None:
            raise outcome.error
        return outcome

    async def read(self, work: Work, *, is_bounded: bool = True) -> Any:
        """Await a piece of work that writes nothing, and return its value."""
        return (await self.run(work, is_bounded=is_bounded)).value

    def close(self) -> None:
        """Finish what is waiting, and close the store."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            store = self._open_store()
        except BaseException as error:  # noqa: BLE001 (handed to the thread that waits for it)
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        is_open = True
        while is_open:
            jobs: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) == BATCH:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            else:
                is_open = False
            self._do(store, jobs)
        store.close()

    def _do(self, store: Store, jobs: list[_Job]) -> None:
        """Do a batch; whatever becomes of it, everybody who waits is told."""
        if not jobs:
            return
        _settle(jobs, _outcomes(store, jobs))
        if not store.is_usable():
            _log.critical("the store cannot be used any more")
            self._on_lost()


def _outcomes(store: Store, jobs: list[_Job]) -> list[Outcome]:
    try:
        return store.run_batch([(work, is_mutation) for work, is_mutation, _ in jobs])
    except BaseException as error:  # noqa: BLE001 (the thread goes on: others wait for it)
        _log.critical("the store's thread met what it does not know: a bug", exc_info=error)
        # Not the error itself, which may be one that ends an event loop.
        return [Outcome(error=RuntimeError(f"the store failed: {error!r}")) for _ in jobs]


def _settle(jobs: list[_Job], outcomes: list[Outcome]) -> None:
    for (_, _, future), outcome in zip(jobs, outcomes, strict=True):
        if not future.cancelled():
            future.set_result(outcome)


def _end_process() -> None:
    # No clean end: it would wait for this thread.
    os._exit(1)
