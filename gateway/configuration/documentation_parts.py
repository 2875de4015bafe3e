"""`documentationParts` of an API file: a list of places and of what is said about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from gateway.definitions import codec
from gateway.definitions.documentation import (
    PARTS_MAX,
    DocumentationPart,
    check_properties,
    key_of,
    place_of_part,
)
from gateway.errors import Problem

KEY: Final = "documentationParts"


def decode_parts(value: object, problems: list[Problem]) -> tuple[DocumentationPart, ...]:
    """Decode and check the list; what has errors is left out."""
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(Problem(KEY, "must be a list of {location, properties}"))
        return ()
    if len(value) > PARTS_MAX:
        problems.append(Problem(KEY, f"an API has at most {PARTS_MAX} documentation parts"))
        return ()
    parts: list[DocumentationPart] = []
    places: set[str] = set()
    for index, raw in enumerate(value):
        path = f"{KEY}[{index}]"
        found = [] if raw is None else list(_decode(raw, path, problems))
        for part, key in found:
            if key in places:
                text = f"Documentation part already exists for the specified location: {key}"
                problems.append(Problem(f"{path}.location", text))
            else:
                places.add(key)
                parts.append(part)
    return tuple(parts)


def encode_parts(parts: Iterable[DocumentationPart]) -> list[dict[str, Any]]:
    """Return parts as a file holds them: properties as they are, where they say no more as text."""
    told = []
    for part in parts:
        shape = codec.encode(part, without_defaults=True)
        value = orjson.loads(part.properties)
        # Text that is laid out or escaped in another way must come back as it was.
        if orjson.dumps(value).decode() == part.properties:
            shape["properties"] = value
        told.append(shape)
    return told


def _decode(
    raw: Any, path: str, problems: list[Problem]
) -> Iterable[tuple[DocumentationPart, str]]:
    """Yield the part and its place as one text; nothing of one with an error."""
    if isinstance(raw, Mapping) and isinstance(raw.get("properties"), Mapping):
        try:
            raw = {**raw, "properties": orjson.dumps(raw["properties"]).decode()}
        except TypeError:
            problems.append(Problem(f"{path}.properties", "must hold what JSON can say"))
            return
    part = codec.decode(DocumentationPart, raw, problems=problems, path=path)
    if part is None:
        return
    try:
        key = key_of(place_of_part(part))
    except ValueError as error:
        problems.append(Problem(f"{path}.location", str(error)))
        return
    try:
        check_properties(part.properties)
    except ValueError as error:
        problems.append(Problem(f"{path}.properties", str(error)))
        return
    yield part, key
