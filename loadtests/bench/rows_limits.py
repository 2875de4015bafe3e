"""Rows of routing, memory and throttle accuracy: held against numbers, not against anchors."""

from __future__ import annotations

import contextlib
import resource
import socket
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.routing import Routes
from loadtests.bench.anchors import Server
from loadtests.bench.lab import Lab, settle, wrong_statuses
from loadtests.bench.lines import Line
from loadtests.bench.open_loop import complete_answer, exchange, request_bytes
from loadtests.bench.ours import (
    HEADERS,
    LIMITED,
    MOCK,
    Backends,
    gateway,
    other_api,
    other_targets,
    shop_document,
    worker_pids,
    write_config,
)
from loadtests.bench.processes import BenchError, resident_bytes
from loadtests.bench_routing import LARGE, SMALL, concrete, many, microseconds
from loadtests.make_config import ROUTE_SETS

TIMES: Final = 15
"""How often a look-up's time is taken; the best counts, for the machine is not ours alone."""
MEMORY_APIS: Final = 20
MEMORY_API_METHODS: Final = 500
IDLE_CONNECTIONS: Final = 2000
LIMIT: Final = (500.0, 250)
"""Rate and burst of the throttle that is measured; the load is four times the rate."""


def routing(_lab: Lab) -> list[Line]:
    """P4: what one look-up takes, in this process, on real paths and in a large tree."""
    resources = sorted(set((ROUTE_SETS / "github.txt").read_text("utf-8").split()))
    routes = Routes.build((path, "GET", path) for path in resources)
    paths = [concrete(path) for path in resources]
    times = [microseconds(routes, paths) for _ in range(TIMES)]
    small_paths = many(SMALL)
    asked = [concrete(path) for path in small_paths]
    small = Routes.build((path, "GET", path) for path in small_paths)
    large = Routes.build((path, "GET", path) for path in many(LARGE))
    pairs = [(microseconds(small, asked), microseconds(large, asked)) for _ in range(TIMES)]
    return [
        Line(
            row="P4",
            work=f"a look-up among GitHub's {len(resources)} paths",
            ours=min(times),
            unit="µs",
            value=min(times),
            value_unit="µs",
            must=3.0,
            moonshot=1.5,
            rounds=tuple({"microseconds": each} for each in times),
        ),
        Line(
            row="P4",
            work=f"a look-up among {LARGE:,} methods",
            anchor=f"{SMALL} methods",
            ours=min(pair[1] for pair in pairs),
            theirs=min(pair[0] for pair in pairs),
            unit="µs",
            value=statistics.median(large_one / small_one for small_one, large_one in pairs),
            must=1.2,
            rounds=tuple({"small": pair[0], "large": pair[1]} for pair in pairs),
        ),
    ]


def memory(lab: Lab) -> list[Line]:
    """P8: VmRSS of a worker, by methods that were called, and by idle connections."""
    few = lab.directory / "config-few"
    shop = shop_document(Backends(origin=lab.origin.port), other_methods=0)
    write_config(few, {"shop": shop})
    full = lab.directory / "config-full"
    others = {f"other-{n}": other_api(MEMORY_API_METHODS) for n in range(MEMORY_APIS)}
    write_config(full, {"shop": shop, **others})
    methods = MEMORY_APIS * MEMORY_API_METHODS
    rounds: list[dict[str, float]] = []
    for turn in range(min(lab.pace.rounds, 3)):
        with gateway(lab.directory, lab.cores, few, name="gateway-few") as server:
            small = _resident(server)
            connection = _connection_bytes(server)
        with gateway(lab.directory, lab.cores, full, name="gateway-full") as server:
            uncalled = _resident(server)
            _call_each(server, list(others))
            large = _resident(server)
        rounds.append({"few": small, "uncalled": uncalled, "full": large, "connection": connection})
        lab.say(f"  round {turn + 1}: {(large - small) / 1e6:.1f} MB, {connection / 1e3:.1f} KB")
    megabytes = statistics.median(each["full"] - each["few"] for each in rounds) / 1e6
    at_first = statistics.median(each["uncalled"] - each["few"] for each in rounds) / 1e6
    kilobytes = statistics.median(each["connection"] for each in rounds) / 1e3
    return [
        Line(
            row="P8",
            work=f"memory of {methods:,} methods, each called once, a worker",
            ours=megabytes,
            unit="MB",
            value=megabytes / methods * 10_000,
            value_unit="MB",
            must=25.0,
            moonshot=12.5,
            notes=(f"{at_first:.1f} MB before any of them is called",),
            rounds=tuple(rounds),
        ),
        Line(
            row="P8",
            work=f"memory of an idle connection, of {IDLE_CONNECTIONS}",
            ours=kilobytes,
            unit="KB",
            value=kilobytes,
            value_unit="KB",
            must=12.0,
            moonshot=6.0,
            rounds=tuple(rounds),
        ),
    ]


