"""The one translation between AWS's JSON and definitions: files, store and wire share it.

A definition's dataclass is its schema: names become camelCase, types decide what is accepted,
`metadata["aliases"]` adds names under which AWS knows a field too. Each class is compiled once.
Every problem is reported, not the first; nothing here knows where a value came from.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import math
import types
from collections.abc import Callable, Collection, Mapping, Sized
from enum import Enum, StrEnum
from typing import Any, Final, TypeGuard, TypeVar, Union, get_args, get_origin, get_type_hints

from gateway.definitions.authorizer import Authorizer
from gateway.definitions.integration import IntegrationResponse
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import Method, MethodResponse
from gateway.definitions.validators import Model, RequestValidator
from gateway.errors import Problem

T = TypeVar("T")

_Decoder = Callable[[object, str, list[Problem]], Any]
"""Value, its path, problems found → decoded value, or `_INVALID` after adding a problem."""

_INVALID: Final = object()

_SCHEMAS: Final[dict[type, _Schema]] = {}
"""Process: every class that was decoded or encoded, compiled. As many as there are classes."""

_TRIMMED: Final[dict[tuple[type, str], _Schema]] = {}
"""Process: the same without one attribute, for encoding. As many as callers name."""

_PLAIN: Final = frozenset({str, int, float, bool})
"""Types whose values are their own JSON: most are."""

_SHOWN_CHARACTERS: Final = 60
"""Longer keys and values are cut in messages, and before they are compared with known names."""

_SEARCHES: Final = 100
"""Problems after which names are no longer compared to find the one that was meant."""
_SEARCHED_NAMES: Final = 200
_LISTED_NAMES: Final = 30

_REPEATED_KEYS: Final[Mapping[type, str]] = {
    Method: "httpMethod",
    MethodResponse: "statusCode",
    IntegrationResponse: "statusCode",
    GatewayResponse: "responseType",
    Model: "name",
    RequestValidator: "id",
    Authorizer: "id",
}
"""In AWS's answers a member of a map repeats its key: accepted when it says the same."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """One field of a class, compiled."""

    attribute: str
    name: str
    names: tuple[str, ...]
    decode: _Decoder
    exact: type | None
    """A value of exactly this type is its own decoded form: most are, and no call is needed."""
    default: object
    is_empty: bool
    """Whether the default is nothing, and so never written."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Schema:
    """A class, compiled."""

    cls: type
    members: tuple[_Member, ...]
    by_name: Mapping[str, _Member]
    required: frozenset[str]
    """Attributes without a default."""
    repeated_key: str | None


def decode(cls: type[T], value: object, *, problems: list[Problem], path: str = "") -> T | None:
    """Build a definition from AWS's JSON; `null` members count as absent.

    Returns None after appending to `problems` whatever is wrong, each with its path below `path`.
    """
    decoded = _decode_object(_schema(cls), value, path, problems)
    return None if decoded is _INVALID else decoded


def decode_fields(
    cls: type, value: object, *, problems: list[Problem], path: str = ""
) -> dict[str, Any]:
    """Decode only the members that are present: attribute to value, as `dataclasses.replace` takes.

    Invalid members are left out, with a problem each.
    """
    schema = _schema(cls)
    if not isinstance(value, Mapping):
        problems.append(Problem(path, _expected("a mapping", value)))
        return {}
    return _decode_members(schema, value, path, problems)[0]


def encode(definition: object, *, without_defaults: bool = False, omit: str = "") -> Any:
    """Return a definition as AWS's JSON: dicts, lists, text, numbers, booleans.

    Absent and empty members are omitted; `without_defaults` omits all that equal their default,
    so that a field added later does not change what is written today. `omit` names an attribute
    that is left out whatever it is.
    """
    cls = type(definition)
    schema = _schema_without(cls, omit) if omit else _schema(cls)
    return _encode_object(schema, definition, without_defaults)


def known_names(cls: type) -> tuple[str, ...]:
    """Return the JSON names of a class's members, in order, without aliases."""
    return tuple(member.name for member in _schema(cls).members)


def unknown_key(key: str, known: Collection[str], path: str, *, after: Sized = ()) -> Problem:
    """Return the problem of a key that means nothing here, with a suggestion when one is near."""
    return Problem(path, f"unknown key {shown(key)}; {suggestion(key, known, after=after)}")


