"""Keeps what is served in step with the store, and shows in the store what files define.

A mutation that changes what is served is published with whatever else is waiting: one release for
all of it. The mutation's answer waits for the workers, at most `control.acknowledge_seconds`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gateway.configuration.loaded import Loaded
from gateway.control.deployed_problems import DeployedProblems
from gateway.control.mirror import mirror_files
from gateway.control.mirror_domains import mirror_domains
from gateway.control.mirror_usage import mirror_usage
from gateway.control.publisher import Publisher
from gateway.control.room import Room
from gateway.control.stored_reading import StoredReading, as_it_was, read_apis
from gateway.control.usage_keeper import UsageKeeper
from gateway.server.tasks import spawn
from gateway.store.account_wide import account_wide
from gateway.store.served import ServedApi, served_api_ids
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes, Transaction

_log = logging.getLogger(__name__)

_ALL_WIDE: Final = Changes(
    is_usage_changed=True, are_domains_changed=True, are_connections_changed=True
)
"""Everything that belongs to no one API."""

WAITING_MAX: Final = 128
"""Answers that wait as long as the settings say: half of the connections that the control port has,
so that a worker that hangs leaves room for whoever asks after health."""

CROWDED_SECONDS: Final = 0.25
"""What the answers beyond them wait at most."""

RETRIES: Final = 100
"""APIs that found no room and are tried again with one change; those that waited longest first."""

RETRY_SECONDS: Final = 1.0
"""Pause after a publication that failed; twice as long after the next."""
RETRY_SECONDS_MAX: Final = 60.0


class Live:
    """The bridge between the store and the publisher. One writer: the control process's loop."""

    def __init__(
        self,
        store: StoreThread,
        publisher: Publisher,
        keeper: UsageKeeper,
        room: Room,
        deployed: DeployedProblems,
        *,
        wait_seconds: float,
    ) -> None:
        """Begin with nothing published."""
        self.wait_seconds = wait_seconds
        """How long a mutation's answer waits until what it changed is served."""
        self._answers_waiting = 0
        self._store = store
        self._publisher = publisher
        self._room = room
        self._deployed = deployed
        self._failures = 0
        """Publications that failed, one after the other."""
        self._retrying: asyncio.TimerHandle | None = None
        self._keeper = keeper
        self._held: Mapping[str, ServedApi | None] = {}
        """What was held at the start, until the first reload has released it."""
        self._waiting = Changes()
        self._published: asyncio.Task[Changes] | None = None
        """The publication that takes what waits, once the one before it is done."""
        self._current: asyncio.Task[Changes] | None = None
        self._released = Changes()
        """What the current publication has put into a release that was sent."""
        self._is_begun = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Live {self._waiting} waiting>"

    async def start(self) -> None:
        """Hand over everything that the store holds; the first reload releases it.

        What cannot be read stays as it was last good. That holds for the whole store, too: it is
        then tried again, while files are served.
        """
        try:
            await self._hand_over()
        except Exception:  # noqa: BLE001 (files must be served whatever is wrong with the store)
            self._start_later()

    def _start_later(self) -> None:
        pause = self._pause()
        _log.exception("the store cannot be read; trying again in %g s", pause)
        loop = asyncio.get_running_loop()
        loop.call_later(pause, lambda: spawn(self._start_again(), "read the store"))

    async def _start_again(self) -> None:
        try:
            api_ids = await self._store.read(self._counted_ids, is_bounded=False)
        except Exception:  # noqa: BLE001 (as above)
            self._start_later()
            return
        self._failures = 0
        release = self._publisher.release
        known = release.stages.keys() - release.files.keys()
        await self.publish(replace(_ALL_WIDE, apis={*api_ids, *known}))

    def _counted_ids(self, transaction: Transaction) -> list[str]:
        self._room.count(transaction)
        return served_api_ids(transaction)

    async def _hand_over(self) -> None:
        known = self._publisher.known_deployments()
        reading, wide = await self._store.read(
            lambda transaction: (
                read_apis(transaction, self._counted_ids(transaction), known),
                account_wide(transaction, _ALL_WIDE),
            ),
            is_bounded=False,
        )
        kept = as_it_was(self._publisher.release, reading.problems)
        self._held = {**reading.apis, **kept}
        await self._publisher.hold_stored(self._held, wide)
        self._note(reading)
        self._deployed.note_domains(wide.domains or ())

    def begin(self) -> None:
        """Publish from now on: the first reload has released files and store together."""
        self._is_begun.set()
        self._deployed.note_apis(self._held)
        self._held = {}

    async def publish(self, changes: Changes) -> bool:
        """Publish what a transaction changed; return once it is served, or time is up.

        False: the current release does not hold it; it is published later.
        """
        self._waiting.update(changes)
        published = self._begin_publication()
        failed = Changes()
        seconds = self.wait_seconds
        if self._answers_waiting >= WAITING_MAX:
            seconds = min(seconds, CROWDED_SECONDS)
        self._answers_waiting += 1
        try:
            async with asyncio.timeout(seconds):
                failed = await asyncio.shield(published)
        except TimeoutError:
            _log.info("a mutation was answered before every worker served it")
            if published is not self._current or not _holds(self._released, changes):
                return False
        finally:
            self._answers_waiting -= 1
        return not _overlap(changes, failed) and not any(
            api_id in self._publisher.unserved for api_id in changes.apis
        )

    async def show_files(self, loaded: Loaded) -> None:
        """Show in the store, read-only, what the files define that are served now.

        What they left no room for is tried again: they may have made some.
        """
        files = self._publisher.release.files
        apis = {api_id: api for api_id, api in loaded.apis.items() if api_id in files}
        kept = frozenset(files)
        domains = self._publisher.file_domains
        usage = loaded.usage

        def mirror(transaction: Transaction) -> None:
            mirror_files(transaction, apis, kept)
            mirror_domains(transaction, domains)
            if usage is not None:
                mirror_usage(transaction, usage)

        outcome = await self._store.run(mirror, is_mutation=True)
        changes = Changes(set(self._publisher.unserved.lacking_room))
        changes.update(outcome.changes or Changes())
        if changes:
            await self.publish(changes)

    def _begin_publication(self) -> asyncio.Task[Changes]:
        """Return the publication that takes what waits; its result is what failed."""
        if self._published is None:
            self._published = spawn(self._publish(self._current), "publish stored")
        return self._published

    async def _publish(self, before: asyncio.Task[Changes] | None) -> Changes:
        await self._is_begun.wait()
        if before is not None:
            await asyncio.wait([before])
        self._current, self._published = self._published, None
        changes, self._waiting = self._waiting, Changes()
        self._released = Changes()
        # After a failure each by itself, so that one that fails again takes no other along.
        pieces = _pieces(changes) if self._failures else [changes]
        failed = await self._publish_each(pieces)
        failed.update(await self._publish_each(self._second_tries(pieces)))
        if failed:
            self._waiting.update(failed)
            for api_id in failed.apis:
                self._publisher.unserved.note(api_id, ["cannot be published: see the log"])
            self._retry()
        else:
            self._failures = 0
        return failed

    async def _publish_each(self, pieces: Iterable[Changes]) -> Changes:
        """Publish one after the other; return what failed."""
        failed = Changes()
        for piece in pieces:
            try:
                await self._publish_now(piece)
            except Exception:  # noqa: BLE001 (what is committed stays, and must be served some day)
                _log.exception("what the store holds could not be published: %s", piece)
                failed.update(piece)
        return failed

    def _second_tries(self, tried: Iterable[Changes]) -> list[Changes]:
        """Return what found no room before, or not together with others: there may be now."""
        lacking = self._publisher.unserved.lacking_room
        alone = {api_id for piece in tried if len(piece.apis) == 1 for api_id in piece.apis}
        again = [Changes({api_id}) for api_id in lacking if api_id not in alone][:RETRIES]
        # What came with them was not released either.
        for piece in tried:
            wide = replace(piece, apis=set(), flushes=set())
            if wide and piece.apis.intersection(lacking):
                again.append(wide)
        return again

    async def _publish_now(self, changes: Changes) -> None:
        known = self._publisher.known_deployments()
        reading, wide = await self._store.read(
            lambda transaction: (
                read_apis(transaction, sorted(changes.apis), known),
                account_wide(transaction, changes),
            ),
            # However much waits: it waits for this.
            is_bounded=False,
        )
        if wide.domains is not None:
            self._deployed.note_domains(wide.domains)
        held = replace(changes, apis=changes.apis - reading.problems.keys(), flushes=set())
        await self._publisher.publish_stored(
            reading.apis, wide, lambda: self._released.update(held)
        )
        if not reading.apis.keys() & set(self._publisher.unserved.lacking_room):
            self._released.update(held)
        if changes.flushes:
            flushed = Changes(flushes=changes.flushes)
            await self._publisher.flush(changes.flushes, lambda: self._released.update(flushed))
            self._released.update(flushed)
        if wide.usage is not None:
            # Grants are in no release.
            await self._keeper.refresh()
        self._note(reading)
        unserved = self._publisher.unserved
        self._deployed.note_apis(
            {api_id: api for api_id, api in reading.apis.items() if api_id not in unserved}
        )

    def _note(self, reading: StoredReading) -> None:
        for api_id, problem in reading.problems.items():
            self._publisher.unserved.note(api_id, [problem])

    def _retry(self) -> None:
        """Publish again what waits, after a pause, unless something else comes before."""
        pause = self._pause()
        if self._retrying is not None:
            self._retrying.cancel()
        loop = asyncio.get_running_loop()
        self._retrying = loop.call_later(pause, self._begin_publication)
        _log.error("publishing again in %g s what waits", pause)

    def _pause(self) -> float:
        """Count a failure, and return for how long to wait: longer each time."""
        self._failures += 1
        return float(min(RETRY_SECONDS * 2 ** min(self._failures - 1, 10), RETRY_SECONDS_MAX))


