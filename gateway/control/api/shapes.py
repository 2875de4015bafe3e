"""What a request body may hold, by member, and the errors of AWS's for what it may not.

A family describes the bodies of its operations with these; a test compares the descriptions with
AWS's own model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from gateway.control.api.bounds import check_count, check_key, check_text
from gateway.definitions.codec import shown, suggestion
from gateway.errors import bad_request, serialization_failed, validation_failed


class Kind(Enum):
    """The types of AWS's model, with the words of its messages."""

    TEXT = "a String"
    INTEGER = "an Integer"
    NUMBER = "a Double"
    BOOLEAN = "a Boolean"
    LIST = "a list"
    MAP = "a map"
    MEMBERS = "a structure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The type of a value."""

    kind: Kind
    enum: tuple[str, ...] = ()
    """Texts that are allowed; empty: any."""
    item: Shape | None = None
    """What a list or a map holds."""
    members: Mapping[str, Shape] = field(default_factory=dict)
    """What a structure holds, by name."""


TEXT: Final = Shape(kind=Kind.TEXT)
INTEGER: Final = Shape(kind=Kind.INTEGER)
NUMBER: Final = Shape(kind=Kind.NUMBER)
BOOLEAN: Final = Shape(kind=Kind.BOOLEAN)


def one_of(*values: str) -> Shape:
    """Return the shape of a text that is one of `values`."""
    return Shape(kind=Kind.TEXT, enum=values)


def list_of(item: Shape) -> Shape:
    """Return the shape of a list."""
    return Shape(kind=Kind.LIST, item=item)


def map_of(item: Shape) -> Shape:
    """Return the shape of a map with text keys."""
    return Shape(kind=Kind.MAP, item=item)


def members(**named: Shape) -> Shape:
    """Return the shape of a structure, by member."""
    return Shape(kind=Kind.MEMBERS, members=named)


PATCH: Final = members(
    patchOperations=list_of(
        members(
            op=one_of("add", "remove", "move", "test", "replace", "copy"),
            path=TEXT,
            value=TEXT,
            **{"from": TEXT},
        )
    )
)
"""The body of every `Update…` operation."""

_TOKENS: Final[Mapping[type, str]] = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    list: "START_ARRAY",
    dict: "START_OBJECT",
}


def check_body(shape: Shape, value: object, input_name: str) -> dict[str, Any]:
    """Return a body without its null members, checked against its shape.

    Raises:
        ControlError: SerializationException for a wrong type, BadRequestException for an unknown
            member or a text that is too long, LimitExceededException for too many entries,
            ValidationException naming every text that is none of its enum.
    """
    violations: list[str] = []
    checked = _check(shape, value, input_name, violations)
    if violations:
        count = len(violations)
        noun = "validation error" if count == 1 else "validation errors"
        raise validation_failed(f"{count} {noun} detected: {'; '.join(violations)}")
    _check_bounds(shape, checked, input_name)
    found: dict[str, Any] = checked
    return found


def _check_bounds(shape: Shape, value: Any, member: str) -> None:
    """Check the sizes in a checked value; what a list or a map holds goes by its member's name."""
    match shape.kind:
        case Kind.TEXT if isinstance(value, str):
            check_text(member, value)
        case Kind.LIST if shape.item is not None:
            check_count(member, len(value))
            for each in value:
                _check_bounds(shape.item, each, member)
        case Kind.MAP if shape.item is not None:
            check_count(member, len(value))
            for key, each in value.items():
                check_key(member, key)
                if each is not None:
                    _check_bounds(shape.item, each, member)
        case Kind.MEMBERS:
            for name, each in value.items():
                _check_bounds(shape.members[name], each, name)
        case _:
            pass


def _check(shape: Shape, value: object, path: str, violations: list[str]) -> Any:
    match shape.kind, value:
        case Kind.TEXT, str():
            if shape.enum and value not in shape.enum:
                violations.append(_violation(value, path, _enum_text(shape)))
            return value
        case Kind.BOOLEAN, bool():
            return value
        case ((Kind.INTEGER | Kind.NUMBER), (int() | float())) if not isinstance(value, bool):
            return _number(shape, value)
        case Kind.LIST, list() if shape.item is not None:
            return _check_list(shape.item, value, path, violations)
        case Kind.MAP, dict() if shape.item is not None:
            return {
                key: _check_entry(shape.item, each, f"{path}.{key}", violations)
                for key, each in value.items()
            }
        case Kind.MEMBERS, dict():
            return _check_members(shape, value, path, violations)
        case _:
            raise serialization_failed(
                f"{_token(value)} can not be converted to {shape.kind.value}"
            )


def _check_entry(item: Shape, value: object, path: str, violations: list[str]) -> Any:
    if value is None:
        return None
    if item.kind is Kind.TEXT and isinstance(value, bool):
        # AWS reads a map's values without their types, and converts them later: other words.
        raise serialization_failed("class java.lang.Boolean can not be converted to an String")
    return _check(item, value, path, violations)


def _check_list(item: Shape, values: list[Any], path: str, violations: list[str]) -> list[Any]:
    if item.enum and all(isinstance(each, str) for each in values):
        if any(each not in item.enum for each in values):
            text = f"[{', '.join(values)}]"
            violations.append(
                _violation(text, path, f"Member must satisfy constraint: [{_enum_text(item)}]")
            )
        return values
    return [
        _check(item, each, f"{path}.{index}.member", violations)
        for index, each in enumerate(values, 1)
    ]


def _check_members(
    shape: Shape, values: Mapping[str, Any], path: str, violations: list[str]
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, each in values.items():
        member = shape.members.get(name)
        if member is None:
            # AWS ignores them. What a newer client asks for must not be lost without a word.
            known = suggestion(name, shape.members) if shape.members else "it takes none"
            raise bad_request(f"Unknown member {shown(name)} at '{path}'; {known}")
        if each is not None:
            checked[name] = _check(member, each, f"{path}.{name}", violations)
    return checked


def _number(shape: Shape, value: float) -> float:
    if shape.kind is Kind.NUMBER:
        number = float(value)
        if math.isfinite(number):
            return number
    elif isinstance(value, int) and abs(value) < 2**31:
        return value
    raise serialization_failed(f"NUMBER_VALUE can not be converted to {shape.kind.value}")


def _violation(value: str, path: str, constraint: str) -> str:
    cut = value if len(value) <= 200 else f"{value[:199]}…"
    return f"Value '{cut}' at '{path}' failed to satisfy constraint: {constraint}"


def _enum_text(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _token(value: object) -> str:
    if value is None:
        return "NULL_VALUE"
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return _TOKENS[type(value)]
