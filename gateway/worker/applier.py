"""Turns the releases that a worker is offered into the snapshot that it serves."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Generator, Mapping
from typing import Final

from gateway.clock import Clock
from gateway.errors import ConfigurationError
from gateway.release import Release
from gateway.server.tasks import spawn
from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.compiled import Snapshot
from gateway.worker.shelf import Held, PartShelf, digest_of_held, join
from gateway.worker.slicing import in_slices

_log = logging.getLogger(__name__)

Compile = Callable[[Release, Snapshot | None], Generator[None, None, Snapshot]]
"""Release and the snapshot before it to the next snapshot; yields often."""

Applied = Callable[[Snapshot, float], None]
"""Called with what is served now, and the seconds of work that it took."""

Refused = Callable[[int, str, list[str]], None]
"""Called with revision and digest of a release that is not served, and why."""

GC_THRESHOLDS: Final = (10_000, 5, 1_000)
"""Young collections are rarer than CPython's 700: most of what a request allocates is freed by
reference counts, and each collection costs in latency. Old ones find little: see `settle`."""


class Applier:
    """Compiles one release at a time; of those that come meanwhile, only the last. One writer."""

    def __init__(
        self,
        *,
        cell: SnapshotCell | None,
        shelf: PartShelf,
        compile_: Compile,
        clock: Clock,
        on_applied: Applied,
        on_refused: Refused,
    ) -> None:
        self.cell = cell
        """None until the first release is compiled."""
        self._shelf = shelf
        self._compile = compile_
        self._now = clock.now
        self._on_applied = on_applied
        self._on_refused = on_refused
        self._next: tuple[int, dict[str, Held]] | None = None
        self._is_working = False
        self._working: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "compiling" if self._is_working else "idle"
        return f"<Applier {state}, {self.cell!r}>"

    def offer(self, revision: int, digests: Mapping[str, str]) -> None:
        """Compile and serve a release, whose parts are on the shelf, as soon as possible.

        Raises:
            ConfigurationError: a part is missing.
        """
        self._next = revision, self._shelf.select(digests)
        if not self._is_working:
            self._is_working = True
            self._working = spawn(self._work(), "apply release")

    async def _work(self) -> None:
        try:
            while self._next is not None:
                (revision, held), self._next = self._next, None
                await self._apply(revision, held)
        finally:
            self._is_working = False

    async def _apply(self, revision: int, held: Mapping[str, Held]) -> None:
        try:
            snapshot, seconds = await in_slices(self._steps(revision, held), self._now)
        except ConfigurationError as error:
            problems = [str(problem) for problem in error.problems]
            _log.error("release %d is not served: %s", revision, "; ".join(problems))
            self._on_refused(revision, digest_of_held(held), problems)
        except Exception:  # noqa: BLE001 (a bug in compiling must not take down what is served)
            _log.exception("release %d is not served: a bug", revision)
            reason = "the release could not be compiled; see the worker's log"
            self._on_refused(revision, digest_of_held(held), [reason])
        else:
            if self.cell is None:
                self.cell = SnapshotCell(snapshot)
            else:
                self.cell.current = snapshot
            self._shelf.lighten(snapshot.deployments)
            settle()
            self._on_applied(snapshot, seconds)

    def _steps(self, revision: int, held: Mapping[str, Held]) -> Generator[None, None, Snapshot]:
        release = yield from join(revision, held)
        previous = None if self.cell is None else self.cell.current
        return (yield from self._compile(release, previous))


def settle() -> None:
    """Spare the garbage collector the snapshot: it lives long, and reference counts free it.

    Collecting the young first keeps garbage in cycles from being frozen with the rest; what is old
    is not looked at, for that would hold the loop for the length of everything that is served.
    """
    gc.collect(1)
    gc.freeze()
