from __future__ import annotations

from typing import Any

import pytest

from gateway.configuration import documentation_parts
from gateway.configuration.documentation_parts import decode_parts, encode_parts
from gateway.definitions.documentation import DocumentationPart, location_of
from gateway.errors import Problem

API = {"location": {"type": "API"}, "properties": {"description": "a"}}


def problems_in(value: Any) -> list[str]:
    problems: list[Problem] = []
    decode_parts(value, problems)
    return [f"{each.path}: {each.message}" for each in problems]


def test_properties_may_be_written_as_they_are_or_as_text() -> None:
    problems: list[Problem] = []
    parts = decode_parts(
        [API, {"location": {"type": "MODEL", "name": "Pet"}, "properties": '{ "b": 1 }'}], problems
    )

    assert problems == []
    assert [each.properties for each in parts] == ['{"description":"a"}', '{ "b": 1 }']
    assert decode_parts(None, problems) == ()


@pytest.mark.parametrize("text", ['{"a":1}', '{ "a": 1 }', '{"a":1e2}', '{"\\u00e4":null}', "{}"])
def test_what_is_written_is_read_back_to_the_letter(text: str) -> None:
    part = DocumentationPart(location=location_of({"type": "API"}), properties=text)
    problems: list[Problem] = []

    assert decode_parts(encode_parts([part]), problems) == (part,)
    assert problems == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "documentationParts: must be a list"),
        ([5], "documentationParts[0]: "),
        ([{"properties": {}}], "documentationParts[0]"),
        ([{**API, "color": 1}], "documentationParts[0].color: "),
        ([API, API], "documentationParts[1].location: Documentation part already exists"),
        ([{**API, "location": {"type": "SOUL"}}], "documentationParts[0].location.type: "),
        ([{**API, "location": {"type": "MODEL"}}], "documentationParts[0].location: "),
        ([{**API, "properties": "text"}], "documentationParts[0].properties: "),
        ([{**API, "properties": {1: {2}}}], "documentationParts[0].properties: "),
    ],
)
def test_a_mistake_is_named_with_its_place(value: Any, problem: str) -> None:
    (told,) = problems_in(value)
    assert told.startswith(problem)


def test_the_number_of_parts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation_parts, "PARTS_MAX", 1)

    assert problems_in([API, API]) == [
        "documentationParts: an API has at most 1 documentation parts"
    ]
