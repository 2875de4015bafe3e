"""Rows of latency at a fixed rate: what the gateway adds, and what reloads beside it add."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from loadtests.bench.anchors import NGINX, nginx
from loadtests.bench.lab import Lab, wrong_statuses
from loadtests.bench.lines import Line, paired
from loadtests.bench.open_loop import exchange, request_bytes
from loadtests.bench.ours import (
    PASS,
    Backends,
    gateway,
    other_api,
    shop_document,
    write_config,
)
from loadtests.make_config import write_yaml

RATE: Final = 2000.0
ADDED_FLOOR_SECONDS: Final = 0.00005
"""Nothing adds less than this in truth: a smaller difference is noise, and no divisor."""
RELOAD_METHODS: Final = 300
CHANGING: Final = "/restapis/changing/prod/_user_request_/others/t0"
OTHER_APIS: Final = 20
OTHER_API_METHODS: Final = 500
RELOAD_SECONDS: Final = 1.0
RELOADED_WITHIN_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.1
SPARE_TURNS: Final = 5
"""In a round: the load takes a little longer than its time, to start and to end."""


def _latencies(report: dict[str, Any]) -> dict[str, float]:
    latencies: dict[str, float] = report["latency_seconds"]
    return latencies


def added(lab: Lab) -> list[Line]:
    """P5: latency at 2,000 requests a second, less that of the origin alone; beside nginx's."""
    if NGINX.absence:
        return [Line(row="P5", work="added latency", anchor="nginx", skipped=NGINX.absence)]
    config = lab.directory / "config-shop"
    write_config(config, {"shop": shop_document(Backends(origin=lab.origin.port))})
    rounds: list[dict[str, dict[str, Any]]] = []
    wrong: list[str] = []
    with (
        gateway(lab.directory, lab.cores, config) as ours,
        nginx(lab.directory, lab.cores, lab.origin.port) as theirs,
    ):
        ports = {"direct": lab.origin.port, "nginx": theirs.port, "ours": ours.port}
        for port in ports.values():
            lab.open_loop(port, PASS, rate=RATE, seconds=lab.pace.warm_seconds)
        for turn in range(lab.pace.rounds):
            reports = {}
            for name in (list(ports), list(ports)[::-1])[turn % 2]:
                report = lab.open_loop(ports[name], PASS, rate=RATE, seconds=lab.pace.open_seconds)
                wrong += [f"{name}: {why}" for why in wrong_statuses(report, 200)]
                reports[name] = report
            rounds.append(reports)
            shown = {name: _latencies(reports[name]) for name in ports}
            lab.say(
                f"  round {turn + 1}: "
                + ", ".join(
                    f"{name} p50 {each['p50'] * 1000:.3f} ms, p99 {each['p99'] * 1000:.3f} ms"
                    for name, each in shown.items()
                )
            )
    return [
        _added_line(rounds, wrong, "p50", limit_ms=0.3),
        _added_line(rounds, wrong, "p99", ratio=(2.0, 1.3)),
    ]


def _added_line(
    rounds: list[dict[str, dict[str, Any]]],
    wrong: list[str],
    name: str,
    *,
    limit_ms: float | None = None,
    ratio: tuple[float, float] | None = None,
) -> Line:
    def more(who: str) -> list[float]:
        return [_latencies(each[who])[name] - _latencies(each["direct"])[name] for each in rounds]

    ours, theirs = more("ours"), [max(ADDED_FLOOR_SECONDS, each) for each in more("nginx")]
    median_ours = statistics.median(ours) * 1000
    return Line(
        row="P5",
        work=f"added latency, {name}, {RATE:.0f} rps",
        anchor="nginx",
        ours=median_ours,
        theirs=statistics.median(theirs) * 1000,
        unit="ms",
        value=paired(ours, theirs) if ratio else median_ours,
        value_unit="×" if ratio else "ms",
        must=ratio[0] if ratio else limit_ms,
        moonshot=ratio[1] if ratio else None,
        voided=tuple(dict.fromkeys(wrong)),
        rounds=tuple(
            {
                who: {"latency": report["latency_seconds"], "lag": report["generator_lag_seconds"]}
                for who, report in each.items()
            }
            for each in rounds
        ),
    )