def _pieces(changes: Changes) -> list[Changes]:
    """Return changes apart: each API, then every other kind."""
    pieces = [Changes({api_id}) for api_id in sorted(changes.apis)]
    pieces.append(Changes(are_domains_changed=changes.are_domains_changed))
    pieces.append(Changes(is_usage_changed=changes.is_usage_changed))
    pieces.append(Changes(are_connections_changed=changes.are_connections_changed))
    pieces.append(Changes(flushes=changes.flushes))
    return [piece for piece in pieces if piece]


def _holds(all_: Changes, some: Changes) -> bool:
    """Whether `all_` tells of everything that `some` tells of."""
    return (
        some.apis <= all_.apis
        and some.flushes <= all_.flushes
        and some.is_usage_changed <= all_.is_usage_changed
        and some.are_domains_changed <= all_.are_domains_changed
        and some.are_connections_changed <= all_.are_connections_changed
    )


def _overlap(one: Changes, other: Changes) -> bool:
    """Whether both change the same, for all that they tell."""
    return (
        bool(one.apis & other.apis or one.flushes & other.flushes)
        or (one.are_domains_changed and other.are_domains_changed)
        or (one.is_usage_changed and other.is_usage_changed)
        or (one.are_connections_changed and other.are_connections_changed)
    )
