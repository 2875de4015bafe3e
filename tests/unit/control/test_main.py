"""Facts about the control process's life, in this process."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.configuration.watcher import Watcher
from gateway.control import main
from gateway.control.main import Control
from gateway.control.persist import release_directory
from gateway.inheritance import pack_settings
from gateway.release.disk import ReleaseStore
from gateway.release.encode import encode_release
from gateway.server.tasks import spawn
from gateway.settings import Control as ControlSettings
from tests.builders import api, mock, release
from tests.inheritances import RUN, inherited, settings_in
from tests.running_gateway import PATIENCE_SECONDS, pets
from tests.unit.control.test_workers import FakeWorker

BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/shop/50dc"


class Bench:
    def __init__(self, directory: Path, opened: contextlib.ExitStack) -> None:
        self.settings = settings_in(directory)
        (self.settings.config / "apis").mkdir(parents=True)
        self.inherited = inherited(directory, opened, worker=-1)
        self.store = ReleaseStore(release_directory(self.settings))
        self._running: asyncio.Task[None] | None = None

    def acknowledge(self, seconds: float) -> None:
        """Set for how long an answer waits; before the start."""
        settings = dataclasses.replace(
            self.settings, control=ControlSettings(acknowledge_seconds=seconds)
        )
        self.inherited.boot["payload"]["settings"] = pack_settings(settings)
        # Else a link that a client makes leads nowhere, and is no change of what is served.
        links = f"{BALANCER}: {{targets: ['10.0.0.5:8080']}}\n"
        (self.settings.config / "vpc-links.yaml").write_text(links)

    def start(self) -> None:
        control = Control(self.inherited, asyncio.get_running_loop(), SystemClock(), lambda: None)
        self._running = spawn(control.run(), "control")

    def write(self, text: str) -> None:
        # As editors do: a file that is half written is read, too, and told as a change.
        beside = self.settings.config / "apis" / ".pets.yaml.new"
        beside.write_text(text)
        beside.replace(self.settings.config / "apis" / "pets.yaml")

    async def get(self, path: str) -> tuple[int, Any]:
        def get() -> tuple[int, Any]:
            url = f"http://{self.inherited.boot['addresses']['admin']}{path}"
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, json.load(error)

        return await asyncio.to_thread(get)

    async def make_link(self) -> bool:
        """Make a VPC link as AWS's clients do; return whether the answer says it is pending."""

        def post() -> bool:
            request = urllib.request.Request(
                f"http://{self.inherited.boot['addresses']['admin']}/vpclinks",
                json.dumps({"name": "shop", "targetArns": [BALANCER]}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return "x-stagegate-pending" in answer.headers

        return await asyncio.to_thread(post)

    async def status_when(self, fact: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Return the first status after the first reload of which something holds."""
        async with asyncio.timeout(20):
            while True:
                status: dict[str, Any] = (await self.get("/status"))[1]
                if status["last_reload"] is not None and fact(status):
                    return status

    async def end(self) -> None:
        if self._running is not None and not self._running.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(self._running, 10)


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
async def bench(tmp_path: Path, opened: contextlib.ExitStack) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, opened)
    yield bench
    await bench.end()
    loop = asyncio.get_running_loop()
    loop.remove_signal_handler(signal.SIGTERM)
    loop.remove_signal_handler(signal.SIGHUP)


async def test_it_publishes_the_files_and_every_change_of_them(bench: Bench) -> None:
    bench.write(pets("one"))
    bench.start()
    first = await bench.status_when(lambda status: status["revision"] == 1)
    bench.write(pets("two"))
    second = await bench.status_when(
        lambda status: status["last_reload"]["reason"] == "files changed"
    )

    assert set(first["apis"]) == {"pets"}
    assert first["last_reload"]["reason"] == "start"
    assert second["revision"] == 2


async def test_without_a_worker_it_is_alive_and_not_ready(bench: Bench) -> None:
    bench.start()

    assert await bench.get("/healthz") == (200, {"status": "ok"})
    assert (await bench.get("/readyz"))[0] == 503


async def test_hangup_reloads(bench: Bench) -> None:
    bench.start()
    await bench.status_when(lambda _: True)
    os.kill(os.getpid(), signal.SIGHUP)

    await bench.status_when(lambda status: status["last_reload"]["reason"] == "SIGHUP")


async def test_an_answer_waits_for_a_worker_as_long_as_the_settings_say(
    bench: Bench, opened: contextlib.ExitStack
) -> None:
    bench.acknowledge(30.0)
    bench.start()
    revision = (await bench.status_when(lambda _: True))["revision"]
    worker = opened.enter_context(contextlib.closing(FakeWorker(0)))
    await worker.connect(f"\0{bench.inherited.boot['release_address']}")
    await worker.release()
    await worker.ack(revision)

    making = spawn(bench.make_link(), "make a link")
    async with asyncio.timeout(20):
        _, sent = await worker.release()
    # Twice as long as by default.
    done, _ = await asyncio.wait([making], timeout=0.5)
    assert not done
    await worker.ack(sent["revision"])
    assert not await making


async def test_an_answer_that_waits_for_nobody_is_pending(bench: Bench) -> None:
    bench.acknowledge(0.0)
    bench.start()
    revision = (await bench.status_when(lambda _: True))["revision"]

    assert await bench.make_link()
    await bench.status_when(lambda status: status["revision"] > revision)


async def test_revisions_continue_across_restarts(bench: Bench) -> None:
    bench.store.save(41, "an earlier run", {})
    bench.write(pets())
    bench.start()

    assert (await bench.status_when(lambda _: True))["revision"] == 42


LAST_GOOD = encode_release(
    dataclasses.replace(release(api({"/pets": {"GET": mock()}})), files={"shop": "shop.yaml"})
)


async def test_files_that_vanished_while_control_was_dead_are_an_error(bench: Bench) -> None:
    bench.store.save(5, RUN, LAST_GOOD)
    bench.start()
    status = await bench.status_when(lambda _: True)

    assert set(status["apis"]) == {"shop"}
    assert not status["last_reload"]["ok"]


async def test_a_gateway_that_starts_without_files_serves_none(bench: Bench) -> None:
    bench.store.save(5, "an earlier run", LAST_GOOD)
    bench.start()
    status = await bench.status_when(lambda _: True)

    assert (status["apis"], status["revision"]) == ({}, 6)
    (problem,) = status["last_reload"]["problems"]
    assert status["last_reload"]["ok"]
    assert str(bench.settings.config / "apis") in problem["text"]


async def test_a_changed_settings_file_is_reported(bench: Bench) -> None:
    bench.start()
    await bench.status_when(lambda _: True)
    (bench.settings.config / "gateway.toml").write_text('region = "mars-north-1"\n')
    status = await bench.status_when(lambda status: status["last_reload"]["problems"])

    assert any(each["path"] == "region" for each in status["last_reload"]["problems"])


async def test_a_bug_while_watching_does_not_end_watching(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = Watcher.changes
    calls: list[Watcher] = []

    def fragile(watcher: Watcher) -> AsyncIterator[None]:
        calls.append(watcher)
        if len(calls) == 1:
            raise RuntimeError("a fact that nobody thought of")
        return real(watcher)

    monkeypatch.setattr(Watcher, "changes", fragile)
    monkeypatch.setattr(main, "LOOK_SECONDS", 0.0)
    bench.start()
    await bench.status_when(lambda _: True)
    bench.write(pets())

    await bench.status_when(lambda status: "pets" in status["apis"])
    assert "watching the files failed" in caplog.text
