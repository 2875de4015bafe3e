"""Clients' text in log lines."""

import csv
import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.escaping import (
    MOST_CHARACTERS,
    MOST_REMEMBERED,
    Remembered,
    csv_field,
    json_text,
    quoted_text,
    visible,
    xml_text,
)

ESCAPES = (csv_field, json_text, quoted_text, visible, xml_text)
anything = st.text(st.characters(), max_size=50)
"""Lone surrogates included."""


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("text", ["", "/pets/7", "Ünïcode ☃ 😀", "a b"])
def test_harmless_text_stays_as_it_is(escape: Callable[[str], str], text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize("escape", ESCAPES)
@given(text=anything)
def test_nothing_escaped_can_end_a_line_or_fail_to_encode(
    escape: Callable[[str], str], text: str
) -> None:
    escaped = escape(text)

    assert escaped.isprintable()
    assert escaped.encode().decode() == escaped


@given(text=anything)
def test_json_reads_back_what_was_meant(text: str) -> None:
    document = f'{{"x":"{json_text(text)}"}}'

    assert orjson.loads(document) == json.loads(document)
    if text.isprintable():
        assert json.loads(document) == {"x": text}


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_json_keeps_every_character_that_is_one(text: str) -> None:
    assert json.loads(f'"{json_text(text)}"') == text


@given(text=anything)
def test_xml_stays_well_formed(text: str) -> None:
    element = ET.fromstring(f'<a b="{xml_text(text)}">{xml_text(text)}</a>')

    assert element.get("b") == (element.text or "")


@given(text=anything)
def test_csv_stays_one_field(text: str) -> None:
    rows = list(csv.reader([f"a,{csv_field(text)},b"], strict=True))

    assert [len(row) for row in rows] == [3]


@given(text=anything)
def test_a_quote_in_text_is_always_escaped(text: str) -> None:
    inner = quoted_text(text).replace("\\\\", "").replace('\\"', "")

    assert '"' not in inner


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb", "a\\x0d\\x0ab"), ("\x85", "\\x85"), ("\u2028", "\\u2028"), ("\udc80", "\\x80"),
     ("\U000e0001", "\\U000e0001"), ("\x7f", "\\x7f"), ("\x1b[31m", "\\x1b[31m")],
)  # fmt: skip
def test_what_cannot_be_printed_is_shown_by_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_value_is_cut_at_its_bound(escape: Callable[[str], str]) -> None:
    escaped = escape("x" * 20_000)

    assert escaped == "x" * MOST_CHARACTERS + "[TRUNCATED]"


def test_what_is_remembered_is_escaped_once_and_bounded() -> None:
    asked: list[str] = []

    def escape(value: str) -> str:
        asked.append(value)
        return value.upper()

    known = Remembered(escape)

    assert [known["a"], known["a"], known["b"]] == ["A", "A", "B"]
    assert asked == ["a", "b"]
    for number in range(3 * MOST_REMEMBERED):
        known[str(number)]
        assert len(known) <= MOST_REMEMBERED
    assert known["a"] == "A"
