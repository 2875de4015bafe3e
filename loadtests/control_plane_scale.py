"""Many APIs made by concurrent clients, and the start-up from the store that they leave.

    python -m loadtests.control_plane_scale                             # 1,000 APIs x 20, 8 clients
    python -m loadtests.control_plane_scale --apis 100 --directory DIR  # smaller; DIR is kept
    python -m loadtests.control_plane_scale --start-only --directory DIR  # starts alone, from there

The gateway runs as a user starts it, with an empty config directory. Exit code 1: a promise was
broken (a lost update, a duplicate id, an incomplete list, a method that is not served), or a start
took longer than `--start-seconds`; 2: wrong usage, or the gateway cannot be run.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from loadtests.bench.machine import ROOT, facts
from loadtests.bench.processes import BenchError, Program, command_line, cpu_seconds, running
from loadtests.control_plane_clients import (
    BrokenPromiseError,
    Made,
    MadeApi,
    Share,
    check_apis,
    check_served,
    check_shared,
    make_share,
    make_shared,
)

START_SECONDS: Final = 120.0
"""After which a start has failed, however slow the machine is."""
LOOK_SECONDS: Final = 0.05
MADE: Final = "made.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that is ready."""

    program: Program
    admin: str
    listen: str
    seconds: float
    """From its start until `/readyz` is 200 and every worker serves the newest release."""
    cpu: dict[str, float]
    """Processor seconds that were used until then, by role."""


@contextlib.contextmanager
def gateway(directory: Path, workers: int) -> Iterator[Running]:
    """Run a gateway on the store below `directory` until the body ends.

    Raises:
        BenchError: it ended, or is not ready in time.
    """
    data = directory / "data"
    (directory / "config").mkdir(parents=True, exist_ok=True)
    addresses = data / "run" / "addresses.json"
    addresses.unlink(missing_ok=True)
    command = [sys.executable, "-m", "gateway", "run", "--workers", str(workers)]
    command += ["--config", str(directory / "config"), "--data", str(data)]
    command += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    cores = sorted(os.sched_getaffinity(0))
    start = time.monotonic()
    with running(
        "gateway",
        command,
        directory=directory,
        cores=cores,
        # A start that compiles the gateway's own modules anew is nobody's start but the first.
        environment={"PYTHONDONTWRITEBYTECODE": ""},
        working_directory=ROOT,
    ) as program:
        told = _until_ready(program, addresses)
        seconds = time.monotonic() - start
        yield Running(program, told["admin"], told["listen"], seconds, cpu_by_role(program))


def cpu_by_role(program: Program) -> dict[str, float]:
    """Return the processor seconds that the gateway's processes have used: workers added up."""
    cpu = {"supervisor": 0.0, "control": 0.0, "workers": 0.0}
    for pid in program.pids():
        line = command_line(pid)
        role = next((role for role in ("control", "worker") if f"gateway.{role}.main" in line), "")
        name = {"control": "control", "worker": "workers"}.get(role, "supervisor")
        cpu[name] += cpu_seconds([pid])
    return {name: round(seconds, 2) for name, seconds in cpu.items()}


def _until_ready(program: Program, addresses: Path) -> dict[str, str]:
    end = time.monotonic() + START_SECONDS
    told: dict[str, str] = {}
    while time.monotonic() < end:
        if why := program.died():
            raise BenchError(why)
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            told = told or json.loads(addresses.read_text("utf-8"))
            if _ask(told["admin"], "/readyz")[0] == 200:
                status = json.loads(_ask(told["admin"], "/status")[1])
                revisions = {worker["revision"] for worker in status["workers"]}
                if revisions == {status["revision"]} and status["last_reload"] is not None:
                    return told
        time.sleep(LOOK_SECONDS)
    raise BenchError(f"the gateway was not ready in {START_SECONDS:.0f} s: {program.log}")


