"""What is read quickly is what is read slowly; whatever is unusual is left to others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.configuration import yaml_source
from gateway.configuration.plain_source import UnusualError, plain_value

DEPTH = yaml_source.DEPTH
NODES = yaml_source.NODES
CHARACTERS = yaml_source.CHARACTERS


def judged(text: str, monkeypatch: pytest.MonkeyPatch) -> yaml_source.Source:
    """Return what the reader of places says."""

    def unusual(*_: object, **__: object) -> None:
        raise UnusualError

    with monkeypatch.context() as context:
        context.setattr(yaml_source, "plain_value", unusual)
        return yaml_source.parse(text.encode("utf-8", "surrogatepass"), "a.yaml")


def agrees(
    text: str, *, depth: int = DEPTH, nodes: int = NODES, characters: int = CHARACTERS
) -> bool:
    """Whether a text is read here, and then as by the reader of places."""
    try:
        value = plain_value(text, depth=depth, nodes=nodes, characters=characters)
    except UnusualError:
        return False
    with pytest.MonkeyPatch.context() as monkeypatch:
        source = judged(text, monkeypatch)
    assert source.problems == ()
    # Types, order and what is no number count as well.
    assert repr(source.value) == repr(value)
    return True


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["<<", "007", "1e3", "yes", "", "\u2028", "\x85", "\ufeff", "\x7f", "a\\/b"])
)
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=20
)


@given(
    st.dictionaries(st.text(), VALUES),
    st.booleans(),
    st.sampled_from([None, 0, 1, "\t"]),
    st.sampled_from([(", ", ": "), (",", ":")]),
)
def test_json_is_read_as_yaml_is(
    value: dict[str, Any], is_ascii: bool, indent: int | str | None, separators: tuple[str, str]
) -> None:
    agrees(json.dumps(value, ensure_ascii=is_ascii, indent=indent, separators=separators))


@given(st.text(alphabet="ab:,-[]{}&*! \n'\"#|>1.0e<~\\u\t%@?", max_size=60))
@example("&a {b: &a 1, c: *a}")
@example("{a: &a [1, 2], b: *a, c: [*a, *a]}")
@example("&a [*a]")
@example("{a: &b 1, *b : 2}")
@example('{"a": 1, "a": 2}')
@example('{"a": NaN}')
@example('{"a": -0, "b": 1E400, "c": 1.10}')
@example("a: b\n---\nc: d\n")
@example("? [a]\n: b\n")
@example("- !x a\n")
@example("a: 1\n...\n")
@example("--- a\n")
def test_whatever_is_read_is_read_as_the_judge_reads_it(text: str) -> None:
    agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a: b\n",
        "a: &x [1, {b: c}]\nd: *x\n",
        "- |\n  two\n  lines\n- 'quoted'\n- 007\n",
        "{a: b, c: [d]}",
        '{"a": {"b": [1, 2.5, true, null, "\\u00e9", "<&>"]}}\n',
        '{"é": "→\\n\\/"}',
        '{"a"  :\n 1, "b" : {}}',
    ],
)
def test_what_is_usual_is_read(text: str) -> None:
    assert agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        '{"a": 1, "a": 2}',
        '{"a": {"<<": 1}}',
        "<<: {a: b}\n",
        "a: !!str 1\n",
        "!x [a]\n",
        "a: *b\n",
        "a: &a [*a]\n",
        "*a : b\n",
        "[a]: b\n",
        "a: b\n---\nc: d\n",
        "a: [b\n",
        '{"a": "\\ud83d\\ude00"}',
        '{"a": ' + "9" * 65 + "}",
        '{"a": 1.' + "9" * 65 + "}",
        "a: " + "9" * 65 + "\n",
        "9" * 65 + ": a\n",
        '{"a": "\x7f"}',
        '{"a": 1} {"b": 2}',
        # JSON, and what YAML refuses.
        '{"a"\n: 1}',
        '{"a" \r\n : 1}',
        '{"a"' + " " * 1100 + ": 1}",
        '{"' + "a" * 1100 + '": 1}',
        '{"' + "\\u00e9" * 200 + '": 1}',
    ],
)
def test_what_is_unusual_is_left_to_the_judge(text: str) -> None:
    assert not agrees(text)


@pytest.mark.parametrize("text", ['{"a": [1, 2, 3]}', "a: [1, 2, 3]\n", "a: &x [1]\nb: *x\n"])
def test_values_are_counted_as_the_judge_counts_them(text: str) -> None:
    assert agrees(text, nodes=5)
    assert not agrees(text, nodes=4)


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[" * 100_000, "{a: " * 100_000])
def test_nesting_costs_no_stack(text: str) -> None:
    with pytest.raises(UnusualError):
        plain_value(text, depth=DEPTH, nodes=NODES, characters=CHARACTERS)


@pytest.mark.parametrize("nested", ['{"a": {"b": [1]}}', "a: {b: [1]}\n"])
def test_depth_counts_from_the_root(nested: str) -> None:
    assert agrees(nested, depth=3)
    assert not agrees(nested, depth=2)


@pytest.mark.parametrize(
    "text",
    [
        '{"a"\n:1}',
        '{"a"  \r\n  :1}',
        '{"b": {}, "a"\r: 1}',
        '{"%s": 1}' % ("k" * 1100),
        '{"b": [{"%s": 1}]}' % ("\\u006b" * 200),
        '{"a"%s:1}' % (" " * 1100),
    ],
)
def test_a_key_that_yaml_would_not_know_as_one_is_left_to_others(text: str) -> None:
    assert not agrees(text)
    assert yaml_source.parse(text.encode(), "a.yaml").problems


def test_keys_just_within_yamls_bound_are_read() -> None:
    for key in ("k" * 128, "\\u006b" * 128):
        assert agrees(f'{{"{key}"{" " * 99}: 1}}')


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("[&a abc, *a, *a]", 6),
        ("[&a {bc: [d, 1, true, ~]}, *a]", 3),
        ("[&a [x, &b yz], &c [*a, *b], *c]", 10),
        ("{a: &a '12', b: &b 12, c: *a, d: *b}", 2),
    ],
)
def test_characters_that_aliases_repeat_are_counted_as_the_judge_counts_them(
    text: str, characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agrees(text, characters=characters)
    assert not agrees(text, characters=characters - 1)
    monkeypatch.setattr(yaml_source, "CHARACTERS", characters)
    assert yaml_source.parse(text.encode(), "a.yaml").problems == ()
    monkeypatch.setattr(yaml_source, "CHARACTERS", characters - 1)
    (problem,) = yaml_source.parse(text.encode(), "a.yaml").problems
    assert f"aliases repeat more than {characters - 1} characters" in problem.message