def suggestion(word: str, known: Collection[str], *, after: Sized = ()) -> str:
    """Return `did you mean "x"?`, or the list of what is known.

    For example `suggestion("uris", ["uri", "type"])` is `did you mean "uri"?`. After many problems
    (`after` holds those found so far) and among many names the search is left out: each costs
    some 10 µs for a name, and a hostile file could ask for millions.
    """
    if len(after) < _SEARCHES and len(known) <= _SEARCHED_NAMES:
        folded = {name.casefold(): name for name in known}
        near = difflib.get_close_matches(word[:_SHOWN_CHARACTERS].casefold(), folded, n=1)
        if near:
            return f"did you mean {shown(folded[near[0]])}?"
    listed = ", ".join(itertools.islice(known, _LISTED_NAMES))
    return f"known are: {listed}{', …' if len(known) > _LISTED_NAMES else ''}"


def shown(text: str) -> str:
    """Return text in double quotes, escaped and cut so that a message stays one short line."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    escaped = cut.encode("unicode_escape").decode("ascii") if not cut.isprintable() else cut
    return f'"{escaped}"'


def join(path: str, key: str) -> str:
    """Return the path of a member: `resources./pets` and `GET` give `resources./pets.GET`."""
    return f"{path}.{key}" if path else key


def camel_case(attribute: str) -> str:
    """Return AWS's name of an attribute: `cache_ttl_in_seconds` is `cacheTtlInSeconds`."""
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _expected(wanted: str, value: object) -> str:
    return f"must be {wanted}, not {_kind(value)}"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {str(value)[:_SHOWN_CHARACTERS]}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, Mapping):
        return "a mapping"
    return "nothing" if value is None else "a list"


