"""The worker process: `python -m gateway.worker.main --boot FD`, started by the supervisor."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import uvloop

from gateway.clock import Clock, SystemClock
from gateway.errors import ConfigurationError
from gateway.inheritance import Inherited, accept_signals, take_over
from gateway.release.disk import ReleaseStore
from gateway.release.parts import digests_of
from gateway.scheduling import take_turns
from gateway.server.tasks import spawn
from gateway.snapshot.api_keys import KeyTables
from gateway.snapshot.compiled import Snapshot
from gateway.telemetry import logs
from gateway.telemetry.log_sink import LogSink
from gateway.telemetry.metrics import Cell, WorkerMetrics, segment_of
from gateway.throttle import BucketTable
from gateway.throttle.usage_table import UsageTable
from gateway.worker.applier import GC_THRESHOLDS, Applier
from gateway.worker.data_plane import DataPlane
from gateway.worker.release_client import ReleaseClient
from gateway.worker.shelf import PartShelf

_log = logging.getLogger(__name__)

CONTROL_SECONDS: Final = 10.0
"""How long a new gateway's workers wait for control before they serve the last good release."""

CURRENT_SECONDS: Final = 0.25
"""How long a worker that begins from disk waits for control's word: disk may be a release behind,
which a mutation that was answered must not be."""

HEARTBEAT_SECONDS: Final = 1.0
REST_SECONDS: Final = 0.005
"""Between a release that is served and telling control. A worker that has just had more of a shared
processor than its due would have to wait until control, woken, has done with what it is told."""

LAST_ACCEPT_SECONDS: Final = 0.01
"""Time to accept who connected before the socket is closed: closing resets what still waits."""

DRAIN_CHECK_SECONDS: Final = 0.02