def _ask(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=START_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def create(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Make everything with concurrent clients, check it, and keep what they were told.

    Raises:
        BrokenPromiseError: something is not as a client was told.
    """
    with gateway(directory, options.workers) as running_gateway:
        url = f"http://{running_gateway.admin}"
        api, root = make_shared(url)
        shares = [
            Share(
                url=url,
                client=client,
                clients=options.clients,
                apis=options.apis,
                methods=options.methods,
                shared_api=api,
                shared_root=root,
            )
            for client in range(options.clients)
        ]
        before, start = running_gateway.cpu, time.monotonic()
        # Spawned: a fork would take our threads' locks along.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.clients, mp_context=context) as pool:
            made = list(pool.map(make_share, shares))
        seconds = time.monotonic() - start
        cpu = cpu_by_role(running_gateway.program)
        (directory / MADE).write_text(json.dumps([asdict(each) for each in made]), "utf-8")
        start = time.monotonic()
        reads = check_apis(url, made, api)
        check_shared(url, shares, made, api)
        served = check_served(running_gateway.listen, made)
    calls = sum(each.calls for each in made)
    return {
        "apis": options.apis,
        "methods": options.apis * options.methods,
        "calls": calls,
        "seconds": round(seconds, 1),
        "calls_per_second": round(calls / seconds),
        "cpu": {role: round(used - before[role], 2) for role, used in cpu.items()},
        "check_calls": reads,
        "check_seconds": round(time.monotonic() - start, 1),
        "served_apis": served,
    }


def start_up(directory: Path, workers: int, made: Sequence[Made]) -> dict[str, Any]:
    """Start the gateway on the store once, see that every API is served, and end it.

    Raises:
        BrokenPromiseError: one is not.
    """
    with gateway(directory, workers) as running_gateway:
        check_served(running_gateway.listen, made)
        return {
            "seconds": round(running_gateway.seconds, 2),
            "cpu": running_gateway.cpu,
            "cpu_all": round(sum(running_gateway.cpu.values()), 2),
        }


def _made(directory: Path) -> list[Made]:
    listed = json.loads((directory / MADE).read_text("utf-8"))
    return [
        Made(
            apis=tuple(MadeApi(**api) for api in each["apis"]),
            shared_paths=tuple(each["shared_paths"]),
            calls=each["calls"],
        )
        for each in listed
    ]


def measure(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Do everything that was asked for, telling each step on standard error."""
    told: dict[str, Any] = {"facts": facts()}
    if not options.start_only:
        told["create"] = create(options, directory)
        _tell("create", told["create"])
    made = _made(directory)
    for name, is_first in (("start_from_store", True), ("start_again", False)):
        starts = []
        for _ in range(options.starts):
            if is_first:
                # As after an upgrade that reads no older release: the store is all there is.
                shutil.rmtree(directory / "data" / "release", ignore_errors=True)
            starts.append(start_up(directory, options.workers, made))
            _tell(name, starts[-1])
        told[name] = starts
    return told


def _tell(name: str, what: object) -> None:
    print(f"{name}: {json.dumps(what)}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; wrong usage ends the process with 2."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.control_plane_scale")
    parser.add_argument("--apis", type=int, default=1000)
    parser.add_argument("--methods", type=int, default=20, help="of each API; even")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2, help="of the gateway")
    parser.add_argument("--starts", type=int, default=3, help="of each kind")
    parser.add_argument("--start-seconds", type=float, help="a best start above this is a failure")
    parser.add_argument("--start-only", action="store_true", help="use what lies in --directory")
    parser.add_argument("--directory", type=Path, help="kept; without it, a temporary one")
    parser.add_argument("--json", type=Path, help="write all figures to this file as well")
    options = parser.parse_args(arguments)
    if min(options.apis, options.clients, options.workers, options.starts) < 1:
        parser.error("--apis, --clients, --workers and --starts are at least 1")
    if options.methods < 2 or options.methods % 2:
        parser.error("--methods is even and at least 2")
    is_made = options.directory is not None and (options.directory / MADE).exists()
    if options.start_only and not is_made:
        parser.error("--start-only needs the --directory of an earlier run")
    if is_made and not options.start_only:
        parser.error(
            f"{options.directory} holds an earlier run: --start-only, or another directory"
        )
    return options


def main(arguments: Sequence[str]) -> int:
    """Measure; return the exit code."""
    options = parse(arguments)
    with contextlib.ExitStack() as opened:
        directory = options.directory or Path(
            opened.enter_context(tempfile.TemporaryDirectory(prefix="stagegate-scale-"))
        )
        directory.mkdir(parents=True, exist_ok=True)
        try:
            told = measure(options, directory.resolve())
        except BrokenPromiseError as error:
            print(f"broken promise: {error}", file=sys.stderr)
            return 1
        except BenchError as error:
            print(error, file=sys.stderr)
            return 2
    text = json.dumps(told, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", "utf-8")
    best = {name: min(each["seconds"] for each in told[name]) for name in told if "start" in name}
    slow = [name for name, seconds in best.items() if seconds > (options.start_seconds or seconds)]
    if slow:
        print(f"slower than {options.start_seconds:g} s: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
