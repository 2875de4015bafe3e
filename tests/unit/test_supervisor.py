"""Facts about the supervisor; its children here are small programs that write a journal."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.supervisor import (
    FIRST_DELAY_SECONDS,
    HEALTHY_SECONDS,
    LONGEST_DELAY_SECONDS,
    CannotStartError,
    Child,
    Options,
    SupervisionTable,
    _locked,
    listen_sockets,
    supervise,
)
from tests.inheritances import memory
from tests.running_gateway import ROOT, until

CHILD = """
import json, os, signal, socket, sys, time
boot = json.loads(os.pread(int(sys.argv[-1]), 1 << 20, 0))
name, how = boot["worker"], boot["payload"]["how"]
def note(what):
    with open(boot["payload"]["journal"], "a") as journal:
        print(json.dumps([name, what, os.getpid()]), file=journal)
def term(*_):
    note("term")
    if how != "deaf":
        sys.exit(0)
signal.signal(signal.SIGTERM, term)
signal.signal(signal.SIGHUP, lambda *_: note("hup"))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})
note(f"start {boot['restarts']}")
if how == "crash" and name == 0 and boot["restarts"] < 3:
    sys.exit(3)
if how == "accept" and boot["restarts"]:
    listening = socket.socket(fileno=boot["listen_fd"])
    listening.setblocking(True)
    connection, _ = listening.accept()
    connection.sendall(b"hello")
    connection.close()
while True:
    time.sleep(10)
"""

PARENT = """
import json, sys
from pathlib import Path
import gateway.supervisor
gateway.supervisor.KILL_GRACE_SECONDS = 0.1
options = json.loads(sys.argv[1])
options["run_directory"] = Path(options["run_directory"])
for name in ("control_command", "worker_command"):
    options[name] = tuple(options[name])
