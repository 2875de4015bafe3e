"""Micro-benchmarks of the hot path, and a gate against getting slower that no busy machine trips.

`python -m loadtests.bench.micro`. Nothing is held against seconds. Two measures:

- **instructions** per call, counted by valgrind's callgrind where it is installed: repeatable to
  less than a hundredth, busy machine or not, but only for one version of Python and the packages;
- **ratio** of processor time to that of a calibrating loop, by turns: rough, and the only one
  without valgrind.

`--record` writes what was measured to `micro_baseline.json`; without it, a case that has become
worse than recorded by more than the tolerance fails.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from gateway.clock import SystemClock, id_lines
from gateway.definitions import codec
from gateway.definitions.rest_api import Method
from gateway.definitions.stage import AccessLogSettings, Stage
from gateway.driver import Drive, Pending, Waiter
from gateway.errors import Problem
from gateway.messages import EndpointResponse, InvocationRequest, InvocationResponse
from gateway.routing import Routes
from gateway.server.parser import RequestParser
from gateway.server.responder import Responder, start_of
from gateway.throttle import BucketTable, Meter, bytes_needed, refusing
from loadtests import make_config
from loadtests.bench.machine import ROOT, find_program
from loadtests.bench_routing import concrete
from tests.builders import World, api, mock, proxy, release, request, settings

BASELINE: Final = Path(__file__).with_name("micro_baseline.json")
ROUNDS: Final = 21
ROUND_SECONDS: Final = 0.02
COUNTED_CALLS: Final = 128
"""As many as request ids are made at a time: each count has its share of making them."""
INSTRUCTIONS_TOLERANCE: Final = 0.03
RATIO_TOLERANCE: Final = 0.25
VALGRIND_SECONDS: Final = 600

HEADERS: Final = {
    "User-Agent": "wrk/4.1",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
    "Cookie": "session=0123456789abcdef",
    "X-Client": "bench",
    "Connection": "keep-alive",
}
BACKEND_HEADERS: Final = [
    (b"Server", b"nginx/1.22.1"),
    (b"Date", b"Sun, 22 Nov 2026 12:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"192"),
    (b"Connection", b"keep-alive"),
    (b"ETag", b'"5f3e-abc"'),
    (b"Accept-Ranges", b"bytes"),
]

Call = Callable[[], object]


def calibration() -> Call:
    """Return the loop that others are held against: what Python code mostly does."""
    names = [f"name-{number}" for number in range(16)]

    def call() -> object:
        found: dict[str, int] = {}
        for name in names:
            found[name] = len(name) + found.get("name-1", 0)
        return "".join(names).encode()

    return call


def routing() -> Call:
    """Return look-ups of eight paths of GitHub's 609."""
    resources = make_config.route_set("github")
    routes = Routes.build((path, "GET", path) for path in resources)
    paths = [concrete(path).replace("+", "") for path in resources[:: len(resources) // 8][:8]]

    def call() -> object:
        for path in paths:
            routes.find(path, "GET")
        return None

    return call


def bucket() -> Call:
    """Return what three token buckets say, one of which is in use."""
    table = BucketTable(bytearray(bytes_needed(3, 2)), 3, 2, 0)
    limits = ((1e9, 5000.0), (1e9, 5000.0), (1e-3, 1e9))
    meters = tuple(Meter(table, index, *limit) for index, limit in enumerate(limits))
    now = iter(range(1, 10**12))
    return lambda: refusing(meters, 1000.0 + next(now) * 1e-3)


def decoding() -> Call:
    """Return the reading of one method of a file: what a reload does for each."""
    value = make_config.mock("{}")

    def call() -> object:
        problems: list[Problem] = []
        return codec.decode(Method, value, problems=problems)

    return call


def head_reading() -> Call:
    """Return the parsing of a request's head."""
    parser = RequestParser(20_480, 100)
    lines = ["GET /shop/v1/pets/7?x=1 HTTP/1.1", "Host: api.bench.test"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return lambda: parser.parse(head)


def head_writing() -> Call:
    """Return the writing of an answer with its body."""
    responder = Responder(SystemClock())
    lines = id_lines("fa0fe576-bfcc-4949-be29-750d5062b748", "8qWHV4fNrEi4w+Q=")
    answer = InvocationResponse(200, b"Content-Type: application/json\r\n", b"x" * 192)
    now = SystemClock().now()

    def call() -> object:
        return responder.whole(start_of(answer), lines, b"x" * 192, now, True)

    return call


def _drop(destination: str, line: bytes) -> None:
    """Drop a log line: writing it is not what is measured here."""


def _world() -> World:
    resources = {f"/things/{index}/{{id}}": {"GET": mock()} for index in range(200)}
    resources |= {"/pets/{id}": {"GET": proxy("http://backend.test:9000/pets/{id}")}}
    resources |= {"/mock": {"GET": mock(200, '{"ok": true}')}}
    limits = {"throttlingRateLimit": 1e9, "throttlingBurstLimit": 10**9}
    stage = Stage(
        stage_name="dev",
        method_settings=settings(all_=limits),
        access_log_settings=AccessLogSettings(format="json"),
    )
    world = World(release(api(resources), stage, account=(1e9, 10**9)), buckets=4096)
    world.logs.write = _drop  # type: ignore[method-assign]
    return world


class _Endpoints:
    """A backend with an idle connection, which answers at once and keeps nothing."""

    def send(self, request: object) -> Waiter[EndpointResponse]:  # noqa: ARG002
        call: Waiter[EndpointResponse] = Waiter()
        call.set(EndpointResponse(200, BACKEND_HEADERS, b"x" * 192, 192))
        return call


def serving(target: str, status: int) -> Callable[[], Call]:
    """Return the making of a case: one request through all stations, no sockets."""

    def make() -> Call:
        world = _world()
        world.endpoints.send = _Endpoints().send  # type: ignore[assignment, method-assign]
        asked = request("GET", target, headers=HEADERS)
        call = _one_request(world, asked)
        if call() != status:
            raise AssertionError(f"{target} is to be answered with {status}")
        return call

    return make


def _one_request(world: World, asked: InvocationRequest) -> Callable[[], int]:
    service = world.service
    statuses = [0]

    def answered(response: InvocationResponse) -> None:
        statuses[0] = response.status

    def failed(error: BaseException) -> None:
        raise error

    def call() -> int:
        exchange = service.open(asked)
        answer = service.answer(exchange)
        if isinstance(answer, InvocationResponse):
            answered(answer)
        elif isinstance(answer, Pending):
            answer.start(answered, failed)
        else:
            Drive(answer, answered, failed).step()
        exchange.status = statuses[0]
        service.record(exchange)
        return statuses[0]

    return call


CASES: Final[Mapping[str, Callable[[], Call]]] = {
    "routing, 8 look-ups": routing,
    "bucket, 3 meters": bucket,
    "codec, a method": decoding,
    "head reading": head_reading,
    "head writing": head_writing,
    "serve, HTTP_PROXY": serving("/dev/pets/7?x=1", 200),
    "serve, MOCK": serving("/dev/mock", 200),
    "serve, no route": serving("/dev/nope", 403),
    "serve, no stage": serving("/nope/pets", 403),
}


def ratio(call: Call, calibrating: Call) -> float:
    """Return a call's processor time over the calibrating loop's: the median of paired rounds."""
    turns = _turns(call)
    calibrating_turns = _turns(calibrating)
    pairs = [
        (
            _seconds(call, turns) / turns,
            _seconds(calibrating, calibrating_turns) / calibrating_turns,
        )
        for _ in range(ROUNDS)
    ]
    return statistics.median(own / other for own, other in pairs)


def _turns(call: Call) -> int:
    turns = 1
    while _seconds(call, turns) < ROUND_SECONDS:
        turns *= 2
    return turns


def _seconds(call: Call, turns: int) -> float:
    began = time.process_time()
    for _ in range(turns):
        call()
    return time.process_time() - began


def count_here() -> None:
    """Call each case between marks that callgrind sees. Runs under valgrind only."""
    calls = [make() for make in CASES.values()]
    gc.collect()
    gc.freeze()
    gc.disable()
    for call in calls:
        for _ in range(COUNTED_CALLS):
            call()
        for turns in (COUNTED_CALLS, 2 * COUNTED_CALLS):
            os.sched_yield()  # The mark: callgrind writes its counts before each call of this.
            for _ in range(turns):
                call()
        os.sched_yield()


def instructions() -> dict[str, float]:
    """Return instructions per call of every case, from one run under callgrind."""
    with tempfile.TemporaryDirectory(prefix="stagegate-micro-") as directory:
        command = ["valgrind", "--tool=callgrind", "--dump-before=sched_yield", "--quiet"]
        files = f"--callgrind-out-file={directory}/counts"
        # Hashes of text are different in each process otherwise, and with them the counts.
        done = subprocess.run(
            [*command, files, sys.executable, "-m", "loadtests.bench.micro", "--count"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=VALGRIND_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"valgrind failed: {done.stderr.strip()[-600:]}")
        dumps = sorted(
            (path for path in Path(directory).iterdir() if path.suffix[1:].isdecimal()),
            key=lambda path: int(path.suffix[1:]),
        )
        totals = [_total(path.read_text("utf-8")) for path in dumps]
    return per_call(totals, tuple(CASES), COUNTED_CALLS)


def per_call(totals: Sequence[int], names: Sequence[str], calls: int) -> dict[str, float]:
    """Return counts per call: three marks a case, and what is between the second and third counts.

    Each case's dumps are what came before it, `calls` calls, and twice as many. Their difference is
    without what the counting itself costs.
    """
    if len(totals) != 3 * len(names):
        raise RuntimeError(f"callgrind wrote {len(totals)} counts for {len(names)} cases")
    return {
        name: (totals[3 * index + 2] - totals[3 * index + 1]) / calls
        for index, name in enumerate(names)
    }


def _total(text: str) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
    if found is None:
        raise RuntimeError("callgrind wrote a file without a total")
    return int(found[1])


def environment() -> dict[str, str]:
    """Return what instruction counts depend on besides our own code."""
    packages = ("aiohttp", "multidict", "orjson")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: version(package) for package in packages},
    }


def measure(*, is_counting: bool) -> dict[str, Any]:
    """Return all figures of this working tree."""
    calibrating = calibration()
    ratios = {}
    for name, make in CASES.items():
        ratios[name] = round(ratio(make(), calibrating), 3)
    figures: dict[str, Any] = {"environment": environment(), "ratios": ratios}
    if is_counting:
        figures["instructions"] = {name: round(each) for name, each in instructions().items()}
    return figures


def decisive(measured: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """Return what decides: `instructions` where both have them for equal versions, or `ratios`."""
    have_both = "instructions" in measured and "instructions" in recorded
    if have_both and measured["environment"] == recorded["environment"]:
        return "instructions"
    return "ratios"


def worse(measured: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    """Return which cases have become worse, in words."""
    measure_name = decisive(measured, recorded)
    tolerance = INSTRUCTIONS_TOLERANCE if measure_name == "instructions" else RATIO_TOLERANCE
    found = []
    for name, now in measured[measure_name].items():
        before = recorded[measure_name].get(name)
        if before is not None and now > before * (1 + tolerance):
            more = (now / before - 1) * 100
            found.append(f"{name}: {measure_name} {before} → {now}, {more:+.1f} %")
    return found


def show(measured: Mapping[str, Any], recorded: Mapping[str, Any]) -> None:
    """Print a case a line: instructions and ratio, each with what was recorded."""
    for name in measured["ratios"]:
        texts = []
        for kind in ("instructions", "ratios"):
            if kind in measured:
                now, before = measured[kind][name], recorded.get(kind, {}).get(name)
                texts.append(f"{kind} {now:>10,}" + (f" (recorded {before:,})" if before else ""))
        print(f"{name:24} {'   '.join(texts)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and compare or record; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.micro",
        epilog="exit codes: 0 nothing has become worse, 1 something has, 2 wrong usage",
    )
    parser.add_argument("--record", action="store_true", help=f"write {BASELINE.name}")
    parser.add_argument("--no-valgrind", action="store_true", help="processor time ratios only")
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.count:
        count_here()
        return 0
    has_valgrind = find_program("valgrind") is not None
    if not has_valgrind and not given.no_valgrind:
        print("valgrind is not installed: comparing processor time ratios, which are rough")
    measured = measure(is_counting=has_valgrind and not given.no_valgrind)
    recorded = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    show(measured, recorded)
    if given.record:
        BASELINE.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
        print(f"recorded: {BASELINE}")
        return 0
    if not recorded:
        print("nothing is recorded yet: --record")
        return 0
    found = worse(measured, recorded)
    print(f"decided by {decisive(measured, recorded)}; recorded with {recorded['environment']}")
    for text in found:
        print(f"WORSE: {text}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