class _Watch:
    """Asks the changing API on a connection of its own.

    Kept open, and read by hand: a new one each time, by a client library, took the load's core for
    a millisecond, which is a hundredth of all requests.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._request = request_bytes("GET", CHANGING, [("Host", "bench.test")])
        self._connection: socket.socket | None = None

    def turn_served(self) -> int:
        """Return which turn of the API is served now; -1: it did not say."""
        try:
            return int(json.loads(self._answer().partition(b"\r\n\r\n")[2])["turn"])
        except (OSError, ValueError, KeyError):
            self.close()
            return -1

    def _answer(self) -> bytes:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        return exchange(self._connection, self._request)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _changing_api(turn: int) -> dict[str, Any]:
    return other_api(RELOAD_METHODS, answer=json.dumps({"turn": turn}))


@dataclass(slots=True)
class _Turns:
    """What was written of the changing API, and what of it was seen in answers.

    The files of all turns are made before: making them would take the load's core from the load.
    """

    made: Sequence[Path]
    """What the API becomes, turn by turn, beside the directory that is served."""
    written: int = 0
    served: set[int] = field(default_factory=set)

    @classmethod
    def make(cls, directory: Path, count: int) -> Self:
        """Write the files of that many turns."""
        made = [directory / f"{turn}.yaml" for turn in range(1, count + 1)]
        for turn, file in enumerate(made, start=1):
            write_yaml(file, _changing_api(turn))
        return cls(made)

    def change(self, file: Path) -> None:
        """Put the next turn in place of a file; after the last one, nothing."""
        if self.written < len(self.made):
            self.made[self.written].replace(file)
            self.written += 1

    def look(self, watch: _Watch) -> None:
        """Ask once."""
        self.served.add(watch.turn_served())

    def wait(self, watch: _Watch) -> None:
        """Ask until the last turn is served, or it has had its time."""
        end = time.monotonic() + RELOADED_WITHIN_SECONDS
        while self.written not in self.served and time.monotonic() < end:
            self.look(watch)
            time.sleep(LOOK_SECONDS)

    def problems(self) -> list[str]:
        """Return what was not served as written."""
        if -1 in self.served:
            return ["the changing API did not always answer"]
        if self.written not in self.served:
            return [f"the last change was not served {RELOADED_WITHIN_SECONDS:.0f} s after it"]
        return []


@contextlib.contextmanager
def _looking(turns: _Turns, watch: _Watch, changed: Path | None) -> Iterator[None]:
    """Look at what is served while the body runs; rewrite an API each second, if one is named.

    Also where nothing changes: looking takes from the load's core, and from the gateway's.
    """
    stop = threading.Event()

    def run() -> None:
        due = time.monotonic() + RELOAD_SECONDS / 2
        while not stop.wait(LOOK_SECONDS):
            turns.look(watch)
            if changed is not None and time.monotonic() >= due:
                due += RELOAD_SECONDS
                turns.change(changed)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def reloads(lab: Lab) -> list[Line]:
    """P6: an API of 300 methods changes each second beside 10,000 methods of other APIs."""
    config = lab.directory / "config-reloads"
    apis = {f"other-{number}": other_api(OTHER_API_METHODS) for number in range(OTHER_APIS)}
    apis["changing"] = _changing_api(0)
    apis["shop"] = shop_document(Backends(origin=lab.origin.port), other_methods=0)
    write_config(config, apis)
    quiet: list[dict[str, Any]] = []
    busy: list[dict[str, Any]] = []
    most = math.ceil(lab.pace.open_seconds / RELOAD_SECONDS) + SPARE_TURNS
    turns = _Turns.make(lab.directory / "changes", most * lab.pace.rounds)
    with (
        gateway(lab.directory, lab.cores, config, name="gateway-reloads") as server,
        contextlib.closing(_Watch(server.port)) as watch,
    ):

        def measure(changed: Path | None = None) -> dict[str, Any]:
            seconds = lab.pace.open_seconds
            with _looking(turns, watch, changed):
                return lab.open_loop(server.port, PASS, rate=RATE, seconds=seconds)

        lab.open_loop(server.port, PASS, rate=RATE, seconds=lab.pace.warm_seconds)
        for turn in range(lab.pace.rounds):
            quiet.append(measure())
            busy.append(measure(config / "apis" / "changing.yaml"))
            turns.wait(watch)
            lab.say(
                f"  round {turn + 1}: p99 {_latencies(quiet[-1])['p99'] * 1000:.3f} ms,"
                f" with reloads {_latencies(busy[-1])['p99'] * 1000:.3f} ms"
            )
        why = server.program.died()
    wrong = [text for report in quiet for text in wrong_statuses(report, 200)]
    if why:
        wrong.append(why)
    wrong += turns.problems()
    failed = sum(_failed(report) for report in busy)
    p99_quiet = [_latencies(report)["p99"] for report in quiet]
    p99_busy = [_latencies(report)["p99"] for report in busy]
    seen = len(turns.served - {0, -1})
    others = OTHER_APIS * OTHER_API_METHODS
    work = f"{RELOAD_METHODS} methods change each second beside {others:,}"
    raw = tuple(
        {"without": without["latency_seconds"], "with": with_["latency_seconds"]}
        for without, with_ in zip(quiet, busy, strict=True)
    )
    return [
        Line(
            row="P6",
            work=f"{work}: failed requests",
            anchor="itself, no reloads",
            ours=float(failed),
            theirs=0.0,
            unit="requests",
            value=float(failed),
            value_unit="failed",
            must=0.0,
            voided=tuple(wrong),
            notes=(f"of {turns.written} changes, {seen} were seen in answers",),
            rounds=tuple(
                {"statuses": report["statuses"], "failures": report["failures"]} for report in busy
            ),
        ),
        Line(
            row="P6",
            work=f"{work}: p99 at {RATE:.0f} rps",
            anchor="itself, no reloads",
            ours=statistics.median(p99_busy) * 1000,
            theirs=statistics.median(p99_quiet) * 1000,
            unit="ms",
            value=paired(p99_busy, p99_quiet),
            must=1.3,
            moonshot=1.1,
            voided=tuple(wrong),
            notes=("all of the gateway's processes share one core",),
            rounds=raw,
        ),
    ]


def _failed(report: dict[str, Any]) -> int:
    """Return how many requests got anything but 200."""
    return int(report["sent"]) - int(report["statuses"].get("200", 0))
