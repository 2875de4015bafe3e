"""Rows of cost per request in a closed loop: pass-through, short answers, more workers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtests.bench.anchors import (
    CADDY,
    HAPROXY,
    NAIVE,
    NGINX,
    NGINX_CACHING,
    NGINX_LOGGING,
    Anchor,
    Server,
)
from loadtests.bench.lab import Lab, Loop
from loadtests.bench.lines import ITSELF, Line, paired
from loadtests.bench.machine import ROOT
from loadtests.bench.ours import (
    ANY_CACHED,
    ANY_MOCK,
    ANY_PASS,
    NO_ROUTE,
    REFUSED,
    Backends,
    gateway,
    shop_document,
    write_config,
)

OURS: Final = "gateway"
OURS_COMPILED: Final = "gateway, compiled"

WORKERS: Final = 4
WORKERS_CONNECTIONS: Final = 256
"""Enough that each of four workers finds several requests at each wake-up, as one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the ratio to an anchor may be."""

    must: float | None = None
    moonshot: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Whoever takes a turn in a round."""

    name: str
    start: Callable[[], AbstractContextManager[Server]]
    asks: Mapping[str, tuple[str, int]]
    """Path and expected status by the name of what is asked."""
    connections: int = 64


def turns(lab: Lab, contestants: Sequence[Contestant]) -> dict[tuple[str, str], list[Loop]]:
    """Let everyone take a turn in each round; the order goes round, so that nobody is always last.

    Returns:
        Loops by name of contestant and of what was asked.
    """
    found: dict[tuple[str, str], list[Loop]] = {}
    for turn in range(lab.pace.rounds):
        first = turn % len(contestants)
        for contestant in (*contestants[first:], *contestants[:first]):
            with contestant.start() as server:
                for asked, (path, status) in contestant.asks.items():
                    loop = lab.closed(server, path, status, connections=contestant.connections)
                    found.setdefault((contestant.name, asked), []).append(loop)
                    lab.say(
                        f"  round {turn + 1}: {contestant.name}, {asked}:"
                        f" {loop.cost:.1f} {lab.meter.unit}"
                    )
    return found


def compare(
    row: str,
    work: str,
    anchor: str,
    bound: Bound,
    *,
    ours: Sequence[Loop],
    theirs: Sequence[Loop],
    unit: str,
    notes: tuple[str, ...] = (),
    build: str = "",
) -> Line:
    """Return the line for two contestants' loops of the same rounds."""
    wrong = [
        f"{name}: {why}"
        for name, loops in (("ours", ours), (anchor, theirs))
        for loop in loops
        for why in loop.unexpected
    ]
    ratio = paired([loop.cost for loop in ours], [loop.cost for loop in theirs])
    if ratio is None:
        wrong.append("a cost of nothing: the loop was too short for this meter")
    return Line(
        row=row,
        work=work,
        anchor=anchor,
        build=build,
        ours=statistics.median(loop.cost for loop in ours),
        theirs=statistics.median(loop.cost for loop in theirs),
        unit=unit,
        value=ratio,
        must=bound.must,
        moonshot=bound.moonshot,
        voided=tuple(dict.fromkeys(wrong)),
        notes=notes,
        rounds=_rounds(ours, theirs),
    )


def _rounds(ours: Sequence[Loop], theirs: Sequence[Loop]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"ours": own.to_json(), "theirs": other.to_json()}
        for own, other in zip(ours, theirs, strict=True)
    )


def _ours(lab: Lab, asks: Mapping[str, tuple[str, int]]) -> list[Contestant]:
    """Return our gateway, and our compiled one if it takes part."""
    config = lab.directory / "config-shop"
    write_config(config, {"shop": shop_document(Backends(origin=lab.origin.port))})

    def contestant(name: str, tree: Path) -> Contestant:
        return Contestant(
            name=name,
            start=lambda: gateway(
                lab.directory, lab.cores, config, name=name.replace(", ", "-"), tree=tree
            ),
            asks=asks,
        )

    builds = [contestant(OURS, ROOT)]
    if lab.compiled is not None:
        builds.append(contestant(OURS_COMPILED, lab.compiled))
    return builds


def _of_compiled(
    lab: Lab,
    row: str,
    loops: Mapping[tuple[str, str], Sequence[Loop]],
    asked: str,
    anchors: Mapping[str, tuple[str, str]],
) -> list[Line]:
    """Return the lines of our compiled build: beside our default one, then beside anchors.

    Nothing is demanded of it: targets are for what users run by default. `anchors` has the loops'
    key by the name to show.
    """
    ours = loops.get((OURS_COMPILED, asked))
    if ours is None:
        return []
    return [
        compare(
            row,
            asked,
            name,
            Bound(),
            ours=ours,
            theirs=loops[key],
            unit=lab.meter.unit,
            build="compiled",
        )
        for name, key in {ITSELF: (OURS, asked), **anchors}.items()
    ]


def _anchor(lab: Lab, anchor: Anchor, asks: Mapping[str, tuple[str, int]]) -> Contestant:
    return Contestant(
        name=anchor.name,
        start=lambda: anchor.start(lab.directory, lab.cores, lab.origin.port),
        asks=asks,
    )


