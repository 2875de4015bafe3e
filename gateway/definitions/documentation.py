"""DocumentationPart: text about a part of an API, shown to AWS's clients and never served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

PARTS_MAX: Final = 20_000
"""Documentation parts of one API (AWS: 2,000, adjustable)."""
PROPERTIES_BYTES: Final = 262_144
"""Of one part."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "RESPONSE_BODY": ("path", "method", "statusCode"),
    "RESPONSE": ("path", "method", "statusCode"),
    "METHOD": ("path", "method"),
    "MODEL": ("name",),
    "AUTHORIZER": ("name",),
    "RESPONSE_HEADER": ("path", "method", "statusCode", "name"),
    "RESOURCE": ("path",),
    "PATH_PARAMETER": ("path", "method", "name"),
    "REQUEST_BODY": ("path", "method"),
    "QUERY_PARAMETER": ("path", "method", "name"),
    "API": (),
    "REQUEST_HEADER": ("path", "method", "name"),
}
"""What a part may be about, with the members that tell its place; as AWS's messages list them."""

_DEFAULTS: Final[Mapping[str, str]] = {"path": "/", "method": "*", "statusCode": "*"}
_WORDS: Final[Mapping[str, str]] = {"statusCode": "status code"}
_FIELD_CHARACTERS: Final = 1024


class DocumentationPartType(StrEnum):
    """What a part is about."""

    API = "API"
    AUTHORIZER = "AUTHORIZER"
    MODEL = "MODEL"
    RESOURCE = "RESOURCE"
    METHOD = "METHOD"
    PATH_PARAMETER = "PATH_PARAMETER"
    QUERY_PARAMETER = "QUERY_PARAMETER"
    REQUEST_HEADER = "REQUEST_HEADER"
    REQUEST_BODY = "REQUEST_BODY"
    RESPONSE = "RESPONSE"
    RESPONSE_HEADER = "RESPONSE_HEADER"
    RESPONSE_BODY = "RESPONSE_BODY"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentationPartLocation:
    """What a part is about. Which members there may be follows from the type."""

    type: DocumentationPartType
    """What kind of thing it is."""
    path: str | None = None
    """Path of the resource; absent: `/`."""
    method: str | None = None
    """HTTP method, or `*`; absent: `*`."""
    status_code: str | None = None
    """Status code, or `*`; absent: `*`."""
    name: str | None = None
    """Name of the parameter, header, model or authorizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentationPart:
    """Text about a part of an API."""

    location: DocumentationPartLocation
    """What it is about; one part for each place."""
    properties: str
    """The text of a JSON object; a file may hold the object itself."""


def place_of(location: Mapping[str, str]) -> dict[str, str]:
    """Return a location in AWS's shape with its defaults: root path, any method, any status code.

    Raises:
        ValueError: a member is missing, or one too many is there; in AWS's words.
    """
    type_ = location.get("type")
    if type_ is None:
        raise ValueError("Documentation part location type is required")
    fields = FIELDS[type_]
    for name, value in location.items():
        if name not in ("type", *fields):
            raise ValueError(
                f"Invalid documentation part location: {name} is no member of type {type_}"
            )
        if len(value) > _FIELD_CHARACTERS or not value.isprintable():
            raise ValueError(f"Invalid documentation part location: {name} is too long")
    place = {"type": type_}
    for name in fields:
        value = location.get(name) or _DEFAULTS.get(name, "")
        if not value:
            raise ValueError(f"Documentation part location {name} is required for type {type_}")
        place[name] = value
    if not place.get("path", "/").startswith("/"):
        raise ValueError("Invalid documentation part location: path must begin with /")
    return place


def key_of(place: Mapping[str, str]) -> str:
    """Return a place as one text: `type 'METHOD', path '/pets', method 'GET'`."""
    return ", ".join(f"{_WORDS.get(name, name)} '{value}'" for name, value in place.items())


def location_of(place: Mapping[str, str]) -> DocumentationPartLocation:
    """Return a place, or a location in AWS's shape, as a definition."""
    return DocumentationPartLocation(
        type=DocumentationPartType(place["type"]),
        path=place.get("path"),
        method=place.get("method"),
        status_code=place.get("statusCode"),
        name=place.get("name"),
    )


def place_of_part(part: DocumentationPart) -> dict[str, str]:
    """Return the place of a part as `place_of` does.

    Raises:
        ValueError: as `place_of`.
    """
    location = part.location
    members = {
        "type": location.type.value,
        "path": location.path,
        "method": location.method,
        "statusCode": location.status_code,
        "name": location.name,
    }
    return place_of({name: value for name, value in members.items() if value is not None})


def check_properties(text: str | None) -> str:
    """Return properties, which are the text of a JSON object.

    Raises:
        ValueError: they are not, are empty, or too long.
    """
    if not text or not text.strip():
        raise ValueError("Documentation part properties must be non-empty")
    if len(text.encode()) > PROPERTIES_BYTES:
        raise ValueError(f"Documentation part properties have at most {PROPERTIES_BYTES} bytes")
    try:
        is_object = isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise ValueError("Documentation part properties must be the text of a JSON object")
    return text
