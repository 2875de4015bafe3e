"""What a look-up of a resource costs: on real sets of paths, and at 100 against 100,000 methods.

A plain script, no test: `python -m loadtests.bench_routing`. Prints µs per look-up, the best of
several rounds, the loop around it taken off. The two sizes take turns within a round, and their
ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import random
import re
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

from gateway.routing import Routes

SETS = Path(__file__).resolve().parent.parent / "tests" / "data" / "routes"
ROUNDS = 15
LOOKUPS = 20_000
SMALL, LARGE = 100, 100_000


def microseconds(routes: Routes[str], paths: Sequence[str]) -> float:
    """Return what one look-up of these paths costs, in turn, until about LOOKUPS are made."""
    find = routes.find
    turns = max(1, LOOKUPS // len(paths))
    begin = time.perf_counter()
    for _ in range(turns):
        for path in paths:
            find(path, "GET")
    middle = time.perf_counter()
    for _ in range(turns):
        for _path in paths:
            pass
    end = time.perf_counter()
    return ((middle - begin) - (end - middle)) / turns / len(paths) * 1e6


def concrete(resource_path: str) -> str:
    """Return a path that a client could send for a resource."""
    return re.sub(r"\{[^}]*\}", "4f9c2a", resource_path)


def real_sets() -> None:
    for file in sorted(SETS.glob("*.txt")):
        resources = sorted(set(file.read_text("utf-8").split()))
        routes = Routes.build((path, "GET", path) for path in resources)
        paths = [concrete(path) for path in resources]
        random.Random(1).shuffle(paths)
        best = min(microseconds(routes, paths) for _ in range(ROUNDS))
        print(f"{file.stem:10} {len(resources):6} resources  {best:6.2f} µs a look-up")


def many(count: int) -> list[str]:
    """Return resource paths shaped like GitHub's, half of them with variables."""
    kinds = ("/api/s{}/items", "/api/s{}/items/{{id}}", "/r/{{a}}/{{b}}/s{}", "/s{}/{{c}}/x")
    return [kinds[number % 4].format(number // 4) for number in range(count)]


def sizes() -> None:
    # The same paths in both, so that the number of resources is all that differs.
    small = many(SMALL)
    asked = [concrete(path) for path in small]
    methods = [(path, "GET", path) for path in many(LARGE)]
    begin = time.perf_counter()
    large_routes = Routes.build(methods)
    seconds = time.perf_counter() - begin
    tracemalloc.start()
    weighed = Routes.build(methods)
    kilobytes = tracemalloc.get_traced_memory()[0] / 1024
    tracemalloc.stop()
    del weighed
    small_routes = Routes.build((path, "GET", path) for path in small)
    pairs = [
        (microseconds(small_routes, asked), microseconds(large_routes, asked))
        for _ in range(ROUNDS)
    ]
    ratio = statistics.median(large / small for small, large in pairs)
    print(f"\n{SMALL} methods     {min(small for small, _ in pairs):6.2f} µs a look-up")
    print(f"{LARGE} methods  {min(large for _, large in pairs):6.2f} µs, the same paths")
    print(f"ratio            {ratio:6.2f}")
    everywhere = [concrete(path) for path in random.Random(1).sample(many(LARGE), LOOKUPS)]
    spread = min(microseconds(large_routes, everywhere) for _ in range(ROUNDS))
    print(f"{LARGE} methods  {spread:6.2f} µs, {LOOKUPS} different paths (cold processor caches)")
    print(f"memory           {kilobytes / LARGE:6.2f} KB a method")
    print(f"building         {seconds / LARGE * 1e6:6.2f} µs a method")


def fallbacks() -> None:
    resources = sorted(set((SETS / "github.txt").read_text("utf-8").split()))
    methods = [(path, "GET", path) for path in resources]
    routes = Routes.build([*methods, ("/{proxy+}", "ANY", "greedy")])
    only = Routes.build([("/{proxy+}", "ANY", "greedy")])
    print()
    for name, routed, path in (
        ("greedy alone", only, "/some/path/of/five/segments"),
        ("greedy after a dead end", routes, "/repos/a/b/no-such-thing"),
        ("nothing found", Routes.build(methods), "/repos/a/b/no-such-thing"),
        ("greedy, 10,000 segments", routes, "/x" * 10_000),
    ):
        best = min(microseconds(routed, [path]) for _ in range(ROUNDS))
        print(f"{name:26} {best:6.2f} µs")


if __name__ == "__main__":
    print(f"CPython {sys.version.split()[0]}, best of {ROUNDS} rounds")
    real_sets()
    sizes()
    fallbacks()
