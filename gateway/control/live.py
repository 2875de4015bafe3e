"""Keeps what is served in step with the store, and shows in the store what files define.

A mutation that changes what is served is published with whatever else is waiting: one release for
all of it. The mutation's answer waits for the workers, at most 250 ms.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.configuration.loaded import Loaded
from gateway.control.mirror import mirror_files
from gateway.control.mirror_domains import mirror_domains
from gateway.control.publisher import Publisher
from gateway.control.room import Room
from gateway.definitions.domain import DomainName
from gateway.server.tasks import spawn
from gateway.snapshot.check import problems_of_domain_features
from gateway.store.served import ServedApi, served_api_ids, served_apis, served_domains
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes, Transaction

_log = logging.getLogger(__name__)

RETRIES: Final = 100
"""APIs that found no room and are tried again with one change; those that waited longest first."""

Stored = Mapping[str, ServedApi | None]
"""What the store serves, by API."""

WAIT_SECONDS: Final = 0.25
"""How long a mutation's answer waits until what it changed is served."""


class Live:
    """The bridge between the store and the publisher. One writer: the control process's loop."""

    def __init__(self, store: StoreThread, publisher: Publisher, room: Room) -> None:
        self._store = store
        self._room = room
        self._publisher = publisher
        self._waiting = Changes()
        self._published: asyncio.Task[None] | None = None
        """The publication that takes what waits, once the one before it is done."""
        self._current: asyncio.Task[None] | None = None
        self._is_begun = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Live {self._waiting} waiting>"

    async def start(self) -> None:
        """Hand over everything that the store holds; the first reload releases it."""
        known = self._publisher.known_deployments()

        def look(transaction: Transaction) -> tuple[Stored, tuple[DomainName, ...]]:
            self._room.count(transaction)
            return (
                served_apis(transaction, served_api_ids(transaction), known),
                served_domains(transaction),
            )

        stored, domains = await self._store.read(look)
        await self._publisher.hold_stored(stored, domains)
        _tell_of_refused(domains)

    def begin(self) -> None:
        """Publish from now on: the first reload has released files and store together."""
        self._is_begun.set()

    async def publish(self, changes: Changes) -> None:
        """Publish what a transaction changed; return once it is served, or after 250 ms."""
        self._waiting.update(changes)
        if self._published is None:
            self._published = spawn(self._publish(self._current), "publish stored")
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.shield(self._published)
        except TimeoutError:
            _log.info("a mutation was answered before every worker served it")

    async def show_files(self, loaded: Loaded) -> None:
        """Show in the store, read-only, what the files define that are served now."""
        files = self._publisher.release.files
        apis = {api_id: api for api_id, api in loaded.apis.items() if api_id in files}
        kept = frozenset(files)
        domains = self._publisher.file_domains

        def mirror(transaction: Transaction) -> None:
            mirror_files(transaction, apis, kept)
            mirror_domains(transaction, domains)

        outcome = await self._store.run(mirror, is_mutation=True)
        if outcome.changes:
            await self.publish(outcome.changes)

    async def _publish(self, before: asyncio.Task[None] | None) -> None:
        await self._is_begun.wait()
        if before is not None:
            await asyncio.wait([before])
        self._current, self._published = self._published, None
        changes, self._waiting = self._waiting, Changes()
        try:
            await self._hand_over(changes)
            # There may be room now for what found none before, or for some of these without others.
            tried = changes.apis if len(changes.apis) == 1 else set[str]()
            left = [each for each in self._publisher.state.unserved if each not in tried]
            for api_id in left[:RETRIES]:
                await self._hand_over(Changes({api_id}))
        except Exception:  # noqa: BLE001 (what is committed stays; the next publication has it)
            _log.exception("what the store holds could not be published")

    async def _hand_over(self, changes: Changes) -> None:
        known = self._publisher.known_deployments()
        stored, domains = await self._store.read(
            lambda transaction: (
                served_apis(transaction, sorted(changes.apis), known),
                served_domains(transaction) if changes.are_domains_changed else None,
            )
        )
        if domains is not None:
            _tell_of_refused(domains)
        await self._publisher.publish_stored(stored, domains)


def _tell_of_refused(domains: Iterable[DomainName]) -> None:
    for domain in domains:
        for problem in problems_of_domain_features(domain):
            _log.warning("%s", problem)
