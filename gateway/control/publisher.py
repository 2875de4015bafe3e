"""Reloads: files → release → workers and disk. One at a time; requests for more coalesce."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from gateway.clock import Clock
from gateway.configuration.loaded import Loaded
from gateway.control.unserved import Unserved
from gateway.control.workers import WorkerLinks
from gateway.definitions.domain import DomainName
from gateway.errors import ConfigurationError, Problem
from gateway.release import Release
from gateway.release.disk import ReleaseStore
from gateway.release.parts import Part
from gateway.reload import Reloader, ReloadReport, differences
from gateway.server.tasks import spawn
from gateway.store.account_wide import NOTHING_WIDE, AccountWide
from gateway.store.served import ServedApi
from gateway.telemetry.exposition import Exposition

_log = logging.getLogger(__name__)

Load = Callable[[], Loaded]
"""Reads the files; slow, so called on the executor's thread."""

SAVE_SECONDS: Final = 10.0
"""How long a release waits to be written to disk until every worker serves it."""

CheckSettings = Callable[[], tuple[Problem, ...]]
"""Returns what is wrong with `gateway.toml`, or what a restart would change."""


Prepare = Callable[[Release], Awaitable[None]]
"""Makes shared memory ready for a release, before any worker gets it."""


@dataclass(slots=True)
class ReloadState:
    """The last reload and the count of all. Its one writer is the publisher."""

    succeeded: int = 0
    failed: int = 0
    epoch: float | None = None
    """When the last one was decided, seconds since 1970."""
    success_epoch: float | None = None
    seconds: float | None = None
    """From reading the files to the workers' acknowledgement."""
    reason: str = ""
    report: ReloadReport | None = None
    settings_problems: tuple[Problem, ...] = ()


