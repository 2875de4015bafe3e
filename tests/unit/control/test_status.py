"""Facts about `/status`."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway.control.deployed_problems import DeployedProblems
from gateway.control.publisher import Publisher, ReloadState
from gateway.control.status import Status
from gateway.control.unserved import Unserved
from gateway.control.workers import WorkerLinks, WorkerState
from gateway.definitions.domain import DomainName, SecurityPolicy
from gateway.errors import Problem
from gateway.release import Release
from gateway.reload import ReloadReport
from gateway.settings import Settings
from gateway.supervisor import SupervisionTable
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.metrics import WorkerMetrics, segment_of, table_bytes
from tests.builders import BLOCKS, FakeClock, api, domain, mock, release
from tests.inheritances import memory


@dataclass
class FakePublisher:
    release: Release
    state: ReloadState = field(default_factory=ReloadState)
    unserved: Unserved = field(default_factory=Unserved)


@dataclass
class FakeLinks:
    states: dict[int, WorkerState] = field(default_factory=dict)


class Bench:
    def __init__(self, opened: contextlib.ExitStack) -> None:
        self.clock = FakeClock()
        self.publisher = FakePublisher(
            release(api({"/pets": {"GET": mock()}}), domains=(domain("a.b"),), revision=7)
        )
        self.links = FakeLinks()
        self.table = memoryview(bytearray(table_bytes(BLOCKS, 2)))
        self.supervision = SupervisionTable(memory(SupervisionTable.bytes_needed(2), opened), 2)
        self.deployed = DeployedProblems(lambda _: None)
        opened.callback(self.deployed.close)
        self.status = Status(
            settings=Settings(),
            addresses={"listen": "127.0.0.1:1", "admin": "127.0.0.1:2"},
            publisher=cast("Publisher", self.publisher),
            links=cast("WorkerLinks", self.links),
            supervision=self.supervision,
            deployed=self.deployed,
            exposition=Exposition(self.table, workers=2, block_capacity=BLOCKS, clock=self.clock),
            clock=self.clock,
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    with contextlib.ExitStack() as opened:
        yield Bench(opened)


def test_what_is_served_is_told(bench: Bench) -> None:
    told = bench.status.report()

    assert (told["revision"], told["digest"]) == (7, "digest-7")
    assert told["build"] == "pure"
    assert told["apis"] == {"shop": {"file": None, "stages": {"dev": "d1"}}}
    assert told["domains"] == ["a.b"]
    assert (told["listen"], told["admin"]) == ("127.0.0.1:1", "127.0.0.1:2")
    assert told["last_reload"] is None
    assert told["unserved"] == {}


def test_what_the_store_has_and_is_not_served_is_told(bench: Bench) -> None:
    bench.publisher.unserved.note("a", ["no room", "too large"])

    assert bench.status.report()["unserved"] == {"a": ["no room", "too large"]}


def test_every_process_is_told_with_its_age_and_restarts(bench: Bench) -> None:
    now = bench.clock.epoch()
    bench.supervision.note_supervisor(10, now - 60)
    bench.supervision.note(-1, 11, 2, now - 30)
    bench.supervision.note(1, 12, 1, now - 20)
    told = bench.status.report()

    assert told["supervisor"] == {"pid": 10, "uptime_seconds": 60.0}
    assert told["control"] == {"pid": 11, "restarts": 2, "uptime_seconds": 30.0}
    assert told["workers"][0]["pid"] is None
    assert (
        told["workers"][1] | {"pid": 12, "restarts": 1, "uptime_seconds": 20.0}
        == (told["workers"][1])
    )


def test_a_connected_worker_is_told_with_what_it_serves(bench: Bench) -> None:
    WorkerMetrics(segment_of(bench.table, 0, BLOCKS)).beat(bench.clock.now() - 0.25)
    bench.links.states[0] = WorkerState(0, 12, revision=7, digest="x", compile_seconds=0.5)
    first, second = bench.status.report()["workers"]

    assert (first["revision"], first["digest"], first["compile_seconds"]) == (7, "x", 0.5)
    assert (first["is_connected"], second["is_connected"]) == (True, False)
    assert (first["heartbeat_age_seconds"], second["heartbeat_age_seconds"]) == (0.25, None)
    assert "refused" not in first


def test_what_clients_made_and_is_not_served_is_told(bench: Bench) -> None:
    assert bench.status.report()["problems"] == []
    old = DomainName(domain_name="a.b", security_policy=SecurityPolicy.TLS_1_0)
    bench.deployed.note_domains((old,))
    told = bench.status.report()

    assert [each["owner"] for each in told["problems"]] == ["domain a.b"]
    assert told["problems"][0]["path"] == "a.b.securityPolicy"
    assert told["problems"][0]["text"].startswith("domain a.b: a.b.securityPolicy: ")
    assert told["problems_left_out"] == 0


def test_a_refused_release_is_told_until_a_later_one_is_served(bench: Bench) -> None:
    state = bench.links.states[0] = WorkerState(
        0, 12, revision=6, refused_revision=7, problems=("wrong",)
    )

    assert bench.status.report()["workers"][0]["refused"] == {"revision": 7, "problems": ["wrong"]}
    state.revision = 8
    assert "refused" not in bench.status.report()["workers"][0]


def test_the_last_reload_is_told_with_every_problem_and_its_place(bench: Bench) -> None:
    state = bench.publisher.state
    state.report = ReloadReport(
        is_changed=False,
        revision=7,
        digest="x",
        problems=(Problem("restApi", "wrong", "pets.yaml", 3, 4),),
        kept=("pets",),
    )
    state.settings_problems = (Problem("region", "restart", severity="warning"),)
    state.epoch, state.seconds, state.reason, state.failed = 1_700_000_000.0, 0.5, "SIGHUP", 1
    told = bench.status.report()["last_reload"]

    assert told["time"] == "2023-11-14T22:13:20.000+00:00"
    assert (told["ok"], told["reason"], told["failed"], told["kept"]) == (
        False, "SIGHUP", 1, ["pets"],
    )  # fmt: skip
    assert told["problems"][0] == {
        "severity": "error",
        "file": "pets.yaml",
        "line": 3,
        "column": 4,
        "path": "restApi",
        "message": "wrong",
        "text": "pets.yaml:3:4: restApi: wrong",
    }
    assert told["problems"][1]["severity"] == "warning"