sys.exit(gateway.supervisor.supervise(gateway.supervisor.Options(**options)))
"""


class Supervised:
    """A supervisor with two workers, in a process of its own."""

    def __init__(self, directory: Path, how: str, drain_seconds: float = 20.0) -> None:
        self._journal = directory / "journal"
        self._journal.touch()
        self._run = directory / "run"
        command = (sys.executable, "-S", "-c", CHILD)
        options = {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "workers": 2,
            "control_command": command,
            "worker_command": command,
            "tables": {"buckets": 4096},
            "run_directory": str(self._run),
            "drain_seconds": drain_seconds,
            "payload": {"how": how, "journal": str(self._journal)},
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, json.dumps(options)],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )

    def journal(self) -> list[tuple[int, str]]:
        return [(name, what) for name, what, _ in self._lines()]

    def pid(self, name: int) -> int:
        return [pid for each, _, pid in self._lines() if each == name][-1]

    def until(self, *lines: tuple[int, str]) -> None:
        until(lambda: set(lines) <= set(self.journal()), f"{lines} in {self.journal()}")

    def addresses(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self._run / "addresses.json").read_text())
        return told

    def started(self) -> None:
        self.until((-1, "start 0"), (0, "start 0"), (1, "start 0"))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for _, _, pid in self._lines():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _lines(self) -> list[tuple[int, str, int]]:
        return [tuple(json.loads(line)) for line in self._journal.read_text().splitlines()]


Start = Callable[..., Supervised]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with contextlib.ExitStack() as opened:

        def start(how: str = "", **fields: float) -> Supervised:
            supervised = Supervised(tmp_path, how, **fields)
            opened.callback(supervised.close)
            supervised.started()
            return supervised

        yield start


def test_a_dead_child_is_replaced_and_the_others_are_not(start: Start) -> None:
    supervised = start()
    os.kill(supervised.pid(0), signal.SIGKILL)
    os.kill(supervised.pid(-1), signal.SIGKILL)
    supervised.until((0, "start 1"), (-1, "start 1"))

    assert (1, "start 1") not in supervised.journal()


def test_a_child_that_keeps_crashing_is_tried_again(start: Start) -> None:
    supervised = start("crash")

    supervised.until((0, "start 3"))


def test_connections_that_wait_for_a_dead_worker_reach_its_replacement(start: Start) -> None:
    supervised = start("accept")
    host, _, port = supervised.addresses()["listen"].rpartition(":")
    with contextlib.ExitStack() as opened:
        waiting = [
            opened.enter_context(socket.create_connection((host, int(port)), timeout=20))
            for _ in range(40)
        ]
        for worker in (0, 1):
            os.kill(supervised.pid(worker), signal.SIGKILL)
        supervised.until((0, "start 1"), (1, "start 1"))
        # Each replacement takes one connection and says hello; a reset would show as readable too.
        answered = until(lambda: readable(waiting, at_least=2), "both replacements to answer")

        assert [each.recv(5) for each in answered] == [b"hello"] * 2


def readable(connections: list[socket.socket], at_least: int) -> list[socket.socket] | None:
    found, _, _ = select.select(connections, [], [], 0)
    return found if len(found) >= at_least else None


def test_term_ends_workers_first_then_control_and_the_code_is_zero(start: Start) -> None:
    supervised = start()
    supervised.send(signal.SIGTERM)

    assert supervised.process.wait(20) == 0
    *_, last = supervised.journal()
    assert last == (-1, "term")
    assert not (supervised._run / "addresses.json").exists()


def test_who_does_not_end_in_time_is_killed(start: Start) -> None:
    supervised = start("deaf", drain_seconds=0.1)
    supervised.send(signal.SIGTERM)

    assert supervised.process.wait(20) == 0


def test_a_second_interrupt_does_not_wait(start: Start) -> None:
    supervised = start("deaf", drain_seconds=1000.0)
    supervised.send(signal.SIGINT)
    supervised.until((0, "term"), (1, "term"))
    supervised.send(signal.SIGINT)

    assert supervised.process.wait(20) == 0


def test_hangup_reaches_everybody(start: Start) -> None:
    supervised = start()
    supervised.send(signal.SIGHUP)

    supervised.until((-1, "hup"), (0, "hup"), (1, "hup"))


def test_restarts_wait_longer_with_each_failure_and_not_after_a_healthy_life() -> None:
    child = Child(0, ())
    delays = []
    for _ in range(9):
        child.started = 100.0
        delays.append(child.died(100.5))
    child.started = 100.0

    assert delays[:4] == [
        0.0,
        FIRST_DELAY_SECONDS,
        2 * FIRST_DELAY_SECONDS,
        4 * FIRST_DELAY_SECONDS,
    ]
    assert delays[-1] == LONGEST_DELAY_SECONDS
    assert child.died(100.0 + HEALTHY_SECONDS) == 0.0
    assert child.restarts == 10
    assert child.due == 100.0 + HEALTHY_SECONDS


def test_the_supervision_table_is_read_as_it_was_written() -> None:
    with contextlib.ExitStack() as opened:
        descriptor = memory(SupervisionTable.bytes_needed(2), opened)
        written, read = SupervisionTable(descriptor, 2), SupervisionTable(descriptor, 2)
        written.note_supervisor(10, 1.5)
        written.note(-1, 11, 1, 2.5)
        written.note(1, 12, 3, 3.5)

        assert read.supervisor() == (10, 1.5)
        assert read.process(-1) == (11, 1, 2.5)
        assert read.process(0) == (0, 0, 0.0)
        assert read.process(1) == (12, 3, 3.5)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "localhost:0", ":0"])
def test_sockets_of_one_address_share_its_port(address: str) -> None:
    with contextlib.ExitStack() as opened:
        sockets = listen_sockets(address, 3, opened)

        assert len({each.getsockname()[1] for each in sockets}) == 1
        assert not any(each.getblocking() for each in sockets)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "192.0.2.1:0", "no.invalid:0"]
)
def test_an_address_that_cannot_be_listened_on_is_named(address: str) -> None:
    with (
        contextlib.ExitStack() as opened,
        pytest.raises(CannotStartError, match="cannot listen on"),
    ):
        listen_sockets(address, 1, opened)


def test_an_address_that_another_gateway_shares_is_taken() -> None:
    with contextlib.ExitStack() as opened:
        (first,) = listen_sockets("127.0.0.1:0", 1, opened)
        port = first.getsockname()[1]

        with pytest.raises(CannotStartError, match="in use"):
            listen_sockets(f"127.0.0.1:{port}", 1, opened)


def options(directory: Path) -> Options:
    return Options(
        listen="127.0.0.1:x",
        admin="127.0.0.1:0",
        workers=1,
        control_command=(),
        worker_command=(),
        run_directory=directory / "run",
    )


def test_only_linux_is_supported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")

    with pytest.raises(CannotStartError, match="only Linux"):
        supervise(options(tmp_path))


def test_a_data_directory_in_use_is_refused(tmp_path: Path, start: Start) -> None:
    start()

    with pytest.raises(CannotStartError, match="in use by another gateway"):
        supervise(options(tmp_path))


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")

    with pytest.raises(CannotStartError, match="cannot"):
        supervise(options(tmp_path))


def test_nobody_else_may_look_into_the_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with _locked(data / "run"):
        assert {each.stat().st_mode & 0o777 for each in (data, data / "run")} == {0o750}
