"""The trie against a matcher that is too plain to be wrong: compare with every resource, take the
best."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing import ANY, ANY_METHODS, Routes

ROUTES = Path(__file__).parent.parent / "data" / "routes"
SETS = ("github", "okta", "openai", "static")

Method = tuple[str, str]
"""Resource path and HTTP method."""


def naive_find(
    methods: Iterable[Method], path: str, http_method: str
) -> tuple[Method, dict[str, str]] | None:
    best: tuple[list[int], Method, dict[str, str]] | None = None
    for resource_path, defined in methods:
        if defined != http_method and not (defined == ANY and http_method in ANY_METHODS):
            continue
        match = naive_match(resource_path.strip("/"), path.strip("/"))
        if match is None:
            continue
        ranks, parameters = match
        ranks.append(int(defined == ANY))
        if best is None or ranks < best[0]:
            best = ranks, (resource_path, defined), parameters
    return None if best is None else (best[1], best[2])


def naive_match(resource: str, path: str) -> tuple[list[int], dict[str, str]] | None:
    parts = resource.split("/") if resource else []
    segments = path.split("/") if path else []
    ranks: list[int] = []
    parameters: dict[str, str] = {}
    for position, part in enumerate(parts):
        rest = segments[position:]
        if not rest:
            return None
        if part.endswith("+}"):
            return [*ranks, 2], parameters | {part[1:-2]: "/".join(rest)}
        if part.startswith("{"):
            if not rest[0]:
                return None
            parameters[part[1:-1]] = rest[0]
            ranks.append(1)
        elif part == rest[0]:
            ranks.append(0)
        else:
            return None
    return (ranks, parameters) if len(segments) == len(parts) else None


def shape(path: str) -> str:
    """Two resources of one shape cannot be told apart."""
    return re.sub(r"\{[^}]*?(\+?)\}", r"{\1}", path.strip("/"))


def distinct(methods: Iterable[Method]) -> list[Method]:
    return list({(shape(path), verb): (path, verb) for path, verb in methods}.values())


VERBS = st.sampled_from(["GET", "POST", "ANY"])
PARTS = st.sampled_from(["a", "b", "ab", "{x}", "{y}"])
RESOURCES = st.builds(
    lambda parts, greedy: "/" + "/".join(parts + greedy),
    st.lists(PARTS, max_size=4),
    st.sampled_from([[], [], ["{z+}"], ["{proxy+}"]]),
)
DEFINITIONS = st.lists(st.tuples(RESOURCES, VERBS), max_size=25).map(distinct)
PATHS = st.lists(
    st.sampled_from(["a", "b", "ab", "c", "", "A", "%61", "{x}", "+"]), max_size=7
).map(lambda segments: "/" + "/".join(segments))


def check(routed: Routes[Method], methods: list[Method], path: str, verb: str) -> None:
    expected = naive_find(methods, path, verb)
    found = routed.find(path, verb)
    candidates = routed.candidates(path, verb, limit=len(methods) + 1)
    chosen = [(c.resource_path, c.http_method) for c in candidates if c.is_chosen]

    assert (None if found is None else (found[0], dict(found[1]))) == expected
    assert chosen == ([] if expected is None else [expected[0]])
    assert len(candidates) == len(methods)


@given(DEFINITIONS, PATHS, st.sampled_from(["GET", "POST", "PUT", "TRACE"]))
def test_trie_finds_what_comparing_with_all_resources_finds(
    methods: list[Method], path: str, verb: str
) -> None:
    check(Routes.build((*method, method) for method in methods), methods, path, verb)


@given(DEFINITIONS, st.randoms(use_true_random=False), PATHS)
def test_order_of_definition_does_not_matter(
    methods: list[Method], random: object, path: str
) -> None:
    backwards = list(reversed(methods))
    there = Routes.build((*method, method) for method in methods)
    back = Routes.build((*method, method) for method in backwards)

    assert there.find(path, "GET") == back.find(path, "GET")
    assert sorted(there) == sorted(back)


@given(DEFINITIONS)
def test_iteration_gives_every_method_once(methods: list[Method]) -> None:
    routed = Routes.build((*method, method) for method in methods)

    assert sorted(method for _, _, method in routed) == sorted(methods)
    assert len(routed) == len(methods)


@pytest.mark.parametrize("name", SETS)
def test_real_resources_are_all_found_and_near_misses_agree(name: str) -> None:
    paths = sorted(set((ROUTES / f"{name}.txt").read_text("utf-8").split()))
    methods = [(path, "ANY" if number % 5 == 0 else "GET") for number, path in enumerate(paths)]
    routed = Routes.build((*method, method) for method in methods)
    for path in paths:
        concrete = re.sub(r"\{[^}]*\}", "value", path)
        for tried in (
            concrete,
            concrete + "/",
            concrete + "/x",
            concrete.rpartition("/")[0] or "/",
        ):
            for verb in ("GET", "PUT"):
                found = routed.find(tried, verb)
                expected = naive_find(methods, tried, verb)

                assert (None if found is None else (found[0], dict(found[1]))) == expected


@pytest.mark.parametrize("name", SETS)
@given(data=st.data())
def test_real_resources_agree_on_paths_made_of_their_own_segments(
    name: str, data: st.DataObject
) -> None:
    paths = sorted(set((ROUTES / f"{name}.txt").read_text("utf-8").split()))
    methods: list[Method] = [(path, "GET") for path in paths] + [("/{proxy+}", "ANY")]
    routed = Routes.build((*method, method) for method in methods)
    parts = data.draw(st.sampled_from(paths)).split("/")
    other = data.draw(st.sampled_from(paths)).split("/")
    place = data.draw(st.integers(1, len(parts)))
    path = "/".join(parts[:place] + other[place:])

    check(routed, methods, path, data.draw(st.sampled_from(["GET", "POST"])))
