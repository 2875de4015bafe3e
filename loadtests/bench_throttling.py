"""What a token bucket costs, and how exactly several processes share one.

A plain script, no test: `python -m loadtests.bench_throttling [SECONDS]`. The first part prints µs
for `refusing` with one to three meters. The second lets 1, 2 and 4 processes ask one bucket as fast
as they can for SECONDS (default 5) and compares what they admitted with rate * time + burst.
"""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import time
import timeit

from gateway.throttle import BucketTable, Meter, bytes_needed, refusing

ROUNDS = 7
CALLS = 50_000
NEVER_FULL = (1e-3, 1e9)
"""A rate and burst whose bucket admits, and is never full again."""
ALWAYS_FULL = (1e9, 5_000.0)
EMPTY = (1e-3, 1.0)
LIMITS = ((100.0, 50.0), (100.0, 1.0), (1_000.0, 500.0), (10_000.0, 5_000.0))
"""Rate and burst."""


def costs() -> None:
    print("µs a call, for 1, 2, 3 meters")
    for workers in (1, 2, 4):
        for name, (rate, burst) in (
            ("admitted, bucket full", ALWAYS_FULL),
            ("admitted, bucket in use", NEVER_FULL),
            ("refused", EMPTY),
        ):
            table = BucketTable(bytearray(bytes_needed(3, workers)), 3, workers, 0)
            meters = tuple(Meter(table, index, rate, burst) for index in range(3))
            refusing(meters, time.monotonic())
            figures = []
            for count in (1, 2, 3):
                names = {"refusing": refusing, "m": meters[:count], "now": time.monotonic}
                rounds = timeit.repeat(
                    "refusing(m, now())", globals=names, repeat=ROUNDS, number=CALLS
                )
                clock = timeit.repeat("now()", globals=names, repeat=ROUNDS, number=CALLS)
                figures.append((min(rounds) - min(clock)) / CALLS * 1e6)
            shown = "  ".join(f"{figure:5.2f}" for figure in figures)
            print(f"{workers} workers  {name:24} {shown}")


def press(
    descriptor: int, workers: int, worker: int, limit: tuple[float, float], end: float
) -> None:
    """Ask the bucket until `end`; print what was admitted and when it was first and last asked."""
    memory = mmap.mmap(descriptor, bytes_needed(1, workers))
    meter = Meter(BucketTable(memory, 1, workers, worker), 0, *limit)
    first = now = refused = time.monotonic()
    admitted = asked = 0
    while now < end:
        asked += 1
        if meter.admit(now):
            admitted += 1
        else:
            refused = now
        now = time.monotonic()
    print(json.dumps({"first": first, "refused": refused, "admitted": admitted, "asked": asked}))


def accuracy(seconds: float) -> None:
    print("\nprocesses     rate    burst      asked   admitted   expected    error")
    for workers in (1, 2, 4):
        for rate, burst in LIMITS:
            descriptor = os.memfd_create("buckets")
            os.ftruncate(descriptor, bytes_needed(1, workers))
            numbers = (rate, burst, time.monotonic() + 0.5 + seconds)
            command = [sys.executable, "-m", "loadtests.bench_throttling", "--press"]
            processes = [
                subprocess.Popen(
                    [*command, *map(str, (descriptor, workers, worker, *numbers))],
                    pass_fds=[descriptor],
                    stdout=subprocess.PIPE,
                )
                for worker in range(workers)
            ]
            reports = [json.loads(process.communicate()[0]) for process in processes]
            os.close(descriptor)
            # Whoever was refused last saw an empty bucket: until then nothing was left over.
            last = max(report["refused"] for report in reports)
            span = last - min(report["first"] for report in reports)
            admitted = sum(report["admitted"] for report in reports)
            asked = sum(report["asked"] for report in reports)
            expected = rate * span + burst
            print(
                f"{workers:9} {rate:8.0f} {burst:8.0f} {asked:10} {admitted:10} {expected:10.1f}"
                f" {(admitted / expected - 1) * 100:+8.3f} %"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--press"]:
        given = sys.argv[2:]
        press(
            int(given[0]),
            int(given[1]),
            int(given[2]),
            (float(given[3]), float(given[4])),
            float(given[5]),
        )
    else:
        print(f"CPython {sys.version.split()[0]}, best of {ROUNDS} rounds")
        costs()
        accuracy(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
