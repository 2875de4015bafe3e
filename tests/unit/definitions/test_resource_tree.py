"""Paths that AWS would refuse are refused, and those of real APIs are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.definitions.resource_tree import path_parameters, problems_of_paths

ROUTES = Path(__file__).resolve().parents[2] / "data" / "routes"


def messages(*paths: str) -> list[str]:
    return [problem.message for problem in problems_of_paths(paths, "resources")]


@pytest.mark.parametrize(
    "path",
    ["/", "/pets", "/v1.0/a_b-c:d,e~f", "/{petId}", "/a/{b}/c/{d+}", "/{proxy+}", "/{a.b-c$d}"],
)
def test_paths_in_the_grammar_pass(path: str) -> None:
    assert messages(path) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "begins with a slash"),
        ("pets", 'write "/pets"'),
        ("/pets/", "no slash at its end"),
        ("/a//b", "no empty segment"),
        ("//", "no empty segment"),
        ("/a b", "part only allow"),
        ("/a/../b", 'mend ".."'),
        ("/a/%2e", "part only allow"),
        ("/é", "part only allow"),
        ("/a{b}", "part only allow"),
        ("/{b}c", "part only allow"),
        ("/{}", "part only allow"),
        ("/{a b}", "part only allow"),
        ("/a+", "part only allow"),
        ("/a\n", "part only allow"),
        ("/{a+}/b", "Cannot create a child of a resource with a greedy path variable: {a+}"),
        ("/{a}/{a}", "stands twice"),
        ("/" + "a" * 9000, "at most 8192 characters"),
        ("/a" * 65, "64 segments"),
    ],
)
def test_other_paths_are_refused_with_a_way_out(path: str, words: str) -> None:
    (message,) = messages(path)

    assert words in message


def test_a_path_twice_is_refused() -> None:
    assert messages("/a/b", "/a/b") == [
        'Another resource with the same parent already has this name: "b"'
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [("/pets/{petId}", "/pets/{id}/toys"), ("/{proxy+}", "/{id}"), ("/a/{b}/c", "/a/{c+}")],
)
def test_a_parent_has_one_variable_child(first: str, second: str) -> None:
    (message,) = messages(first, second)

    assert "of this resource already has a variable path part -- only one is allowed" in message
    assert first in message


def test_static_siblings_of_a_variable_are_free() -> None:
    assert messages("/{proxy+}", "/pets", "/pets/{id}", "/pets/{id}/toys", "/pets/all") == []


def test_problems_name_the_path() -> None:
    (problem,) = problems_of_paths(["/a/"], "resources")

    assert problem.path == "resources./a/"


@pytest.mark.parametrize("name", ["github", "okta", "openai", "static"])
def test_recorded_routes_of_real_apis_need_few_changes(name: str) -> None:
    """Real APIs name one variable differently below one parent; AWS would refuse just those."""
    lines = (ROUTES / f"{name}.txt").read_text("utf-8").split()
    paths = list(dict.fromkeys(line for line in lines if line[0] == "/" and "?" not in line))
    assert len(paths) > 10

    assert {message.partition(" ")[2].partition(" (")[0] for message in messages(*paths)} <= {
        "sibling"
    }


def test_path_parameters_are_named_in_order() -> None:
    assert path_parameters("/a/{b}/c/{d+}") == ("b", "d")
    assert path_parameters("/") == ()
