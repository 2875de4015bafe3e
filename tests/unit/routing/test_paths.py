import pytest

from gateway.routing.paths import (
    ANY_METHODS,
    is_greedy,
    is_variable,
    path_parts,
    variable_name,
)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/", []),
        ("", []),
        ("///", []),
        ("/a", ["a"]),
        ("//a/", ["a"]),
        ("/a//b/", ["a", "", "b"]),
        ("/%2F/b", ["%2F", "b"]),
    ],
)
def test_outer_slashes_do_not_count_and_inner_ones_do(path: str, parts: list[str]) -> None:
    assert path_parts(path) == parts


def test_any_stands_for_the_seven_methods_of_aws() -> None:
    assert set(ANY_METHODS) == {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD"}


@pytest.mark.parametrize(
    ("part", "variable", "greedy"),
    [
        ("{id}", True, False),
        ("{proxy+}", True, True),
        ("id", False, False),
        ("{id", False, False),
        ("x{id}", False, False),
    ],
)
def test_only_a_whole_segment_in_braces_is_variable(
    part: str, variable: bool, greedy: bool
) -> None:
    assert (is_variable(part), is_greedy(part)) == (variable, greedy)


def test_plus_is_not_part_of_the_name() -> None:
    assert (variable_name("{id}"), variable_name("{proxy+}")) == ("id", "proxy")
