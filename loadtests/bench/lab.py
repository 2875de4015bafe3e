"""What rows measure with: cores, meter, origin, rounds, wrk and the open-loop generator."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtests.bench.anchors import Server
from loadtests.bench.cost import Meter
from loadtests.bench.machine import ROOT, Cores, find_program
from loadtests.bench.ours import HEADERS, PLACEHOLDER, one_of
from loadtests.bench.processes import BenchError, ask

TARGETS: Final = Path(__file__).with_name("targets.lua")
SAMPLE_SECONDS: Final = 0.25
"""Between two requests by which the statuses of a closed loop are checked."""
PRIMING_REQUESTS: Final = 5
SPARE_SECONDS: Final = 30.0
"""What a load may take beyond its time before it is ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things take: the whole bench is bounded by these."""

    rounds: int
    warm_seconds: float
    closed_seconds: float
    open_seconds: float
    throttle_seconds: float


FULL: Final = Pace(
    rounds=5, warm_seconds=2.0, closed_seconds=6.0, open_seconds=10.0, throttle_seconds=20.0
)
QUICK: Final = Pace(
    rounds=1, warm_seconds=0.5, closed_seconds=1.5, open_seconds=2.5, throttle_seconds=4.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What a closed loop of wrk has shown."""

    requests: int
    seconds: float
    cost: float
    """Of one request, in the meter's unit."""
    parts: Mapping[str, float]
    unexpected: tuple[str, ...]
    """Why the figures are void."""

    def to_json(self) -> dict[str, Any]:
        """Return the raw figures of a round."""
        return {
            "requests": self.requests,
            "per_second": round(self.requests / self.seconds, 1),
            "cost": round(self.cost, 4),
            "parts": dict(self.parts),
        }


Start = Callable[[], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """One run's equipment."""

    directory: Path
    cores: Cores
    meter: Meter
    pace: Pace
    origin: Server
    say: Callable[[str], None]
    compiled: Path | None = None
    """The tree of our compiled build, when it is to take part."""

    def closed(self, server: Server, path: str, status: int, *, connections: int = 64) -> Loop:
        """Let wrk ask as fast as it is answered; cost per request, statuses checked.

        A path with `{id}` stands for a thousand, which are asked for by turns.
        """
        one = one_of(path)
        for _ in range(PRIMING_REQUESTS):
            ask(server.port, one, HEADERS)
        self._wrk(server.port, path, self.pace.warm_seconds, connections)
        stop = threading.Event()
        statuses: Counter[str] = Counter()
        sampler = threading.Thread(target=_sample, args=(server.port, one, statuses, stop))
        sampler.start()
        try:
            with self.meter.measuring(server.program) as reading:
                output = self._wrk(server.port, path, self.pace.closed_seconds, connections)
        finally:
            stop.set()
            sampler.join()
        requests, seconds, unexpected = parse_wrk(output, status)
        odd = {name: count for name, count in statuses.items() if name != str(status)}
        if odd:
            unexpected = (*unexpected, f"samples, not {status}: {odd}")
        if why := server.program.died():
            unexpected = (*unexpected, why)
        # Samples are requests as well: a few, but the server has paid for them.
        answered = requests + sum(statuses.values())
        return Loop(
            requests=requests,
            seconds=seconds,
            cost=reading.total / max(1, answered),
            parts={name: round(part / max(1, answered), 1) for name, part in reading.parts.items()},
            unexpected=unexpected,
        )

    def _wrk(self, port: int, path: str, seconds: float, connections: int) -> str:
        # wrk counts in whole seconds.
        whole = max(1, round(seconds))
        command = [_wrk_path(), "-t1", f"-c{connections}", f"-d{whole}s"]
        headers = [text for pair in HEADERS.items() for text in ("-H", ": ".join(pair))]
        url = f"http://127.0.0.1:{port}{one_of(path)}"
        if PLACEHOLDER not in path:
            return self._load([*command, *headers, url], whole)
        return self._load([*command, *headers, "-s", str(TARGETS), url, "--", path], whole)

    def open_loop(
        self, port: int, path: str, *, rate: float, seconds: float, connections: int = 64
    ) -> dict[str, Any]:
        """Send at a fixed rate; return the generator's report."""
        command = [sys.executable, "-m", "loadtests.bench.open_loop"]
        headers = [text for pair in HEADERS.items() for text in ("-H", ": ".join(pair))]
        options = {"--rate": rate, "--seconds": seconds, "--connections": connections}
        flags = [str(each) for pair in options.items() for each in pair]
        url = f"http://127.0.0.1:{port}{path}"
        report = json.loads(self._load([*command, *headers, *flags, url], seconds))
        assert isinstance(report, dict)
        return report

    def _load(self, command: Sequence[str], seconds: float) -> str:
        cores = ",".join(map(str, self.cores.load))
        try:
            done = subprocess.run(
                ["taskset", "-c", cores, *command],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
                timeout=seconds + SPARE_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{command[0]} did not end {SPARE_SECONDS:.0f} s late") from error
        if done.returncode:
            raise BenchError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-400:]}")
        return done.stdout


def parse_wrk(output: str, status: int) -> tuple[int, float, tuple[str, ...]]:
    """Return requests, seconds, and what is wrong when all answers should have had `status`.

    wrk counts answers from 400 on, and none but these, as errors.
    """
    counted = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", output)
    if counted is None:
        raise BenchError(f"wrk printed no count of requests: {output.strip()[-300:]}")
    requests = int(counted[1])
    seconds = float(counted[2]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[counted[3]]
    found = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = int(found[1]) if found else 0
    expected = requests if status >= 400 else 0
    wrong = []
    if requests == 0:
        wrong.append("no request was answered")
    if errors != expected:
        wrong.append(f"{errors} of {requests} answers were errors, expected {expected}")
    sockets = re.search(r"Socket errors: (.+)", output)
    if sockets:
        wrong.append(f"socket errors: {sockets[1]}")
    return requests, seconds, tuple(wrong)


def wrong_statuses(report: Mapping[str, Any], *expected: int) -> tuple[str, ...]:
    """Return what is wrong with an open loop's report when only these statuses may occur."""
    odd = {name: count for name, count in report["statuses"].items() if int(name) not in expected}
    wrong = [f"answers with other statuses: {odd}"] if odd else []
    if report["failures"]:
        wrong.append(f"failures: {report['failures']}")
    if not report["statuses"]:
        wrong.append("no request was answered")
    return tuple(wrong)


def _sample(port: int, path: str, statuses: Counter[str], stop: threading.Event) -> None:
    while not stop.wait(SAMPLE_SECONDS):
        try:
            statuses[str(ask(port, path, HEADERS))] += 1
        except OSError as error:
            statuses[f"no answer: {error}"] += 1


def _wrk_path() -> str:
    path = find_program("wrk")
    if path is None:
        raise BenchError("wrk is not installed (Debian: apt-get install wrk)")
    return path


def settle(seconds: float = 0.3) -> None:
    """Let a server finish what a load has left behind."""
    time.sleep(seconds)