PASS_BOUNDS: Final[tuple[tuple[Anchor, Bound], ...]] = (
    (NGINX, Bound(must=2.5, moonshot=2.0)),
    (HAPROXY, Bound()),
    (CADDY, Bound(must=0.5)),
    (NAIVE, Bound(must=0.25)),
    (NGINX_LOGGING, Bound()),
)


def pass_through(lab: Lab) -> list[Line]:
    """P1: HTTP_PROXY with the full pipeline, against every anchor."""
    ask = {"pass-through": (ANY_PASS, 200)}
    present = [anchor for anchor, _ in PASS_BOUNDS if not anchor.absence]
    contestants = [*_ours(lab, ask), *(_anchor(lab, anchor, ask) for anchor in present)]
    loops = turns(lab, contestants)
    lines = []
    for anchor, bound in PASS_BOUNDS:
        if anchor.absence:
            lines.append(_absent("P1", "pass-through", anchor, bound))
            continue
        lines.append(
            compare(
                "P1",
                "pass-through",
                anchor.name,
                bound,
                ours=loops[OURS, "pass-through"],
                theirs=loops[anchor.name, "pass-through"],
                unit=lab.meter.unit,
            )
        )
    anchors = {anchor.name: (anchor.name, "pass-through") for anchor in present}
    return lines + _of_compiled(lab, "P1", loops, "pass-through", anchors)


def _absent(row: str, work: str, anchor: Anchor, bound: Bound) -> Line:
    return Line(
        row=row,
        work=work,
        anchor=anchor.name,
        must=bound.must,
        moonshot=bound.moonshot,
        skipped=anchor.absence,
    )


CACHE_BOUND: Final = Bound(must=1.5, moonshot=1.2)


def cache_hit(lab: Lab) -> list[Line]:
    """P2: a hit of the stage's cache, against one of nginx's `proxy_cache`."""
    if NGINX_CACHING.absence:
        return [_absent("P2", "cache hit", NGINX_CACHING, CACHE_BOUND)]
    ask = {"cache hit": (ANY_CACHED, 200)}
    loops = turns(lab, [*_ours(lab, ask), _anchor(lab, NGINX_CACHING, ask)])
    theirs = NGINX_CACHING.name, "cache hit"
    line = compare(
        "P2",
        "cache hit",
        NGINX_CACHING.name,
        CACHE_BOUND,
        ours=loops[OURS, "cache hit"],
        theirs=loops[theirs],
        unit=lab.meter.unit,
    )
    return [line, *_of_compiled(lab, "P2", loops, "cache hit", {NGINX_CACHING.name: theirs})]


SHORT_ANSWERS: Final[tuple[tuple[str, str, int, Bound], ...]] = (
    ("429, bucket empty", REFUSED, 429, Bound(must=3.0, moonshot=2.3)),
    ("403, no route", NO_ROUTE, 403, Bound(must=3.0, moonshot=2.3)),
    ("MOCK with a template", ANY_MOCK, 200, Bound(must=4.5, moonshot=3.5)),
)


def short_answers(lab: Lab) -> list[Line]:
    """P3: what is answered without a backend, against nginx's `return 403`."""
    if NGINX.absence:
        return [_absent("P3", work, NGINX, bound) for work, _, _, bound in SHORT_ANSWERS]
    ours = _ours(lab, {work: (path, status) for work, path, status, _ in SHORT_ANSWERS})
    loops = turns(lab, [*ours, _anchor(lab, NGINX, {"return 403": ("/refused", 403)})])
    lines = [
        compare(
            "P3",
            work,
            "nginx return 403",
            bound,
            ours=loops[OURS, work],
            theirs=loops[NGINX.name, "return 403"],
            unit=lab.meter.unit,
        )
        for work, _, _, bound in SHORT_ANSWERS
    ]
    anchors = {"nginx return 403": (NGINX.name, "return 403")}
    for work, *_ in SHORT_ANSWERS:
        lines += _of_compiled(lab, "P3", loops, work, anchors)
    return lines


def workers(lab: Lab) -> list[Line]:
    """P10: what a request costs at four workers against one, on the same core."""
    ask = {"pass-through": (ANY_PASS, 200)}
    config = lab.directory / "config-shop"
    write_config(config, {"shop": shop_document(Backends(origin=lab.origin.port))})

    def contestant(count: int) -> Contestant:
        name = f"gateway-{count}-workers"
        return Contestant(
            name=name,
            start=lambda: gateway(lab.directory, lab.cores, config, workers=count, name=name),
            asks=ask,
            connections=WORKERS_CONNECTIONS,
        )

    loops = turns(lab, [contestant(1), contestant(WORKERS)])
    return [
        compare(
            "P10",
            f"pass-through, {WORKERS} workers",
            "itself, 1 worker",
            Bound(must=1.1, moonshot=1.0),
            ours=loops[f"gateway-{WORKERS}-workers", "pass-through"],
            theirs=loops["gateway-1-workers", "pass-through"],
            unit=lab.meter.unit,
            notes=(f"{WORKERS_CONNECTIONS} connections",),
        )
    ]
