"""The bench's command line: which rows, how often, and where the result goes."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from compiled.__main__ import OUTPUT as COMPILED_TREE
from compiled.__main__ import staleness
from loadtests.bench.anchors import origin
from loadtests.bench.chart import chart
from loadtests.bench.cost import choose_meter
from loadtests.bench.lab import FULL, QUICK, Lab, Pace
from loadtests.bench.lines import Line, is_failure
from loadtests.bench.machine import ROOT, choose_cores, facts, find_program
from loadtests.bench.processes import BenchError
from loadtests.bench.rows_bodies import bodies
from loadtests.bench.rows_cost import cache_hit, pass_through, short_answers, workers
from loadtests.bench.rows_latency import added, reloads
from loadtests.bench.rows_limits import memory, routing, throttle
from loadtests.bench.table import print_table

RESULTS: Final = ROOT / "loadtests" / "results"
ROUNDS_MAX: Final = 100

ROWS: Final[Mapping[str, Callable[[Lab], list[Line]]]] = {
    "P1": pass_through,
    "P2": cache_hit,
    "P3": short_answers,
    "P4": routing,
    "P5": added,
    "P6": reloads,
    "P7": bodies,
    "P8": memory,
    "P9": throttle,
    "P10": workers,
}
NAMES: Final = tuple(f"P{number}" for number in range(1, 11))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; wrong usage ends with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench",
        description="Measure the gateway beside nginx, HAProxy, Caddy and a naive aiohttp proxy.",
        epilog="exit codes: 0 targets met, 1 one is missed or a row is void, 2 wrong usage",
    )
    parser.add_argument("--rows", type=_rows, default=NAMES, metavar="P1,P3", help="default: all")
    parser.add_argument("--rounds", type=_rounds, metavar="N", help=f"default: {FULL.rounds}")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    parser.add_argument(
        "--compiled", action="store_true", help="P1 and P3: our compiled build, too (make compiled)"
    )
    parser.add_argument("--json", type=_file, metavar="PATH", help="result (loadtests/results/…)")
    parser.add_argument("--chart", type=_file, metavar="PATH", help="draw an SVG")
    parser.add_argument("--keep", action="store_true", help="keep configurations and logs")
    return parser.parse_args(arguments)


def _rows(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().upper() for name in text.split(","))
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{', '.join(map(repr, unknown))}: no such row; there are {', '.join(NAMES)}"
        )
    return tuple(name for name in NAMES if name in names)


def _file(text: str) -> Path:
    """Read a path to write to. A run takes long: that it cannot be written is found out before."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: the directory {path.parent} is not there")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a directory; name a file")
    return path


def _rounds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= ROUNDS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} must be 1 to {ROUNDS_MAX}")
    return int(text)


def pace_of(given: argparse.Namespace) -> Pace:
    """Return how long things take."""
    pace = QUICK if given.quick else FULL
    if given.rounds is None:
        return pace
    values = {name: getattr(pace, name) for name in pace.__dataclass_fields__}
    return Pace(**values | {"rounds": given.rounds})


def measure(lab: Lab, names: Sequence[str]) -> list[Line]:
    """Measure rows; one that cannot be measured is void, and the others go on."""
    lines: list[Line] = []
    for name in names:
        row = ROWS[name]
        summary = (row.__doc__ or name).strip().splitlines()[0]
        lab.say(summary)
        try:
            lines += row(lab)
        except BenchError as error:
            lines.append(Line(row=name, work=summary, voided=(str(error),)))
    return lines


def result_of(
    lines: Sequence[Line], about: Mapping[str, Any], given: argparse.Namespace
) -> dict[str, Any]:
    """Return the result file's value."""
    return {
        "taken": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "is_quick": given.quick,
        "rounds": pace_of(given).rounds,
        **about,
        "load_average_after": [round(each, 2) for each in os.getloadavg()],
        "lines": [line.to_json() for line in lines],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; return the exit code."""
    given = parse(arguments)
    for needed in ("nginx", "wrk", "taskset"):
        if find_program(needed) is None:
            print(f"bench: {needed} is needed, and not installed", file=sys.stderr)
            return 1
    if given.compiled and (why := staleness()):
        print(f"bench: --compiled: {why}", file=sys.stderr)
        return 1
    # As an exception, so that everything that was started is ended.
    signal.signal(signal.SIGTERM, _interrupted)
    directory = Path(tempfile.mkdtemp(prefix="stagegate-bench-"))
    is_kept = given.keep
    try:
        lines, about = _run(given, directory)
        # Why a row is void is mostly in somebody's log.
        is_kept = is_kept or any(line.voided for line in lines)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 1
    finally:
        if is_kept:
            print(f"configurations and logs are kept in {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    caption = _caption(about)
    print_table(lines, sys.stdout, about=caption)
    path = _write_json(result_of(lines, about, given), given.json)
    print(f"result: {path}")
    if given.chart:
        given.chart.write_text(chart(lines, caption[0]), "utf-8")
        print(f"chart: {given.chart}")
    return 1 if any(is_failure(line) for line in lines) else 0


def _run(given: argparse.Namespace, directory: Path) -> tuple[list[Line], dict[str, Any]]:
    cores = choose_cores()
    meter = choose_meter()
    about = facts() | {"meter": meter.method, "unit": meter.unit, "cores": str(cores)}
    began = time.monotonic()
    # What is measured is pinned when it is started; this process is part of the load.
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.load)
    with contextlib.ExitStack() as stack:
        stack.callback(os.sched_setaffinity, 0, allowed)
        lab = Lab(
            directory=directory,
            cores=cores,
            meter=meter,
            pace=pace_of(given),
            origin=stack.enter_context(origin(directory, cores)),
            say=lambda text: print(text, file=sys.stderr, flush=True),
            compiled=COMPILED_TREE if given.compiled else None,
        )
        lines = measure(lab, given.rows)
    return lines, about | {"seconds": round(time.monotonic() - began, 1)}


def _caption(about: Mapping[str, Any]) -> list[str]:
    versions = about["versions"]
    named = ("python", "aiohttp", "uvloop", "nginx", "haproxy", "caddy")
    return [
        f"{about['cpu']}, {about['cpus']} CPUs, Linux {about['kernel']}, commit {about['commit']}",
        ", ".join(f"{name} {versions[name]}" for name in named),
        f"cost: {about['meter']}",
        f"cores: {about['cores']}; load average before: {about['load_average_before'][0]}",
    ]


def _write_json(result: Mapping[str, Any], path: Path | None) -> Path:
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        stamp = str(result["taken"]).replace(":", "").split("+")[0]
        path = RESULTS / f"{stamp}-{str(result['commit']).replace('/', '-')}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return path


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
