"""What a program's work costs: processor cycles where the machine counts them, else CPU time."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from loadtests.bench.processes import Program, cpu_seconds

EVENTS: Final = "cycles:u,cycles:k"
_ATTACH_SECONDS: Final = 0.2


@dataclass(slots=True)
class Reading:
    """A cost, in the meter's unit; known once the measured body has ended."""

    total: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meter:
    """How costs are measured on this machine."""

    unit: str
    """`kcycles` or `µs CPU`."""
    method: str
    is_counting: bool

    @contextlib.contextmanager
    def measuring(self, program: Program) -> Iterator[Reading]:
        """Measure what all processes of a program use while the body runs."""
        reading = Reading()
        pids = program.pids()
        if not self.is_counting:
            before = cpu_seconds(pids)
            yield reading
            reading.total = (cpu_seconds(pids) - before) * 1e6
            return
        perf = subprocess.Popen(_perf(pids), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            time.sleep(_ATTACH_SECONDS)
            yield reading
        finally:
            perf.send_signal(signal.SIGINT)
            counted = parse_perf(perf.communicate(timeout=10)[1].decode())
        reading.parts = counted
        reading.total = sum(counted.values()) / 1000


def choose_meter() -> Meter:
    """Return the best meter that works here."""
    perf = shutil.which("perf")
    if perf:
        burn = [sys.executable, "-c", "sum(range(10**6))"]
        done = subprocess.run(
            [perf, "stat", "-x,", "-e", EVENTS, *burn], capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and sum(parse_perf(done.stderr).values()) > 0:
            return Meter("kcycles", f"perf stat -e {EVENTS}, all processes", True)
    why = "perf does not count cycles here" if perf else "perf is not installed"
    return Meter("µs CPU", f"utime + stime of all processes, /proc/PID/stat ({why})", False)


def parse_perf(text: str) -> dict[str, float]:
    """Return counts by event from `perf stat -x,`; what was not counted is left out."""
    found = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[0].isdecimal():
            found[fields[2]] = float(fields[0])
    return found


def _perf(pids: Sequence[int]) -> list[str]:
    return ["perf", "stat", "-x,", "-e", EVENTS, "-p", ",".join(map(str, pids))]
