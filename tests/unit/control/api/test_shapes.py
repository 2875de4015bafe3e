from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api.shapes import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    check_body,
    list_of,
    map_of,
    members,
    one_of,
)
from gateway.errors import ControlError

SHAPE = members(
    text=TEXT,
    kind=one_of("A", "B"),
    count=INTEGER,
    rate=NUMBER,
    flag=BOOLEAN,
    texts=list_of(TEXT),
    kinds=list_of(one_of("A", "B")),
    named=map_of(TEXT),
    inner=members(kind=one_of("A")),
    items=list_of(members(kind=one_of("A"))),
)


def test_a_good_body_keeps_its_values_and_loses_nulls() -> None:
    body = {
        "text": "",
        "kind": "A",
        "count": 1,
        "rate": 1,
        "flag": False,
        "texts": ["a"],
        "kinds": [],
        "named": {"a": "b", "template": None},
        "inner": {},
        "items": [{"kind": "A"}],
    }

    checked = check_body(SHAPE, {**body}, "input")

    assert checked == body
    assert isinstance(checked["rate"], float)
    assert check_body(SHAPE, {"text": None}, "input") == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"text": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"text": True}, "TRUE_VALUE can not be converted to a String"),
        ({"count": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ({"count": 1.5}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"count": 2**40}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"count": False}, "FALSE_VALUE can not be converted to an Integer"),
        ({"rate": 1e400}, "NUMBER_VALUE can not be converted to a Double"),
        ({"flag": "true"}, "STRING_VALUE can not be converted to a Boolean"),
        ({"texts": {}}, "START_OBJECT can not be converted to a list"),
        ({"texts": [None]}, "NULL_VALUE can not be converted to a String"),
        ({"named": []}, "START_ARRAY can not be converted to a map"),
        ({"inner": "x"}, "STRING_VALUE can not be converted to a structure"),
        ([], "START_ARRAY can not be converted to a structure"),
        (None, "NULL_VALUE can not be converted to a structure"),
    ],
)
def test_a_wrong_type_is_a_serialization_exception(body: Any, message: str) -> None:
    with pytest.raises(ControlError) as error:
        check_body(SHAPE, body, "input")

    assert (error.value.code, error.value.message) == ("SerializationException", message)


def test_every_value_outside_its_enum_is_told_at_once() -> None:
    with pytest.raises(ControlError) as error:
        check_body(
            SHAPE, {"kind": "x", "kinds": ["A", "y"], "items": [{}, {"kind": "z"}]}, "makeInput"
        )

    assert error.value.code == "ValidationException"
    assert error.value.message == (
        "3 validation errors detected: "
        "Value 'x' at 'makeInput.kind' failed to satisfy constraint: "
        "Member must satisfy enum value set: [A, B]; "
        "Value '[A, y]' at 'makeInput.kinds' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value set: [A, B]]; "
        "Value 'z' at 'makeInput.items.2.member.kind' failed to satisfy constraint: "
        "Member must satisfy enum value set: [A]"
    )


def test_an_unknown_member_is_refused_with_a_hint() -> None:
    with pytest.raises(ControlError) as error:
        check_body(SHAPE, {"inner": {"kinds": "A"}}, "input")

    assert error.value.code == "BadRequestException"
    assert (
        error.value.message == """Unknown member "kinds" at 'input.inner'; did you mean "kind"?"""
    )


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ControlError) as error:
        check_body(SHAPE, {"kind": "x" * 10_000}, "input")

    assert len(error.value.message) < 500
