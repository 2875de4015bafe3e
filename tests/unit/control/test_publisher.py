"""Facts about reloads, from files to workers and disk."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from gateway.configuration import Loaded, load
from gateway.control.publisher import Publisher
from gateway.control.workers import WorkerLink, WorkerLinks, WorkerState
from gateway.definitions.stage import MethodSetting, Stage
from gateway.definitions.usage_plan import UsageDefinitions, UsagePlan
from gateway.errors import Problem
from gateway.release import Release
from gateway.release.disk import ReleaseStore
from gateway.release.parts import Part
from gateway.reload import Capacities, Reloader
from gateway.server.tasks import spawn
from gateway.store.account_wide import AccountWide
from gateway.store.served import ServedApi, StoredDeployment, definition_text
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.metrics import table_bytes
from tests.builders import BLOCKS, FakeClock, api, mock
from tests.running_gateway import PATIENCE_SECONDS, pets

EMPTY = Release(revision=0, digest="", region="eu-test-1", account="123456789012")


class FakeLink:
    """A worker's connection that takes whatever it is sent."""

    def __init__(self, state: WorkerState) -> None:
        self.state = state
        self.have: dict[str, str] = {}

    def send(self, revision: int, parts: Mapping[str, Part]) -> None: ...


class Bench:
    """A publisher with real files and disk; no worker is connected unless a test adds one."""

    def __init__(self, directory: Path, acknowledge_seconds: float = 0.0) -> None:
        """By default, what a test changes in a worker's state afterwards is not waited for."""
        self.config = directory / "config"
        (self.config / "apis").mkdir(parents=True)
        self.store = ReleaseStore(directory / "release")
        self.clock = FakeClock()
        self.links = WorkerLinks(self.clock)
        self.loads = 0
        self.prepared: list[int] = []
        self.loaded: list[Loaded] = []
        self.settings_problems: tuple[Problem, ...] = ()
        self.exposition = Exposition(
            memoryview(bytearray(table_bytes(BLOCKS, 1))),
            workers=1,
            block_capacity=BLOCKS,
            clock=self.clock,
        )
        self.executor = ThreadPoolExecutor(1)
        self.publisher = Publisher(
            reloader=Reloader(EMPTY, Capacities(buckets=100, blocks=BLOCKS)),
            load=self.load,
            check_settings=lambda: self.settings_problems,
            links=self.links,
            store=self.store,
            run="run",
            exposition=self.exposition,
            executor=self.executor,
            scraping=self.executor,
            clock=self.clock,
            on_loaded=self.loaded.append,
            prepare=self.prepare,
            acknowledge_seconds=acknowledge_seconds,
        )

    async def prepare(self, release: Release) -> None:
        # Before any worker is told.
        assert self.links._revision < release.revision
        self.prepared.append(release.revision)

    def load(self) -> Loaded:
        self.loads += 1
        self.clock.time += 0.5
        return load(self.config)

    def write(self, text: str) -> None:
        (self.config / "apis" / "pets.yaml").write_text(text)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.executor.shutdown()


async def test_a_reload_publishes_saves_and_is_noted(bench: Bench) -> None:
    bench.write(pets())
    await bench.publisher.reload("start")
    await bench.publisher.saved()
    stored = bench.store.load()
    state = bench.publisher.state

    assert stored is not None
    assert (stored.revision, stored.run) == (1, "run")
    assert bench.links._revision == 1
    assert (state.succeeded, state.failed, state.reason, state.seconds) == (1, 0, "start", 0.5)
    assert state.success_epoch == state.epoch == bench.clock.epoch()
    assert [each.apis.keys() for each in bench.loaded] == [{"pets"}]


async def test_blocks_have_their_labels(bench: Bench) -> None:
    bench.write(pets())
    await bench.publisher.reload("start")

    assert "1 labelled" in repr(bench.exposition)


async def test_what_did_not_change_is_not_published_again(bench: Bench) -> None:
    bench.write(pets())
    await bench.publisher.reload("start")
    await bench.publisher.saved()
    stored = (bench.store._directory / "manifest.json").stat().st_mtime_ns
    await bench.publisher.reload("again")
    await bench.publisher.saved()

    assert (bench.store._directory / "manifest.json").stat().st_mtime_ns == stored
    assert bench.publisher.state.succeeded == 2
    assert bench.publisher.release.revision == 1


async def test_a_failed_reload_is_counted_and_every_problem_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.write(pets())
    await bench.publisher.reload("start")
    success = bench.publisher.state.success_epoch
    bench.write(pets().replace("MOCK", "MOKC"))
    await bench.publisher.reload("files changed")
    state = bench.publisher.state

    assert (state.succeeded, state.failed) == (1, 1)
    assert state.success_epoch == success
    assert "pets.yaml:7:" in caplog.text
    assert "API pets stays as it was last good" in caplog.text


async def test_changed_settings_are_told_and_fail_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.settings_problems = (Problem("region", "restart", severity="warning"),)
    await bench.publisher.reload("start", may_be_absent=True)

    assert bench.publisher.state.settings_problems == bench.settings_problems
    assert bench.publisher.state.failed == 0
    assert "region: restart" in caplog.text


async def test_requests_for_reloads_coalesce(bench: Bench) -> None:
    bench.write(pets())
    await asyncio.gather(*(bench.publisher.reload(f"burst {number}") for number in range(9)))

    assert bench.loads == 2


