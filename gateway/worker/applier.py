"""Turns the releases that a worker is offered into the snapshot that it serves."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Final, Protocol

from gateway.clock import Clock
from gateway.errors import ConfigurationError
from gateway.release import Release
from gateway.release.recorded import RecordedDeployment
from gateway.server.tasks import spawn
from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.compiled import CompiledDeployment, Snapshot
from gateway.snapshot.retire import retire
from gateway.worker.shelf import Held, PartShelf, digest_of_held, join
from gateway.worker.slicing import IDLE_SLICE_SECONDS, SLICE_SECONDS, in_slices

_log = logging.getLogger(__name__)


class Compiler(Protocol):
    """Makes compiled forms; its generators yield often."""

    def empty(self) -> Snapshot:
        """Return the snapshot of a release that serves nothing."""
        ...

    def compile_deployment(
        self, recorded: RecordedDeployment, earlier: CompiledDeployment | None
    ) -> Generator[None, None, CompiledDeployment]:
        """Compile a deployment; `earlier` is another one of its API, or None.

        Raises:
            ConfigurationError: there cannot be such a deployment.
        """
        ...

    def compile_release(
        self, release: Release, previous: Snapshot
    ) -> Generator[None, None, Snapshot]:
        """Compile a release, all of whose deployments `previous` holds."""
        ...


Applied = Callable[[Snapshot, float], None]
"""Called with what is served from now on, and the seconds of work that it took."""

Settled = Callable[[Snapshot], None]
"""Called with what is served, once nothing more is done for it."""

Refused = Callable[[int, str, list[str]], None]
"""Called with revision and digest of a release that is not served, and why."""

GC_THRESHOLDS: Final = (5_000, 1_000, 1_000)
"""For a worker's garbage collector. Young collections are rarer than CPython's 700: nearly all
that a request allocates is freed by reference counts."""

_COMPILING_THRESHOLDS: Final = (300, 1_000_000)
"""For the two younger generations while a release is compiled, all of which is young and stays. One
of 300 objects takes less than a slice of work, and moves them where they are not looked at again;
one of 5,000 would hold the loop for 0.6 to 2 ms."""

_MUCH_WORK_SECONDS: Final = 0.05
"""Reading some ten thousand methods."""

_malloc_trim: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of glibc; other C libraries have none."""


class Applier:
    """Compiles one release at a time; of those that come meanwhile, only the last. One writer."""

    def __init__(
        self,
        *,
        cell: SnapshotCell | None,
        shelf: PartShelf,
        compiler: Compiler,
        clock: Clock,
        on_applied: Applied,
        on_settled: Settled,
        on_refused: Refused,
    ) -> None:
        self.cell = cell
        """None until the first release is compiled."""
        self._shelf = shelf
        self._compiler = compiler
        self._compiled: dict[str, CompiledDeployment] = {}
        """Deployments of the parts on the shelf, by id, as far as they are compiled."""
        self._newest: dict[str, str] = {}
        """API id to the id of its deployment that was compiled last."""
        self._now = clock.now
        self._on_applied = on_applied
        self._on_settled = on_settled
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
                try:
                    await self._apply(revision, held)
                except Exception:  # noqa: BLE001 (a bug must not keep the next release from coming)
                    _log.exception("release %d is not told of as served: a bug", revision)
        finally:
            self._is_working = False

    async def _apply(self, revision: int, held: Mapping[str, Held]) -> None:
        slice_seconds = IDLE_SLICE_SECONDS if self.cell is None else SLICE_SECONDS
        try:
            with collecting_little():
                snapshot, seconds = await in_slices(
                    self._steps(revision, held), self._now, slice_seconds
                )
        except ConfigurationError as error:
            problems = [str(problem) for problem in error.problems]
            _log.error("release %d is not served: %s", revision, "; ".join(problems))
            self._on_refused(revision, digest_of_held(held), problems)
        except Exception:  # noqa: BLE001 (a bug in compiling must not take down what is served)
            _log.exception("release %d is not served: a bug", revision)
            reason = "the release could not be compiled; see the worker's log"
            self._on_refused(revision, digest_of_held(held), [reason])
        else:
            await self._swap(snapshot, seconds)

    async def _swap(self, snapshot: Snapshot, seconds: float) -> None:
        """Serve a snapshot; the one before is freed between requests."""
        if self.cell is None:
            self.cell = SnapshotCell(snapshot)
            # Nobody collected until now, and looking at everything that was made would take as
            # long as a third of making it.
            gc.freeze()
            self._on_applied(snapshot, seconds)
        else:
            freeing = retire(self.cell.current, snapshot)
            self.cell.current = snapshot
            self._on_applied(snapshot, seconds)
            await in_slices(freeing, self._now)
            spare(seconds)
        give_back(seconds)
        self._on_settled(snapshot)

    def _steps(self, revision: int, held: Mapping[str, Held]) -> Generator[None, None, Snapshot]:
        """Compile each deployment as soon as it is read, then bind stages to them."""
        release = yield from join(revision, held, self._absorb)
        served = self._compiler.empty() if self.cell is None else self.cell.current
        self._compiled = {id_: self._compiled[id_] for id_ in release.deployments}
        self._newest = {each.api_id: id_ for id_, each in release.deployments.items()}
        previous = replace(served, deployments=self._compiled)
        return (yield from self._compiler.compile_release(release, previous))

    def _absorb(self, recorded: RecordedDeployment) -> Generator[None, None, None]:
        # Sent again after a broken connection: its id stands for its content.
        id_, api_id = recorded.deployment.id, recorded.deployment.api_id
        if id_ not in self._compiled:
            earlier = self._compiled.get(self._newest.get(api_id, ""))
            compiled = yield from self._compiler.compile_deployment(recorded, earlier)
            self._compiled[id_] = compiled
            self._newest[api_id] = id_


def give_back(seconds: float) -> None:
    """Return freed memory to the system after much work: decoding and the snapshot before left it.

    It takes about a millisecond for each 10 MB, so that small changes go without.
    """
    if seconds >= _MUCH_WORK_SECONDS and _malloc_trim is not None:
        _malloc_trim(0)


@contextlib.contextmanager
def collecting_little() -> Iterator[None]:
    """Let the garbage collector look at little at a time while the body runs."""
    before = gc.get_threshold()
    gc.set_threshold(*_COMPILING_THRESHOLDS, before[2])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def spare(seconds: float) -> None:
    """Spare the garbage collector what took much work: it lives long, reference counts free it.

    What was little is left to it: the middle generation, where it is, has its turn rarely. The
    youngest are collected first, in the same turn of the loop, so that garbage of requests is not
    frozen, for ever; looking at all that was compiled would hold the loop for long.
    """
    if seconds >= _MUCH_WORK_SECONDS:
        gc.collect(0)
        gc.freeze()
