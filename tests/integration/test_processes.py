"""What must go on while processes die, files change and gateways stop."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from tests.running_gateway import PATIENCE_SECONDS, ROOT, RunningGateway, pets, until

StartGateway = Callable[..., RunningGateway]

CONNECTIONS = 16
PETS_PATH = "/_aws/execute-api/pets/prod/pets"


class Load:
    """Clients that ask for pets without a pause, each on one connection until that fails."""

    def __init__(self, gateway: RunningGateway, path: str = PETS_PATH) -> None:
        self._listen = gateway.listen
        self._path = path
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.answers: Counter[bytes] = Counter()
        self.mark = ""
        """Set at will: `marked` counts answers by what it was when their requests were begun."""
        self.marked: Counter[tuple[str, bytes]] = Counter()
        self.failures: list[str] = []
        self.ports: Counter[int] = Counter()
        """Failures by the client's port of the connection that failed."""
        self._threads = [threading.Thread(target=self._ask) for _ in range(CONNECTIONS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        until(lambda: self.total > CONNECTIONS, "the load to begin")
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    def until_more(self, count: int) -> None:
        """Wait for `count` more answers."""
        goal = self.total + count
        until(lambda: self.total >= goal, f"{count} more answers")

    def until_answer(self, answer: bytes) -> None:
        """Wait until every connection is past the swap: many answers, all alike."""
        until(lambda: self.answers[answer] >= CONNECTIONS, f"the answer {answer!r}")

    def _ask(self) -> None:
        while not self._is_over.is_set():
            host, _, port = self._listen.rpartition(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_SECONDS)
            own_port = 0
            try:
                connection.connect()
                own_port = connection.sock.getsockname()[1]
                while not self._is_over.is_set():
                    mark = self.mark
                    connection.request("GET", self._path)
                    answer = connection.getresponse()
                    body = answer.read()
                    told = body if answer.status == 200 else b"%d" % answer.status
                    with self._lock:
                        self.answers[told] += 1
                        self.marked[mark, told] += 1
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.failures.append(repr(error))
                    self.ports[own_port] += 1
            finally:
                connection.close()


class SlowBackend:
    """Answers `done` once it is let."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                backend.is_asked.set()
                backend.may_answer.wait(PATIENCE_SECONDS)
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"done")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def api(self) -> str:
        """An API file whose `GET /slow` this backend serves."""
        return f"""\
restApi: {{name: Slow}}
resources:
  /slow:
    GET: {{integration: {{type: HTTP_PROXY, uri: "http://127.0.0.1:{self._server.server_port}/"}}}}
stages:
  prod: {{}}
"""

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def slow_backend() -> Iterator[SlowBackend]:
    backend = SlowBackend()
    yield backend
    backend.close()


def state_of(pid: int) -> str:
    """Return a process's state as proc(5) has it: `T` when it is stopped, `Z` for a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    # It may go between open and read, too: ESRCH.
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    return state_of(pid) not in {"", "Z"}


def processes_of(status: dict[str, Any]) -> list[int]:
    return [each["pid"] for each in (status["control"], *status["workers"])]


def test_an_edited_file_takes_effect_under_load_without_a_failed_request(
    running_gateway: RunningGateway,
) -> None:
    with Load(running_gateway) as load:
        for count in range(2, 7):
            running_gateway.write("apis/pets.yaml", pets(f"answer {count}"))
            running_gateway.wait_revision(count)
            load.until_answer(b"answer %d" % count)
    status = running_gateway.status()

    assert load.failures == []
    assert set(load.answers) == {b"one", *(b"answer %d" % count for count in range(2, 7))}
    assert [worker["digest"] for worker in status["workers"]] == [status["digest"]] * 2


def test_a_broken_file_changes_nothing_and_is_named_until_it_is_mended(
    running_gateway: RunningGateway,
) -> None:
    running_gateway.write("apis/pets.yaml", pets("two").replace("MOCK", "MOKC"))

    (problem,) = until(running_gateway.reload_problems, "the problem to be reported")
    status = running_gateway.status()
    assert "apis/pets.yaml:7:" in problem
    assert "resources./pets.GET.integration.type" in problem
    assert (status["revision"], status["last_reload"]["ok"]) == (1, False)
    assert status["last_reload"]["kept"] == ["pets"]
    assert running_gateway.pets() == b"one"

    running_gateway.write("apis/pets.yaml", pets("two"))

    status = running_gateway.wait_revision(2)
    assert status["last_reload"]["ok"]
    assert running_gateway.pets() == b"two"


def client_ports(pid: int) -> set[int]:
    """Return the ports of the clients whose connections a process has accepted."""
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        # Local and remote address, state (01: established), …, inode: proc(5).
        _, _, remote, state, *_, inode = line.split()[:10]
        if state == "01" and inode in sockets:
            ports.add(int(remote.rpartition(":")[2], 16))
    return ports


def test_a_killed_worker_is_replaced_and_only_its_own_connections_fail(
    running_gateway: RunningGateway, record_property: Callable[[str, object], None]
) -> None:
    victim = running_gateway.status()["workers"][0]["pid"]

    with Load(running_gateway) as load:
        os.kill(victim, signal.SIGSTOP)
        until(lambda: state_of(victim) == "T", "the worker to freeze")
        # Frozen, it accepts nobody: those that it has are all that may fail.
        its_own = client_ports(victim)
        with contextlib.ExitStack() as opened:
            waiting = [opened.enter_context(connected(running_gateway)) for _ in range(CONNECTIONS)]
            for each in waiting:
                each.sendall(f"GET {PETS_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            os.kill(victim, signal.SIGKILL)
            start = time.monotonic()
            # About half of them wait in the dead worker's queue, for its replacement.
            answers = [each.recv(65_536) for each in waiting]
            seconds = time.monotonic() - start
        until(running_gateway.is_ready, "the worker to be replaced")
        load.until_more(1000)

    status = running_gateway.status()
    record_property("seconds_until_queued_connections_were_answered", seconds)
    assert set(load.ports) <= its_own
    assert len(load.failures) <= len(its_own) < CONNECTIONS
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    running_gateway.wait_log("worker 0 was ended by signal 9; restarting in 0.0 s")
    assert set(load.answers) == {b"one"}
    assert status["workers"][0]["restarts"] == 1
    assert status["workers"][0]["pid"] != victim


def connected(gateway: RunningGateway) -> socket.socket:
    host, _, port = gateway.listen.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)


def test_traffic_goes_on_while_the_control_process_is_replaced(
    running_gateway: RunningGateway,
) -> None:
    before = running_gateway.status()

    with Load(running_gateway) as load:
        os.kill(before["control"]["pid"], signal.SIGKILL)
        until(lambda: not is_alive(before["control"]["pid"]), "control to die")
        running_gateway.wait_revision(1)
        running_gateway.write("apis/pets.yaml", pets("two"))
        running_gateway.wait_revision(2)
        load.until_answer(b"two")

    status = running_gateway.status()
    assert load.failures == []
    assert status["control"]["restarts"] == 1
    assert [each["pid"] for each in status["workers"]] == [
        each["pid"] for each in before["workers"]
    ]


def test_term_lets_requests_finish_and_refuses_new_connections(
    start_gateway: StartGateway, slow_backend: SlowBackend
) -> None:
    gateway = start_gateway({"apis/slow.yaml": slow_backend.api})
    outcome: list[tuple[int, bytes]] = []
    client = threading.Thread(
        target=lambda: outcome.append(gateway.get("/_aws/execute-api/slow/prod/slow"))
    )
    client.start()
    assert slow_backend.is_asked.wait(PATIENCE_SECONDS)

    gateway.process.send_signal(signal.SIGTERM)
    until(lambda: is_refused(gateway.listen), "new connections to be refused")
    assert gateway.process.poll() is None
    slow_backend.may_answer.set()
    client.join()

    assert outcome == [(200, b"done")]
    assert gateway.process.wait(PATIENCE_SECONDS) == 0


def is_refused(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return True
    return False


def test_nothing_outlives_a_killed_supervisor(running_gateway: RunningGateway) -> None:
    children = processes_of(running_gateway.status())

    running_gateway.process.kill()

    until(lambda: not any(map(is_alive, children)), "the children to die")
    assert is_refused(running_gateway.listen)


def test_hangup_reloads(running_gateway: RunningGateway) -> None:
    running_gateway.process.send_signal(signal.SIGHUP)

    until(
        lambda: running_gateway.status()["last_reload"]["reason"] == "SIGHUP",
        "the reload",
    )
    assert running_gateway.status()["revision"] == 1


def test_a_vanished_directory_is_an_error_and_its_return_is_seen(
    running_gateway: RunningGateway,
) -> None:
    aside = running_gateway.config.with_name("aside")
    running_gateway.config.rename(aside)

    (problem,) = until(running_gateway.reload_problems, "the problem to be reported")
    assert "absent" in problem
    assert running_gateway.pets() == b"one"

    (aside / "apis" / "pets.yaml").write_text(pets("two"))
    aside.rename(running_gateway.config)

    running_gateway.wait_revision(2)
    assert running_gateway.pets() == b"two"


def test_vanished_api_files_are_an_error_whatever_else_is_there(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway({"apis/pets.yaml": pets(), "gateway.toml": "", "domains.yaml": ""})
    (gateway.config / "apis" / "pets.yaml").unlink()
    (gateway.config / "apis").rmdir()

    until(gateway.reload_problems, "the problem to be reported")
    status = gateway.status()
    assert not status["last_reload"]["ok"]
    assert status["last_reload"]["kept"] == ["pets"]
    assert gateway.pets() == b"one"

    gateway.close()
    gateway.start()
    (problem,) = gateway.reload_problems()
    assert "served no more: pets" in problem
    # Saved beside the publication, not before it.
    until((gateway.data / "release" / "previous" / "manifest.json").exists, "what was to be kept")


def test_swapped_symlinks_are_seen(start_gateway: StartGateway) -> None:
    """As Kubernetes mounts a ConfigMap: `apis/pets.yaml` leads through `..data`."""
    gateway = start_gateway({})
    apis = gateway.config / "apis"
    for number, answer in enumerate(("one", "two")):
        directory = apis / f"..{number}"
        directory.mkdir()
        (directory / "pets.yaml").write_text(pets(answer))
    (apis / "..data").symlink_to("..0")
    (apis / "pets.yaml").symlink_to("..data/pets.yaml")
    gateway.wait_revision(2)
    assert gateway.pets() == b"one"

    (apis / "..new").symlink_to("..1")
    (apis / "..new").rename(apis / "..data")

    gateway.wait_revision(3)
    assert gateway.pets() == b"two"


def test_a_changed_settings_file_is_reported_and_not_applied(
    running_gateway: RunningGateway,
) -> None:
    running_gateway.write("gateway.toml", "[limits]\nbody_bytes = 5\n")

    (problem,) = until(running_gateway.reload_problems, "the report")
    assert "limits.body_bytes" in problem
    assert "restart" in problem
    assert running_gateway.status()["last_reload"]["ok"]


def test_a_restart_continues_revisions_and_falls_back_to_the_last_good_form(
    running_gateway: RunningGateway,
) -> None:
    running_gateway.write("apis/pets.yaml", pets("two"))
    running_gateway.wait_revision(2)
    running_gateway.close()
    running_gateway.write("apis/pets.yaml", pets("three").replace("MOCK", "MOKC"))

    running_gateway.start()

    assert running_gateway.status()["revision"] == 2
    assert running_gateway.pets() == b"two"

    running_gateway.write("apis/pets.yaml", pets("three"))

    running_gateway.wait_revision(3)
    assert running_gateway.pets() == b"three"


def start_and_fail(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "run", "--admin", "127.0.0.1:0", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_taken_address_is_a_problem_not_a_second_gateway(
    running_gateway: RunningGateway, tmp_path: Path
) -> None:
    outcome = start_and_fail("--listen", running_gateway.listen, "--data", str(tmp_path / "other"))

    assert outcome.returncode == 1
    assert running_gateway.listen in outcome.stderr


def test_a_data_directory_in_use_is_a_problem(running_gateway: RunningGateway) -> None:
    outcome = start_and_fail("--listen", "127.0.0.1:0", "--data", str(running_gateway.data))

    assert outcome.returncode == 1
    assert "in use by another gateway" in outcome.stderr


def test_listens_on_ipv6(start_gateway: StartGateway) -> None:
    gateway = start_gateway({"apis/pets.yaml": pets()}, "--listen", "[::1]:0")

    assert gateway.listen.startswith("[::1]:")
    assert gateway.pets() == b"one"


def test_without_files_an_empty_release_is_served(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})

    assert gateway.status()["revision"] == 1
    assert gateway.get(PETS_PATH)[0] == 403