class Worker:
    """One worker's life: get a release, listen, take releases, drain, end."""

    def __init__(self, inherited: Inherited, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        boot, settings = inherited.boot, inherited.settings
        self._inherited = inherited
        self._settings = settings
        self._clock = clock
        tables = boot["payload"]["tables"]
        segment = segment_of(inherited.table("metrics"), boot["worker"], tables["blocks"])
        self._metrics = WorkerMetrics(segment)
        self._logs = LogSink(
            settings.data,
            flush_bytes=settings.access_log.flush_bytes,
            on_dropped=lambda count: self._metrics.add(Cell.LOG_LINES_DROPPED, count),
        )
        self._data_plane = DataPlane(
            settings,
            buckets=BucketTable(
                inherited.table("buckets"), tables["buckets"], boot["workers"], boot["worker"]
            ),
            keys=KeyTables(
                buckets=BucketTable(
                    inherited.table("key_buckets"),
                    tables["key_buckets"],
                    boot["workers"],
                    boot["worker"],
                ),
                usage=UsageTable(inherited.table("usage"), tables["usage"], boot["workers"]),
            ),
            metrics=self._metrics,
            logs=self._logs,
            clock=clock,
            loop=loop,
        )
        self._shelf = PartShelf()
        self._applier = Applier(
            cell=None,
            shelf=self._shelf,
            compiler=self._data_plane,
            clock=clock,
            on_applied=self._on_applied,
            on_settled=self._on_settled,
            on_refused=self._on_refused,
        )
        self._client = ReleaseClient(inherited.release_address, self._shelf, self, self._hello)
        self._told_revision = 0
        """Of the release that control sent last."""
        self._is_current = asyncio.Event()
        """Set once a release that control sent is served, or refused."""
        self._compile_seconds = 0.0
        self._has_release = asyncio.Event()
        self._stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._logs.reopen)

    def __repr__(self) -> str:
        return f"<Worker {self._inherited.boot['worker']}, {self._data_plane!r}>"

    async def run(self) -> None:
        """Serve until SIGTERM."""
        self._metrics.begin(self._clock.epoch())
        self._beat()
        tasks = [
            spawn(_repeat(self._beat, HEARTBEAT_SECONDS), "heartbeat"),
            spawn(_repeat(self._logs.flush, self._settings.access_log.flush_seconds), "flush logs"),
        ]
        # At once when this run made it: control has nothing newer, or will send it.
        self._start_from_disk(run=self._inherited.boot["run"])
        tasks.append(spawn(self._client.run(), "release client"))
        if await self._obtain_release():
            await self._listen()
            await self._stop.wait()
            await self._drain()
        for task in tasks:
            task.cancel()
        self._data_plane.close()
        self._logs.close()

    def offer(self, revision: int, digests: Mapping[str, str]) -> None:
        """Take a release that control sent; see `Applier.offer`."""
        self._told_revision = revision
        self._applier.offer(revision, digests)

    async def _obtain_release(self) -> bool:
        """Wait for a release to serve; return False when the worker is to stop instead."""
        if not await _first(CONTROL_SECONDS, self._has_release, self._stop):
            _log.warning("control is late: serving the last good release, if there is one")
            self._start_from_disk(run=None)
            await _first(None, self._has_release, self._stop)
        else:
            await _first(CURRENT_SECONDS, self._is_current, self._stop)
        return not self._stop.is_set()

    def _start_from_disk(self, run: str | None) -> None:
        stored = ReleaseStore(self._settings.data / "release").load()
        if stored is None or run not in {None, stored.run}:
            return
        try:
            for part in stored.parts.values():
                self._shelf.put(part)
            self._applier.offer(stored.revision, digests_of(stored.parts))
        except ConfigurationError as error:
            _log.warning("the last good release on disk is not usable: %s", error)
            self._shelf.clear()

    async def _listen(self) -> None:
        cell = self._applier.cell
        gc.enable()
        if cell is not None:
            await self._data_plane.listen(
                self._inherited.listening(), cell, self._inherited.listening_tls()
            )
            self._acknowledge(cell.current)

    async def _drain(self) -> None:
        """Let every request in hand be answered, for as long as the settings allow."""
        self._client.tell("draining")
        await asyncio.sleep(LAST_ACCEPT_SECONDS)
        self._data_plane.stop_listening()
        deadline = self._clock.now() + self._settings.timeouts.drain_seconds
        # Looked at, not told: telling would cost each connection that ends at any other time.
        while self._data_plane.connections and self._clock.now() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_CHECK_SECONDS)
        if self._data_plane.connections:
            _log.warning("%d connections were cut off", self._data_plane.connections)

    def _hello(self) -> Mapping[str, object]:
        cell = self._applier.cell
        is_serving = cell is not None and self._data_plane.is_listening
        return {
            "worker": self._inherited.boot["worker"],
            "pid": os.getpid(),
            "revision": cell.current.revision if cell is not None and is_serving else 0,
            "digest": cell.current.digest if cell is not None and is_serving else "",
        }

    def _on_applied(self, snapshot: Snapshot, seconds: float) -> None:
        # In the same turn of the loop as the snapshot: what a domain asks of its connections and
        # what it asks of their requests change together.
        self._data_plane.applied()
        self._compile_seconds = seconds
        self._metrics.add(Cell.RELEASES_APPLIED)
        self._metrics.set(Cell.REVISION, snapshot.revision)
        self._metrics.set(Cell.COMPILE_SECONDS, seconds)
        self._has_release.set()
        self._note_current(snapshot.revision)

    def _on_settled(self, snapshot: Snapshot) -> None:
        asyncio.get_running_loop().call_later(REST_SECONDS, self._tell, snapshot)

    def _tell(self, snapshot: Snapshot) -> None:
        """Say that a release is served."""
        if self._data_plane.is_listening:
            self._acknowledge(snapshot)
        # In a turn of the loop of its own: as long as three requests.
        milliseconds = self._compile_seconds * 1e3
        asyncio.get_running_loop().call_soon(
            _log.info, "release %d is compiled, in %.0f ms", snapshot.revision, milliseconds
        )

    def _acknowledge(self, snapshot: Snapshot) -> None:
        self._client.tell(
            "ack",
            revision=snapshot.revision,
            digest=snapshot.digest,
            compileSeconds=self._compile_seconds,
        )

    def _on_refused(self, revision: int, digest: str, problems: list[str]) -> None:
        self._metrics.add(Cell.RELEASES_REFUSED)
        self._client.tell("nack", revision=revision, digest=digest, problems=problems)
        self._note_current(revision)

    def _note_current(self, revision: int) -> None:
        if revision == self._told_revision:
            self._is_current.set()

    def _beat(self) -> None:
        self._metrics.beat(self._clock.now())
        self._data_plane.observe()


async def _repeat(action: Callable[[], None], seconds: float) -> None:
    """Call `action` again and again; one that fails is told once, until it succeeds again."""
    is_failing = False
    while True:
        await asyncio.sleep(seconds)
        try:
            action()
            is_failing = False
        except Exception:  # noqa: BLE001 (whatever it is, the next time may go well)
            if not is_failing:
                _log.exception("%r failed: a bug; it is tried again", action)
            is_failing = True


async def _first(timeout_seconds: float | None, *events: asyncio.Event) -> bool:
    """Wait until one of the events is set; return False when time is up before."""
    waiting = [spawn(event.wait(), "wait for an event") for event in events]
    done, _ = await asyncio.wait(
        waiting, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED
    )
    for task in waiting:
        task.cancel()
    return bool(done)


async def serve(inherited: Inherited) -> None:
    """Run a worker on this loop."""
    worker = Worker(inherited, asyncio.get_running_loop(), SystemClock())
    accept_signals()
    await worker.run()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM; return the exit code."""
    inherited = take_over(arguments)
    logs.set_up(f"worker-{inherited.boot['worker']}")
    take_turns(inherited.boot["workers"])
    gc.set_threshold(*GC_THRESHOLDS)
    # Until it listens: what a worker makes before that, it keeps. See `Worker._listen`.
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(inherited))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
