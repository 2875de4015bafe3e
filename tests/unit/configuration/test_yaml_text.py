"""YAML out: whatever is written is read back as the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.configuration.yaml_source import parse
from gateway.configuration.yaml_text import yaml_text

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
# Merge keys are refused, even in quotes.
KEYS = TEXT.filter(lambda text: text != "<<")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


def read(text: str) -> Any:
    source = parse(text.encode(), "a.yaml")
    assert source.problems == (), text
    return source.value


@given(value=VALUES)
def test_every_value_is_read_back(value: Any) -> None:
    assert read(yaml_text({"it": value})) == {"it": value}


SCALARS = (
    *("1e3", "0o17", "007", ".inf", "~", "null", "yes", "Off", "2026-01-01", "1_000"),
    *("#a", "*a", "&a", "{a}", "=", "-", "?", "|", ">", "%", "@", "`"),
)


@pytest.mark.parametrize(
    "text",
    [*SCALARS, "", " a", "a ", "a: b", "- a", "a #b", "\t", "\r\n", "a\u2028b", "\x85", "é\nb",
     "  a\n b", "a\n\n", "\n", "a\n ", "\ufeff", "🐕"],
)  # fmt: skip
def test_text_stays_text(text: str) -> None:
    assert read(yaml_text({text: text, "list": [text]})) == {text: text, "list": [text]}


def test_it_is_read_by_people_too() -> None:
    shared = {"a": "one\ntwo\n"}

    assert yaml_text({"/pets/{id}": shared, "again": [shared, 2.5, True], "b c": "/x"}) == (
        "'/pets/{id}':\n  a: |\n    one\n    two\nagain:\n"
        "  - a: |\n      one\n      two\n  - 2.5\n  - true\n'b c': /x\n"
    )
