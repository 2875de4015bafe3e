"""The control process: `python -m gateway.control.main --boot FD`, started by the supervisor."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import uvloop

from gateway import configuration
from gateway.clock import Clock, SystemClock
from gateway.configuration.file_cache import ApiFileCache
from gateway.configuration.keyring import DAY_SECONDS, Certificates, Certified, Keyring
from gateway.configuration.loaded import Loaded
from gateway.configuration.watcher import LOOK_SECONDS, Watcher
from gateway.control.access import Access
from gateway.control.admin import Admin
from gateway.control.admin_listener import AdminListener
from gateway.control.api.edge import ControlEdge
from gateway.control.api.service import ControlApi
from gateway.control.certificate_watch import LOOK_SECONDS as CERTIFICATE_LOOK_SECONDS
from gateway.control.certificate_watch import CertificateWatch
from gateway.control.deployed_problems import DeployedProblems
from gateway.control.live import Live
from gateway.control.persist import load_last_good, release_directory
from gateway.control.probe import Probe
from gateway.control.publisher import Publisher
from gateway.control.room import Places, Room
from gateway.control.settings_watch import settings_problems
from gateway.control.status import Status
from gateway.control.usage_keeper import UsageKeeper
from gateway.control.workers import WorkerLinks
from gateway.definitions.domain import DomainName
from gateway.inheritance import Inherited, accept_signals, take_over
from gateway.release.certificate_store import CertificateStore
from gateway.release.disk import ReleaseStore
from gateway.reload import Capacities, Reloader
from gateway.scheduling import step_back
from gateway.server.tasks import spawn
from gateway.settings import Throttle
from gateway.store.database import FILE_NAME, Store
from gateway.store.thread import StoreThread
from gateway.telemetry import logs
from gateway.telemetry.exposition import Exposition
from gateway.throttle.usage_table import UsageTable

_log = logging.getLogger(__name__)

GC_THRESHOLDS: Final = (50_000, 20, 20)


def account_throttle(throttle: Throttle) -> tuple[float, int]:
    """Return the account's rate and burst as GetAccount tells them: AWS's, unless they are set."""
    rate, burst = throttle.account_rate_limit, throttle.account_burst_limit
    return (10_000.0 if rate is None else float(rate), 5_000 if burst is None else burst)


class Control:
    """The control process's life: publish what the files say, and again whenever they change."""

    def __init__(
        self,
        inherited: Inherited,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        on_started: Callable[[], None],
    ) -> None:
        """Take over; `on_started` is called when the first release is out."""
        boot, settings = inherited.boot, inherited.settings
        self._inherited = inherited
        self._on_started = on_started
        self._executor = ThreadPoolExecutor(1, "files")
        self._scraping = ThreadPoolExecutor(1, "scraping")
        self._stop = asyncio.Event()
        self._loaded: Loaded | None = None
        """What the files said last."""
        self._watcher = Watcher(settings.config)
        last_good = load_last_good(settings)
        # While this supervisor runs, a directory that is gone is an error; at its start it is not.
        self._may_be_absent = last_good.run != boot["run"]
        tables = boot["payload"]["tables"]
        capacities = Capacities(
            buckets=tables["buckets"],
            blocks=tables["blocks"],
            series=settings.metrics.series_budget,
            key_buckets=tables["key_buckets"],
            usage_rows=tables["usage"],
        )
        self._keyring = Keyring(
            settings,
            clock.epoch,
            CertificateStore(settings.data),
            is_listening=settings.listen_tls is not None,
        )
        self._certificates = CertificateWatch(
            self._keyring, clock.epoch, settings.tls.expiry_warning_days * DAY_SECONDS
        )
        exposition = Exposition(
            inherited.table("metrics"),
            workers=boot["workers"],
            block_capacity=tables["blocks"],
            clock=clock,
        )
        self._store = StoreThread(lambda: Store(settings.data / FILE_NAME, clock))
        usage = UsageTable(inherited.table("usage"), tables["usage"], boot["workers"])
        self._keeper = UsageKeeper(self._store, usage, clock, last_good.release)
        self._links = WorkerLinks(clock)
        # The first place of each table is reserved.
        room = Room(Places(buckets=tables["buckets"] - 1, stages=settings.metrics.stages))
        cache = self._cache = ApiFileCache(clock.epoch)
        self._publisher = Publisher(
            reloader=Reloader(last_good.release, capacities, last_good.parts, self._certify),
            load=lambda: configuration.load(settings.config, cache.load_api_file),
            check_settings=lambda: settings_problems(
                settings.config, boot["payload"]["file_settings"]
            ),
            links=self._links,
            store=ReleaseStore(release_directory(settings)),
            run=boot["run"],
            exposition=exposition,
            executor=self._executor,
            scraping=self._scraping,
            clock=clock,
            on_loaded=self._on_loaded,
            prepare=self._keeper.prepare,
            acknowledge_seconds=settings.control.acknowledge_seconds,
            on_released=room.note_files,
        )
        self._deployed = DeployedProblems(self._publisher.deployment_part)
        status = Status(
            settings=settings,
            addresses=boot["addresses"],
            publisher=self._publisher,
            links=self._links,
            supervision=inherited.supervision(),
            deployed=self._deployed,
            exposition=exposition,
            clock=clock,
        )
        self._live = Live(
            self._store,
            self._publisher,
            self._keeper,
            room,
            self._deployed,
            wait_seconds=settings.control.acknowledge_seconds,
        )
        access = Access(settings.data, settings.admin, clock)
        self._probe = Probe(settings, clock, lambda: self._publisher.release.vpc_links)
        api = ControlApi(
            store=self._store,
            gate=access,
            publish=self._live.publish,
            region=settings.region,
            account=settings.account,
            account_throttle=account_throttle(settings.throttle),
            tester=self._probe,
            flush_usage=self._keeper.flush,
            check_room=room.check,
        )
        admin = Admin(
            edge=ControlEdge(api),
            access=access,
            publisher=self._publisher,
            links=self._links,
            status=status,
            exposition=exposition,
            scraping=self._scraping,
            series_budget=settings.metrics.series_budget,
            address=settings.admin,
        )
        self._listener = AdminListener(admin.application(), api.refuse, clock)
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        self._hangup: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Control {self._publisher!r}, {self._links!r}>"

    async def run(self) -> None:
        """Answer, publish and watch until SIGTERM."""
        await self._listener.start(self._inherited.listening())
        self._links.serve(self._inherited.release_listening())
        tasks = [
            spawn(self._watch(), "watch files"),
            spawn(self._keeper.run(), "store usage"),
        ]
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        if self._looking is not None:
            self._looking.cancel()
        await self._links.close()
        await self._listener.close()
        # The workers have ended: nothing more is counted.
        await self._keeper.flush()
        self._probe.close()
        await self._publisher.saved()
        self._deployed.close()
        self._executor.shutdown()
        self._scraping.shutdown()
        self._store.close()

    async def _watch(self) -> None:
        await self._live.start()
        await self._publisher.reload("start", may_be_absent=self._may_be_absent)
        self._live.begin()
        self._on_started()
        self._looking = spawn(self._look_at_certificates(), "look at certificates")
        await self._show_files()
        while True:
            try:
                async for _ in self._watcher.changes():
                    await self._reload("files changed")
            except Exception:  # noqa: BLE001 (a bug must not end watching)
                _log.exception("watching the files failed: a bug; looking again")
                await asyncio.sleep(LOOK_SECONDS)

    async def _look_at_certificates(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                # On the thread that makes releases: none is half made meanwhile, so that no copy
                # goes that the next one names.
                await loop.run_in_executor(
                    self._executor, lambda: self._certificates.look(self._publisher.release)
                )
            except Exception:  # noqa: BLE001 (a bug must not end looking)
                _log.exception("looking at the certificates failed: a bug; looking again")
            await asyncio.sleep(CERTIFICATE_LOOK_SECONDS)

    def _certify(
        self, of_files: Iterable[DomainName], stored: Iterable[DomainName], before: Certificates
    ) -> Certified:
        """Look certificates up, and watch their files from now on."""
        certified = self._keyring.certify(of_files, stored, before)
        self._watch_files()
        return certified

    def _watch_files(self) -> None:
        loaded = self._loaded.files if self._loaded is not None else ()
        self._watcher.extra = (*loaded, *self._keyring.files)

    async def _reload(self, reason: str) -> None:
        await self._publisher.reload(reason)
        await self._show_files()

    async def _show_files(self) -> None:
        if self._loaded is None:
            return
        try:
            await self._live.show_files(self._loaded)
        except Exception:  # noqa: BLE001 (what is shown must not hold up what is served)
            _log.exception("what the files define could not be shown in the store")

    def _on_hangup(self) -> None:
        # Whoever asks by hand may have a reason to doubt what is remembered.
        self._cache.forget_others(set())
        self._hangup = spawn(self._reload("SIGHUP"), "reload")

    def _on_loaded(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._watch_files()
        self._cache.forget_others(set(loaded.files))


async def serve(inherited: Inherited) -> None:
    """Run the control process on this loop."""
    # Not before: until then workers wait for what this process makes.
    control = Control(inherited, asyncio.get_running_loop(), SystemClock(), step_back)
    accept_signals()
    await control.run()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM; return the exit code."""
    inherited = take_over(arguments)
    logs.set_up("control")
    # Thousands of methods are millions of objects that live: CPython's 700 doubled the time.
    gc.set_threshold(*GC_THRESHOLDS)
    # Says of every change in the directory that there was one.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(inherited))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