def _resident(server: Server) -> float:
    settle()
    return float(max(resident_bytes(pid) for pid in worker_pids(server)))


def _call_each(server: Server, api_ids: Sequence[str]) -> None:
    """Call every method of some APIs once: a worker compiles one when it is called first."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for api_id in api_ids:
            for target in other_targets(api_id, MEMORY_API_METHODS):
                request = request_bytes("GET", target, [("Host", "bench.test")])
                received = exchange(connection, request)
                if complete_answer(received) != 200:
                    raise BenchError(f"{target} got {received[:40]!r}")


def _connection_bytes(server: Server) -> float:
    """Return what an idle connection takes that has had an answer.

    The first ones are made before the first reading: they pay for what is made once.
    """
    request = request_bytes("GET", MOCK, tuple(HEADERS.items()))
    with contextlib.ExitStack() as stack, _descriptors(IDLE_CONNECTIONS + 1000):
        stack.enter_context(_idle(server.port, request, 100))
        before = _resident(server)
        stack.enter_context(_idle(server.port, request, IDLE_CONNECTIONS))
        return (_resident(server) - before) / IDLE_CONNECTIONS


@contextlib.contextmanager
def _descriptors(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, count) if hard == resource.RLIM_INFINITY else min(max(soft, count), hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def _idle(port: int, request: bytes, count: int) -> Iterator[None]:
    """Open connections, each of which has had one answer, and keep them."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=10)
            )
            try:
                received = exchange(connection, request)
            except ConnectionError as error:
                raise BenchError(f"a connection that was to stay idle: {error}") from error
            if complete_answer(received) != 200:
                raise BenchError(f"an idle connection's request got {received[:40]!r}")
        yield


def throttle(lab: Lab) -> list[Line]:
    """P9: requests admitted under four times the rate, against rate × time + burst."""
    config = lab.directory / "config-limit"
    shop = shop_document(Backends(origin=lab.origin.port), other_methods=0, limit=LIMIT)
    write_config(config, {"shop": shop})
    return [_accuracy(lab, config, workers) for workers in (1, 2, 4)]


def _accuracy(lab: Lab, config: Any, workers: int) -> Line:
    rate, burst = LIMIT
    rounds: list[dict[str, float]] = []
    wrong: list[str] = []
    name = f"gateway-limit-{workers}"
    for turn in range(min(lab.pace.rounds, 3)):
        # A new gateway each time: its bucket is full.
        with gateway(lab.directory, lab.cores, config, workers=workers, name=name) as server:
            report = lab.open_loop(
                server.port, LIMITED, rate=rate * 4, seconds=lab.pace.throttle_seconds
            )
        wrong += wrong_statuses(report, 200, 429)
        admitted = report["statuses"].get("200", 0)
        expected = rate * (report["last"] - report["first"]) + burst
        rounds.append({"admitted": admitted, "expected": expected})
        lab.say(f"  round {turn + 1}: {workers} workers admitted {admitted} of {expected:.1f}")
    errors = [abs(each["admitted"] / each["expected"] - 1) * 100 for each in rounds]
    return Line(
        row="P9",
        work=f"requests admitted, {workers} workers, {rate:.0f}/s, burst {burst}",
        anchor="arithmetic",
        ours=statistics.median(each["admitted"] for each in rounds),
        theirs=statistics.median(each["expected"] for each in rounds),
        unit="requests",
        value=statistics.median(errors),
        value_unit="% off",
        must=1.0,
        moonshot=0.1,
        voided=tuple(dict.fromkeys(wrong)),
        rounds=tuple(rounds),
    )
