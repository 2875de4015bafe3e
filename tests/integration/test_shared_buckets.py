"""Two buckets, two processes, real memory between them and a real clock."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gateway.throttle import bytes_needed

ROOT = Path(__file__).resolve().parents[2]
LIMITS = ((100.0, 50), (1_000.0, 500))
"""Rate and burst of the buckets."""
WORKERS = 2
SECONDS = 2.5

PRESSURE = """
import json, mmap, sys, time
from gateway.throttle import BucketTable, Meter, bytes_needed
descriptor, workers, worker, seconds, *limits = map(float, sys.argv[1:])
count = len(limits) // 2
memory = mmap.mmap(int(descriptor), bytes_needed(count, int(workers)))
table = BucketTable(memory, count, int(workers), int(worker))
meters = [Meter(table, index, *limits[2 * index : 2 * index + 2]) for index in range(count)]
clock = time.monotonic
print("ready", flush=True)
end = float(sys.stdin.readline()) + seconds
first = now = clock()
refused = [first] * count
admitted = [0] * count
pauses = []
while now < end:
    began = now
    for index, meter in enumerate(meters):
        if meter.admit(now):
            admitted[index] += 1
        else:
            refused[index] = now
        now = clock()
    if now - began > 0.1:
        pauses.append((began, now))
told = {"first": first, "refused": refused, "admitted": admitted, "pauses": pauses}
print(json.dumps(told))
"""


def press(seconds: float) -> list[dict[str, Any]]:
    """Let all workers ask all buckets as fast as they can; return each one's report."""
    descriptor = os.memfd_create("buckets")
    try:
        os.ftruncate(descriptor, bytes_needed(len(LIMITS), WORKERS))
        limits = [number for limit in LIMITS for number in limit]
        processes = []
        for worker in range(WORKERS):
            numbers = (descriptor, WORKERS, worker, seconds, *limits)
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", PRESSURE, *map(str, numbers)],
                    pass_fds=[descriptor],
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        # They begin together, however long each has taken to start.
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{time.monotonic()}\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    finally:
        os.close(descriptor)


def paused_together(reports: list[dict[str, Any]]) -> float:
    """Return for how many seconds no worker asked; a bucket that is full then loses tokens."""
    one, other = (report["pauses"] for report in reports)
    overlaps = (
        min(end, end_too) - max(begin, begin_too)
        for begin, end in one
        for begin_too, end_too in other
    )
    return float(sum(max(overlap, 0.0) for overlap in overlaps))


def test_two_processes_admit_what_one_would() -> None:
    """Compared with the time that really passed, so that a busy machine does not matter."""
    reports = press(SECONDS)
    first = min(report["first"] for report in reports)
    for index, (rate, burst) in enumerate(LIMITS):
        # Whoever was refused last saw an empty bucket: until then nothing was left over.
        span = max(report["refused"][index] for report in reports) - first
        expected = rate * span + burst
        total = sum(report["admitted"][index] for report in reports)

        assert span > SECONDS / 2
        tolerance = 0.01 * expected + 2
        lost = rate * paused_together(reports)
        assert expected - lost - tolerance <= total <= expected + tolerance
