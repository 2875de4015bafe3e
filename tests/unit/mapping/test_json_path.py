from __future__ import annotations

import pytest

from gateway.mapping import json_path
from gateway.mapping.json_path import (
    EXPRESSION_CHARACTERS,
    MISSING,
    TooManyNodesError,
    UnsupportedPathError,
    compile_json_path,
)

DOCUMENT = {
    "pets": [{"name": "Rex", "tags": ["a", "b"]}, {"name": "Tom"}],
    "owner-id": 7,
    "none": None,
    "text": "abc",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$.owner-id", 7),
        ("$.pets[0].name", "Rex"),
        ("$.pets[-1]['name']", "Tom"),
        ("$.none", None),
        ("$.pets[*].name", ["Rex", "Tom"]),
        ("$.pets[0:1]", [DOCUMENT["pets"][0]]),  # type: ignore[index]
        ("$..name", ["Rex", "Tom"]),
        ("$..tags[0]", ["a"]),
        ("$['owner-id','text']", [7, "abc"]),
        ("$.pets[0].*", ["Rex", ["a", "b"]]),
        ("$", DOCUMENT),
    ],
)
def test_an_expression_finds_its_nodes(expression: str, expected: object) -> None:
    assert compile_json_path(expression).find(DOCUMENT) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "$.absent", "$.pets[9]", "$.pets.name", "$.pets['0']", "$.text[0]", "$.text.x",
        "$[0]", "$..absent", "$.pets[::0]", "$.text.*", "$.none.x", "$.text[0:1]",
    ],
)  # fmt: skip
def test_what_is_not_there_is_missing(expression: str) -> None:
    assert compile_json_path(expression).find(DOCUMENT) is MISSING


@pytest.mark.parametrize("document", ["[1]", 5, None, True, MISSING])
def test_a_scalar_document_has_no_children(document: object) -> None:
    assert compile_json_path("$.a").find(document) is MISSING
    assert compile_json_path("$..a").find(document) is MISSING


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("$.", "expected"),
        ("$.a b", "unexpected"),
        ("$.a[?(@.b)]", "is not supported"),
        ("$.a[?match(@.b, '(a+)+')]", "is not supported"),
        ("$..a..b", "more than one `..`"),
        ("$.a | $.b", "unions"),
        ("$[*,*]", "distinct"),
        ("$['a','a']", "distinct"),
        ("$.a.length()", "unexpected"),
        ("$." + "a" * EXPRESSION_CHARACTERS, "longer than"),
        ("$[" * 400, "recursion"),
    ],
)
def test_what_is_malformed_or_unbounded_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(UnsupportedPathError, match=reason):
        compile_json_path(expression)


def test_a_search_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_path, "VISITED_NODES", 50)
    wide = {"a": [[n] for n in range(100)]}

    with pytest.raises(TooManyNodesError):
        compile_json_path("$..b").find(wide)
    with pytest.raises(TooManyNodesError):
        compile_json_path("$..b").find(list(range(100)))
    with pytest.raises(TooManyNodesError):
        compile_json_path("$.a[*]").find(wide)
    assert compile_json_path("$.a[99][0]").find(wide) == 99


def test_a_deep_document_is_searched_without_recursion() -> None:
    document: object = {"b": 1}
    for _ in range(5000):
        document = [document]

    assert compile_json_path("$..b").find(document) == [1]