class Publisher:
    """Owns the reloader; everything that changes what is served goes through it.

    `executor` has one thread, for reading files and writing the release; `scraping` one for the
    exposition, so that neither a long read nor a long scrape holds the loop or the other.
    """

    def __init__(
        self,
        *,
        reloader: Reloader,
        load: Load,
        check_settings: CheckSettings,
        links: WorkerLinks,
        store: ReleaseStore,
        run: str,
        exposition: Exposition,
        executor: Executor,
        scraping: Executor,
        clock: Clock,
        on_loaded: Callable[[Loaded], None],
        prepare: Prepare,
        acknowledge_seconds: float,
        on_released: Callable[[Release], None] = lambda _: None,
    ) -> None:
        self._reloader = reloader
        self._load = load
        self._check_settings = check_settings
        self._links = links
        self._store = store
        self._run = run
        self._exposition = exposition
        self._executor = executor
        self._scraping = scraping
        self._clock = clock
        self._on_loaded = on_loaded
        self._prepare = prepare
        self._acknowledge_seconds = acknowledge_seconds
        self._on_released = on_released
        self._turn = asyncio.Lock()
        self._is_waiting = False
        self._blocks: Mapping[str, int] | None = None
        """Metric slots as the exposition knows them."""
        self._saving: asyncio.Task[None] | None = None
        self._unsaved = 0
        """Revision that is to be written to disk after the one being written; 0: none."""
        self._is_previous_kept = False
        """Whether the release on disk is to be kept beside the one that replaces it."""
        self._published: int | None = None
        """Revision that was sent last."""
        self.state = ReloadState()
        self.unserved = Unserved()

    def __repr__(self) -> str:
        return f"<Publisher {self._reloader!r}>"

    @property
    def release(self) -> Release:
        """The current release."""
        return self._reloader.release

    def deployment_part(self, id_: str) -> Part | None:
        """Return a deployment of the current release by its id; None: it is not there."""
        return self._reloader.parts.get(f"deployment/{id_}")

    async def reload(self, reason: str, *, may_be_absent: bool = False) -> None:
        """Make a release of the files as they are now, publish it, and wait for the workers.

        While one waits for its turn already, it does nothing: that one reads the files later.
        """
        if self._is_waiting:
            return
        self._is_waiting = True
        async with self._turn:
            self._is_waiting = False
            try:
                await self._reload(reason, may_be_absent)
            except Exception:  # noqa: BLE001 (a bug must not end reloading: the next may succeed)
                _log.exception("the reload (%s) failed: a bug; what is served stays", reason)
                self._note(reason, self._failed(), self.state.settings_problems)

    @property
    def file_domains(self) -> tuple[DomainName, ...]:
        """The custom domain names of the current release that files define."""
        return self._reloader.file_domains

    async def hold_stored(
        self, stored: Mapping[str, ServedApi | None], wide: AccountWide = NOTHING_WIDE
    ) -> None:
        """Take over what the store holds, before the first reload releases it."""
        loop = asyncio.get_running_loop()
        hold = self._reloader.hold_all_stored
        await loop.run_in_executor(self._executor, hold, stored, wide)
        self._note_unfit(stored)

    def known_deployments(self) -> frozenset[str]:
        """Return the ids of the stored deployments that are held already."""
        return self._reloader.known_deployments()

    async def publish_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        wide: AccountWide = NOTHING_WIDE,
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        """Publish what the store says of some APIs now, and wait for the workers.

        What `wide` leaves out did not change. The release is written to disk later: the store has
        what it is made of. What cannot be served is noted in `unserved`, and stays as it was.
        `on_sent` is called when the current release holds all else, before the wait.
        """
        async with self._turn:
            self._reloader.outnumber(self._links.highest_revision)
            loop = asyncio.get_running_loop()
            try:
                is_changed = await loop.run_in_executor(
                    self._executor, self._reloader.apply_stored, stored, wide
                )
            except ConfigurationError as error:
                for api_id in stored:
                    self.unserved.note(api_id, map(str, error.problems), lacks_room=True)
                return
            self._note_unfit(stored)
            if wide.usage is not None:
                for problem in self._reloader.usage_problems():
                    _log.warning("%s", problem)
            revision = self._reloader.release.revision
            # A release that was made but not sent, for a bug, goes out with the next publication.
            if not is_changed and self._published in {None, revision}:
                return
            _log.info("release %d: APIs %s", revision, ", ".join([*sorted(stored), *wide.kinds()]))
            await self._send()
            on_sent()
            self._save_later()
            await self._acknowledge()

    async def flush(
        self, stages: Iterable[tuple[str, str]], on_sent: Callable[[], None] = lambda: None
    ) -> None:
        """Have every worker forget what it cached of stages (API id and name), and wait for it.

        `on_sent` is called before the wait, when the current release says so.
        """
        async with self._turn:
            self._reloader.outnumber(self._links.highest_revision)
            if self._reloader.flush(stages):
                _log.info("release %d: caches emptied", self._reloader.release.revision)
                await self._send()
                on_sent()
                self._save_later()
                await self._acknowledge()

    def _note_unfit(self, api_ids: Iterable[str]) -> None:
        """Take note of which APIs were taken over from the store, and which were not."""
        unfit = self._reloader.unfit
        for api_id in api_ids:
            if api_id in unfit:
                self.unserved.note(api_id, map(str, unfit[api_id]))
            else:
                self.unserved.forget(api_id)

    async def _reload(self, reason: str, may_be_absent: bool) -> None:
        start = self._clock.now()
        before = self._reloader.release
        self._reloader.outnumber(self._links.highest_revision)
        loop = asyncio.get_running_loop()
        loaded, report, settings_problems = await loop.run_in_executor(
            self._executor, self._make, may_be_absent
        )
        self._on_loaded(loaded)
        # Noted before anybody can see the revision that it made.
        self._note(reason, report, settings_problems)
        if report.revision != self._published:
            await self._publish(is_previous_kept=bool(report.unserved))
        self.state.seconds = self._clock.now() - start
        self._tell(before, report)

    def _make(self, may_be_absent: bool) -> tuple[Loaded, ReloadReport, tuple[Problem, ...]]:
        loaded = self._load()
        report = self._reloader.apply(loaded, may_be_absent=may_be_absent)
        self._on_released(self._reloader.release)
        return loaded, report, self._check_settings()

    def _failed(self) -> ReloadReport:
        release = self._reloader.release
        text = "the files could not be loaded: a bug, with a traceback in the log; what is served"
        return ReloadReport(
            is_changed=False,
            revision=release.revision,
            digest=release.digest,
            problems=(Problem("", f"{text} stays. Please report it"),),
        )

    async def _publish(self, *, is_previous_kept: bool) -> None:
        """Send the current release to the workers, and to disk once they serve it."""
        await self._send()
        self._is_previous_kept |= is_previous_kept
        self._save_later()
        await self._acknowledge()

    async def saved(self) -> None:
        """Wait until the current release is on disk, or was refused by it."""
        if self._saving is not None:
            await asyncio.wait([self._saving])

    async def _send(self) -> None:
        release, parts = self._reloader.release, self._reloader.parts
        if release.metric_slots != self._blocks:
            blocks = {name: block for name, block in release.metric_slots.items() if block}
            loop = asyncio.get_running_loop()
            # Before the workers know: what a block counted until now stays with its former owner.
            await loop.run_in_executor(self._scraping, self._exposition.relabel, blocks)
            self._blocks = release.metric_slots
        await self._prepare(release)
        self._links.send(release.revision, parts)
        self._published = release.revision

    async def _acknowledge(self) -> None:
        revision = self._reloader.release.revision
        if not await self._links.acknowledged(revision, self._acknowledge_seconds):
            _log.info("release %d: some workers take longer", revision)

    def _save_later(self) -> None:
        """Write the release to disk in the background: of a burst, the first and the last."""
        self._unsaved = self._reloader.release.revision
        if self._saving is None or self._saving.done():
            self._saving = spawn(self._save_all(), "save releases")

    async def _save_all(self) -> None:
        while self._unsaved:
            # Thousands of files at a start: what the workers do first must not wait for them.
            await self._links.acknowledged(self._unsaved, SAVE_SECONDS)
            self._unsaved = 0
            await self._save()

    async def _save(self) -> None:
        """Write the current release to disk."""
        revision, parts = self._reloader.release.revision, self._reloader.parts
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._write, revision, parts)
        except OSError as error:
            _log.error("release %d is not on disk: %s", revision, error)

    def _write(self, revision: int, parts: Mapping[str, Part]) -> None:
        if self._is_previous_kept:
            self._store.keep_previous()
            self._is_previous_kept = False
        self._store.save(revision, self._run, parts)

    def _note(
        self,
        reason: str,
        report: ReloadReport,
        settings_problems: tuple[Problem, ...],
    ) -> None:
        state = self.state
        state.reason, state.report, state.settings_problems = reason, report, settings_problems
        state.epoch = self._clock.epoch()
        if report.is_ok:
            state.succeeded += 1
            state.success_epoch = state.epoch
        else:
            state.failed += 1

    def _tell(self, before: Release, report: ReloadReport) -> None:
        for problem in (*report.problems, *self.state.settings_problems):
            _log.log(_LEVELS[problem.severity], "%s", problem)
        for api_id in report.kept:
            _log.warning("API %s stays as it was last good", api_id)
        for api_id in report.missing:
            _log.error("API %s is not served: it is broken and was never good", api_id)
        if report.is_changed:
            changes = differences(before if before.revision else None, self.release)
            shown = "; ".join(map(str, changes[:_CHANGES_SHOWN]))
            more = f"; and {len(changes) - _CHANGES_SHOWN} more" if changes[_CHANGES_SHOWN:] else ""
            _log.info("release %d (%s): %s%s", report.revision, self.state.reason, shown, more)
        else:
            _log.info("reload (%s): release %d stays", self.state.reason, report.revision)


_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING}
_CHANGES_SHOWN = 10