async def test_a_full_disk_does_not_hold_back_a_release(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store._directory.write_text("not a directory")
    bench.write(pets())
    await bench.publisher.reload("start")
    await bench.publisher.saved()

    assert bench.links._revision == 1
    assert "release 1 is not on disk" in caplog.text


async def test_what_a_release_changes_is_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.write(pets())
    await bench.publisher.reload("start")

    assert "release 1 (start): api pets made" in caplog.text


def nobody_knows() -> Loaded:
    raise KeyError("a fact that nobody thought of")


async def test_a_bug_in_a_reload_is_a_failed_reload_and_not_the_last_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.write(pets())
    monkeypatch.setattr(bench.publisher, "_load", nobody_knows)
    await bench.publisher.reload("start", may_be_absent=True)
    state = bench.publisher.state

    assert (state.succeeded, state.failed) == (0, 1)
    assert state.report is not None
    assert "a bug" in str(state.report.errors[0])
    assert "KeyError" in caplog.text

    monkeypatch.undo()
    await bench.publisher.reload("files changed")
    assert (state.succeeded, state.failed) == (1, 1)
    assert bench.links._revision == 1


async def test_what_a_start_serves_no_more_is_kept_beside_the_new_release(bench: Bench) -> None:
    bench.write(pets())
    await bench.publisher.reload("start")
    await bench.publisher.saved()
    (bench.config / "apis" / "pets.yaml").unlink()
    await bench.publisher.reload("start", may_be_absent=True)
    await bench.publisher.saved()
    now, kept = bench.store.load(), ReleaseStore(bench.store._directory / "previous").load()

    assert now is not None
    assert "api/pets" not in now.parts
    assert kept is not None
    assert "api/pets" in kept.parts


async def test_what_a_bug_kept_from_the_workers_goes_out_with_what_the_store_has_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a fact that nobody thought of")

    await bench.publisher.reload("start", may_be_absent=True)
    bench.write(pets())
    monkeypatch.setattr(bench.links, "send", fail)
    await bench.publisher.reload("files changed")
    assert bench.links._revision == 1

    monkeypatch.undo()
    await bench.publisher.publish_stored({"stored": None})
    assert bench.links._revision == 2


async def test_shared_memory_is_made_ready_before_workers_are_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.write(pets())
    (bench.config / "usage.yaml").write_text(
        "apiKeys: {k: {value: 0123456789-0123456789}}\nusagePlans: {gold: {apiKeys: [k]}}\n"
    )
    await bench.publisher.reload("start")
    assert bench.prepared == [1]
    stored = UsageDefinitions(usage_plans={"gold": UsagePlan(id="gold"), "p": UsagePlan(id="p")})
    await bench.publisher.publish_stored({}, AccountWide(usage=stored))

    assert bench.prepared == [1, 2]
    assert set(bench.publisher.release.usage_plans) == {"gold", "p"}
    assert "the usage plan gold made through the control API is not served meanwhile" in caplog.text


async def test_a_release_is_on_disk_once_the_workers_serve_it(bench: Bench) -> None:
    state = WorkerState(worker=0, pid=1)
    link = cast("WorkerLink", FakeLink(state))
    bench.links.joined(link, {}, state)
    bench.write(pets())
    await bench.publisher.reload("start")
    await asyncio.sleep(0)
    assert bench.store.load() is None

    state.revision = 1
    bench.links.heard()
    await bench.publisher.saved()
    assert bench.store.load() is not None


async def test_a_publication_ends_when_the_workers_serve_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PATIENCE_SECONDS)
    state = WorkerState(worker=0, pid=1)
    bench.links.joined(cast("WorkerLink", FakeLink(state)), {}, state)
    bench.write(pets())
    reloading = spawn(bench.publisher.reload("start"), "reload")
    done, _ = await asyncio.wait([reloading], timeout=0.3)
    assert not done

    state.revision = 1
    bench.links.heard()
    await reloading
    await bench.publisher.saved()
    bench.executor.shutdown()


async def test_what_finds_no_room_is_told_until_it_does(bench: Bench) -> None:
    await bench.publisher.reload("start", may_be_absent=True)
    stage = Stage(stage_name="prod", deployment_id="d1", method_settings={"*/*": MethodSetting()})
    methods = {f"/{number}": {"GET": mock()} for number in range(100)}
    deployment = StoredDeployment(
        id="d1", api_id="a", text=definition_text(api(methods)), created_date=0.0
    )
    served = ServedApi(
        stages={"prod": stage}, deployment_ids=frozenset({"d1"}), deployments={"d1": deployment}
    )
    await bench.publisher.publish_stored({"a": served})
    ((text,),) = bench.publisher.unserved.texts().values()
    assert "token buckets" in text
    assert bench.publisher.unserved.lacking_room == ["a"]
    assert bench.publisher.release.stages == {}

    await bench.publisher.publish_stored(
        {"a": replace(served, stages={"prod": replace(stage, method_settings={})})}
    )
    assert bench.publisher.unserved.texts() == {}
    assert bench.publisher.release.stages.keys() == {"a"}


async def test_what_cannot_travel_is_told_until_it_can(bench: Bench) -> None:
    stage = Stage(stage_name="prod", deployment_id="d1")
    deployment = StoredDeployment(id="d1", api_id="a", text="[]", created_date=0.0)
    broken = ServedApi(
        stages={"prod": stage}, deployment_ids=frozenset({"d1"}), deployments={"d1": deployment}
    )
    await bench.publisher.hold_stored({"a": broken})
    await bench.publisher.reload("start", may_be_absent=True)
    ((text,),) = bench.publisher.unserved.texts().values()
    assert "deployment/d1: does not fit this version" in text
    assert bench.publisher.unserved.lacking_room == []
    assert bench.publisher.deployment_part("d1") is None

    mended = replace(deployment, text=definition_text(api({"/": {"GET": mock()}})))
    await bench.publisher.publish_stored({"a": replace(broken, deployments={"d1": mended})})
    assert bench.publisher.unserved.texts() == {}
    assert bench.publisher.deployment_part("d1") is not None
