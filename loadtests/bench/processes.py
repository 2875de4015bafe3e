"""Starts programs on chosen cores, and sees to it that none of them stays behind.

Every program leads a process group of its own, is told to end when the bench dies, and is killed
with whatever it started when it does not end by itself.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60.0
"""A gateway of 10,000 methods on a busy machine has started by then."""
IDLE_SECONDS: Final = 0.5
IDLE_SHARE: Final = 0.05
"""Of a processor, over that time: a tick or two, what an idle gateway's timers may take."""
STOP_SECONDS: Final = 8.0
KILL_SECONDS: Final = 5.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """The bench cannot go on, and why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running program and what it started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def pids(self) -> tuple[int, ...]:
        """Return its processes, the first one first."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    pid = int(entry.name)
                    children.setdefault(int(_stat(pid)[1]), []).append(pid)
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return tuple(found)

    def died(self) -> str:
        """Return what its log ends with when it is no longer running, else nothing."""
        if self.process.poll() is None:
            return ""
        tail = self.log.read_text("utf-8", "replace").strip()[-600:]
        return f"{self.name} ended with code {self.process.returncode}: {tail or 'no output'}"


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    directory: Path,
    cores: Sequence[int],
    environment: Mapping[str, str] | None = None,
    working_directory: Path | None = None,
) -> Iterator[Program]:
    """Run a program on these cores while the body runs; its output goes to `directory`.

    Raises:
        BenchError: it cannot be started.
    """
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                [*_launcher(cores), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                cwd=working_directory,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise BenchError(f"{name} cannot be started: {error}") from error
    program = Program(name, process, log)
    try:
        yield program
    finally:
        _stop(program)


def _launcher(cores: Sequence[int]) -> list[str]:
    """Return what pins a program and ties its life to ours. TERM, so that it can end its own."""
    setpriv = shutil.which("setpriv")
    tie = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
    return [*tie, "taskset", "-c", ",".join(map(str, cores))]


def _stop(program: Program) -> None:
    # A process is known by its start, not by its number alone, which may be given again.
    starts = {pid: _start(pid) for pid in program.pids()[1:]}
    program.process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.process.pid, signal.SIGKILL)
    program.process.wait()
    end = time.monotonic() + KILL_SECONDS
    for pid, start in starts.items():
        while start and _start(pid) == start and time.monotonic() < end:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(program: Program, port: int, path: str = "/", *, status: int | None = None) -> None:
    """Wait until a program answers on a port; with `status`, until it answers with that one.

    Raises:
        BenchError: it ended, or did not answer in time.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if why := program.died():
            raise BenchError(why)
        try:
            answered = ask(port, path)
        except OSError:
            answered = 0
        if answered and status in (None, answered):
            return
        time.sleep(0.02)
    raise BenchError(f"{program.name} did not answer on port {port} in {START_SECONDS:.0f} s")


def wait_until_idle(program: Program) -> None:
    """Wait until a program that serves has done what it still had to do after its start.

    A gateway answers before it has shown its files' APIs in its store: no part of a request.

    Raises:
        BenchError: it was busy for too long.
    """
    end = time.monotonic() + START_SECONDS
    used = cpu_seconds(program.pids())
    while time.monotonic() < end:
        time.sleep(IDLE_SECONDS)
        now = cpu_seconds(program.pids())
        if now - used <= IDLE_SHARE * IDLE_SECONDS:
            return
        used = now
    raise BenchError(f"{program.name} was not idle {START_SECONDS:.0f} s after its start")


def ask(port: int, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> int:
    """Return the status that one request gets, 0 for an answer that is no HTTP.

    Raises:
        OSError: no connection, or no answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
    except http.client.HTTPException:
        return 0
    finally:
        connection.close()
    return answer.status


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time that processes have used, user and kernel, all threads."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def resident_bytes(pid: int) -> int:
    """Return VmRSS of a process."""
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def command_line(pid: int) -> str:
    """Return a process's command line, nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _start(pid: int) -> str:
    """Return when a process was started, in the kernel's ticks; nothing when it is gone."""
    try:
        fields = _stat(pid)
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third (the state) on."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
