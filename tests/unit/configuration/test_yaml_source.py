"""YAML in, values with places out; hostile input ends in a problem, never in an exception."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.configuration.yaml_source import DEPTH, NODES, SOURCE_BYTES, Source, parse


def source(text: str | bytes) -> Source:
    return parse(text.encode() if isinstance(text, str) else text, "a.yaml")


def value(text: str) -> Any:
    read = source(text)

    assert read.problems == ()
    return read.value


def refused(text: str | bytes) -> list[str]:
    read = source(text)

    assert read.problems
    return [str(problem) for problem in read.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("127.0.0.1", "127.0.0.1"),
        ("-", [None]),
        ("+", "+"),
        (".", "."),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("!!float 1.5", 1.5),
        ("!!null ''", None),
        ("|\n  12\n", "12\n"),
        ("<<", "<<"),
        ("=", "="),
        ("１２", "１２"),
    ],
)
def test_scalars_are_yaml_1_2s_core(text: str, expected: object) -> None:
    read = value(f"a: {text}") if text != "-" else {"a": value(text)}

    assert read == {"a": expected}
    assert type(read["a"]) is type(expected) or isinstance(read["a"], int)


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(value("a: .nan")["a"])


@pytest.mark.parametrize("text", ["007", "+5", "0x10", "-0"])
def test_an_integer_remembers_how_it_was_written(text: str) -> None:
    assert str(value(f"a: {text}")["a"]) == text


def test_keys_are_text_as_written() -> None:
    assert value("200: a\nnull: b\non: c\n007: d\n1.10: e") == {
        "200": "a",
        "null": "b",
        "on": "c",
        "007": "d",
        "1.10": "e",
    }


def test_json_is_yaml() -> None:
    assert value('{"a": [1, "b", {"c": null}], "d": "\\u00e9"}') == {
        "a": [1, "b", {"c": None}],
        "d": "é",
    }


def test_a_byte_order_mark_is_skipped() -> None:
    assert source(b"\xef\xbb\xbfa: 1").value == {"a": 1}


def test_aliases_repeat_what_was_anchored() -> None:
    read = source("a: &x {b: 1}\nc: *x\nd: &k key\n*k : 2")

    assert read.value == {"a": {"b": 1}, "c": {"b": 1}, "d": "key", "key": 2}
    assert read.positions.find("c.b") == (1, 8)


def test_positions_are_those_of_keys_and_items() -> None:
    read = source("a:\n  b:\n    - c\n    - d: 1\n      e.f:\n        g[h]: 2\n")

    assert read.positions.find("") == (1, 1)
    assert read.positions.find("a.b") == (2, 3)
    assert read.positions.find("a.b[0]") == (3, 7)
    assert read.positions.find("a.b[1].d") == (4, 7)
    assert read.positions.find("a.b[1].e.f") == (5, 7)
    assert read.positions.find("a.b[1].e.f.g[h]") == (6, 9)


def test_what_is_missing_is_found_where_it_should_stand() -> None:
    read = source("a:\n  b: [1]\n")

    assert read.positions.find("a.x.y") == (1, 1)
    assert read.positions.find("a.b[7]") == (2, 3)
    assert read.positions.find("a.b.x") == (2, 3)
    assert read.positions.find("x") == (1, 1)
    assert source("").positions.find("x") == (1, 1)


def test_a_key_twice_is_refused_and_the_rest_still_read() -> None:
    assert refused("a: 1\nb: 2\na: 3\nb: 4") == [
        'a.yaml:3:1: the key "a" stands here again; first in line 1',
        'a.yaml:4:1: the key "b" stands here again; first in line 2',
    ]
    assert source("a: 1\na: 2").value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\nb: 2", "a.yaml:2:2: is no valid YAML: while parsing a flow sequence"),
        ("a: b: c", "a.yaml:1:5: is no valid YAML: mapping values are not allowed"),
        ("\ta: 1", "a.yaml:1:1: is no valid YAML: "),
        ("a: 'b", "a.yaml:1:6: is no valid YAML: while scanning a quoted scalar"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: holds a second document"),
        ("a: *x", "a.yaml:1:4: no anchor &x stands before this alias"),
        ("a: &x [*x]", "a.yaml:1:8: no anchor &x stands before this alias"),
        ("? [a]\n: b", "a.yaml:1:3: a key must be text"),
        ("a: &x [1]\n*x : 2", "a.yaml:2:1: a key must be text"),
        ("a: {<<: {b: 1}}", "a.yaml:1:5: merge keys (<<) are not YAML 1.2"),
        ("a: !!python/object:os.system x", "a.yaml:1:4: the tag "),
        ("a: !thing {b: 1}", 'a.yaml:1:4: the tag "!thing" means nothing here'),
        ("a: !!set [b]", "a.yaml:1:4: the tag "),
        ("a: !!int b", 'a.yaml:1:4: "b" is not what its tag says'),
        ("a: " + "1" * 65, "a.yaml:1:4: a number has at most 64 characters"),
        ("a: \x00", "a.yaml:1:4: is no valid YAML: "),
        (b"a: 1\nb: \xff", "a.yaml:2:4: is no valid YAML: 'utf-8' codec"),
        ("a: 1".encode("utf-16"), "a.yaml:1:1: is no valid YAML: 'utf-8' codec"),
    ],
)
def test_mistakes_have_a_place_and_a_reason(text: str | bytes, expected: str) -> None:
    (problem,) = refused(text)

    assert problem.startswith(expected)


def test_size_is_bounded() -> None:
    assert "more than 2097152 bytes" in refused(b"a" * (SOURCE_BYTES + 1))[0]


def test_depth_is_bounded() -> None:
    assert source("[" * DEPTH + "]" * DEPTH).problems == ()
    for opening in ("[", "{a: ", "- "):
        (problem,) = refused(opening * 200_000)
        assert "is nested more than 64 deep" in problem or "is no valid YAML" in problem


def test_what_aliases_expand_to_is_bounded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        repeated = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{repeated}]")
    (problem,) = refused("\n".join(lines))

    assert f"more than {NODES} values" in problem


def test_the_number_of_values_is_bounded() -> None:
    (problem,) = refused("[" + "1," * (NODES + 1) + "]")

    assert f"more than {NODES} values" in problem


@given(st.binary(max_size=60) | st.text(alphabet="{}[]&*!|>-:?'\"#%@`,ab1 \n\t<", max_size=40))
def test_nothing_raises(content: bytes | str) -> None:
    read = source(content)

    for problem in read.problems:
        assert problem.line is not None
        assert problem.line >= 1