def _text(value: object, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # YAML's `statusCode: 200` can only mean one text; 1.10 or `on` could mean several.
        return str(value)
    hint = ": put it in quotes" if isinstance(value, (bool, float)) else ""
    problems.append(Problem(path, _expected("text", value) + hint))
    return _INVALID


def _boolean(value: object, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, bool):
        return value
    problems.append(Problem(path, _expected("true or false, without quotes", value)))
    return _INVALID


def _integer(value: object, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    problems.append(Problem(path, _expected("a whole number, without quotes", value)))
    return _INVALID


def _number(value: object, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            if math.isfinite(number := float(value)):
                return number
        except OverflowError:
            pass
    problems.append(Problem(path, _expected("a finite number, without quotes", value)))
    return _INVALID


def _enumerated(enum: type[StrEnum]) -> _Decoder:
    members = {member.value: member for member in enum}

    def decode_enumerated(value: object, path: str, problems: list[Problem]) -> Any:
        if isinstance(value, str) and (member := members.get(value)) is not None:
            return member
        text = value if isinstance(value, str) else ""
        hint = suggestion(text, members, after=problems)
        hint = f"; {hint}" if hint.startswith("did") else ""
        problems.append(Problem(path, _expected(f"one of {', '.join(members)}", value) + hint))
        return _INVALID

    return decode_enumerated


def _sequence(item: _Decoder) -> _Decoder:
    def decode_sequence(value: object, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, (list, tuple)):
            problems.append(Problem(path, _expected("a list", value)))
            return _INVALID
        items = [item(each, f"{path}[{index}]", problems) for index, each in enumerate(value)]
        return _INVALID if any(each is _INVALID for each in items) else tuple(items)

    return decode_sequence


def _mapping(item: _Decoder, when_null: object, repeated_key: str | None) -> _Decoder:
    exact = _EXACT.get(item)

    def decode_mapping(value: object, path: str, problems: list[Problem]) -> Any:
        if not _is_mapping(value):
            problems.append(Problem(path, _expected("a mapping", value)))
            return _INVALID
        decoded: dict[str, Any] = {}
        is_valid = True
        for key, each in value.items():
            if type(each) is exact:
                decoded[str(key)] = each
                continue
            below = join(path, str(key))
            if repeated_key is not None and isinstance(each, Mapping):
                is_valid &= _repeats(str(key), each.get(repeated_key), below, problems)
            result = item(when_null if each is None else each, below, problems)
            is_valid &= result is not _INVALID
            decoded[str(key)] = result
        return decoded if is_valid else _INVALID

    def _repeats(key: str, repeated: object, path: str, problems: list[Problem]) -> bool:
        if repeated is None or str(repeated) == key:
            return True
        text = f"must be {shown(key)} like the key it stands under, or be left out"
        problems.append(Problem(f"{path}.{repeated_key}", text))
        return False

    return decode_mapping


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    # A dict nearly always, and asking an abstract class takes five times as long.
    return type(value) is dict or isinstance(value, Mapping)


def _decode_object(schema: _Schema, value: object, path: str, problems: list[Problem]) -> Any:
    if not _is_mapping(value):
        problems.append(Problem(path, _expected("a mapping", value)))
        return _INVALID
    before = len(problems)
    values, seen = _decode_members(schema, value, path, problems)
    if not schema.required <= seen:
        problems.extend(
            Problem(join(path, member.name), "is required; add it")
            for member in schema.members
            if member.attribute in schema.required - seen
        )
    return schema.cls(**values) if len(problems) == before else _INVALID


def _decode_members(
    schema: _Schema, value: Mapping[Any, object], path: str, problems: list[Problem]
) -> tuple[dict[str, Any], set[str]]:
    """Return the valid members by attribute, and the attributes that were given at all."""
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for key, each in value.items():
        member = schema.by_name.get(key)
        if member is None:
            if key != schema.repeated_key:
                below = join(path, str(key))
                problems.append(unknown_key(str(key), schema.by_name, below, after=problems))
        elif member.attribute in seen:
            text = f"means the same as {' or '.join(member.names)} given beside it; keep one"
            problems.append(Problem(join(path, key), text))
        elif each is not None:
            seen.add(member.attribute)
            if type(each) is member.exact:
                values[member.attribute] = each
                continue
            decoded = member.decode(each, join(path, key), problems)
            if decoded is not _INVALID:
                values[member.attribute] = decoded
    return values, seen


def _encode_object(schema: _Schema, definition: object, without_defaults: bool) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    for member in schema.members:
        value = getattr(definition, member.attribute)
        default = member.default
        if (value is default or value == default) and (without_defaults or member.is_empty):
            continue
        if value is not None:
            encoded[member.name] = (
                value if type(value) in _PLAIN else _encode_value(value, without_defaults)
            )
    return encoded


def _is_empty(value: object) -> bool:
    return value is None or value in ("", (), {}) or dataclasses.is_dataclass(value)


def _encode_value(value: Any, without_defaults: bool) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {key: _encode_value(each, without_defaults) for key, each in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (tuple, list)):
        return [_encode_value(each, without_defaults) for each in value]
    if kind not in _SCHEMAS and isinstance(value, Mapping):
        return {key: _encode_value(each, without_defaults) for key, each in value.items()}
    return _encode_object(_schema(kind), value, without_defaults)


def _schema(cls: type) -> _Schema:
    """Return a class's schema, compiled on first use."""
    schema = _SCHEMAS.get(cls)
    if schema is None:
        schema = _SCHEMAS[cls] = _compile(cls)
    return schema


def _schema_without(cls: type, attribute: str) -> _Schema:
    """Return a class's schema for encoding all but one attribute."""
    trimmed = _TRIMMED.get((cls, attribute))
    if trimmed is None:
        schema = _schema(cls)
        kept = tuple(member for member in schema.members if member.attribute != attribute)
        trimmed = _TRIMMED[cls, attribute] = dataclasses.replace(schema, members=kept)
    return trimmed


def _compile(cls: type) -> _Schema:
    hints = get_type_hints(cls)
    members = []
    for field in dataclasses.fields(cls):
        default: object = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        name = camel_case(field.name)
        members.append(
            _Member(
                attribute=field.name,
                name=name,
                names=(name, *field.metadata.get("aliases", ())),
                decode=(decoder := _decoder(hints[field.name])),
                exact=_EXACT.get(decoder),
                default=default,
                is_empty=_is_empty(default),
            )
        )
    by_name = {name: member for member in members for name in member.names}
    required = frozenset(
        member.attribute for member in members if member.default is dataclasses.MISSING
    )
    return _Schema(cls, tuple(members), by_name, required, _REPEATED_KEYS.get(cls))


_SCALARS: Final[Mapping[object, _Decoder]] = {
    str: _text,
    bool: _boolean,
    int: _integer,
    float: _number,
}


_EXACT: Final[Mapping[_Decoder, type]] = {_text: str, _boolean: bool, _integer: int}


def _decoder(hint: Any) -> _Decoder:
    """Return the decoder of a type hint. A hint that is none of these is a bug."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in arguments if each is not type(None))
        return _decoder(inner)
    if origin is tuple:
        return _sequence(_decoder(arguments[0]))
    if origin is Mapping:
        item = arguments[1]
        # AWS shows an empty template as null, and an entry without members says all it must.
        when_null: object = "" if item is str else {} if dataclasses.is_dataclass(item) else None
        return _mapping(_decoder(item), when_null, _REPEATED_KEYS.get(item))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enumerated(hint)
    return functools.partial(_decode_object, _schema(hint))
