"""Documentation parts as rows: what a part may be about, and what its place is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.control.api.lookups import AnyRow
from gateway.errors import bad_request, conflict, limit_exceeded
from gateway.store.ids import SHORT
from gateway.store.tables import DOCUMENTATION_PART
from gateway.store.transaction import Transaction

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


def place_of(location: Mapping[str, str]) -> dict[str, str]:
    """Return a location with its defaults: the root path, any method, any status code.

    Raises:
        ControlError: (BadRequestException) a member is missing, or one too many is there.
    """
    type_ = location.get("type")
    if type_ is None:
        raise bad_request("Documentation part location type is required")
    fields = FIELDS[type_]
    for name, value in location.items():
        if name not in ("type", *fields):
            raise bad_request(
                f"Invalid documentation part location: {name} is no member of type {type_}"
            )
        if len(value) > _FIELD_CHARACTERS or not value.isprintable():
            raise bad_request(f"Invalid documentation part location: {name} is too long")
    place = {"type": type_}
    for name in fields:
        value = location.get(name) or _DEFAULTS.get(name, "")
        if not value:
            raise bad_request(f"Documentation part location {name} is required for type {type_}")
        place[name] = value
    if not place.get("path", "/").startswith("/"):
        raise bad_request("Invalid documentation part location: path must begin with /")
    return place


def key_of(place: Mapping[str, str]) -> str:
    """Return a place as one text: `type 'METHOD', path '/pets', method 'GET'`."""
    return ", ".join(f"{_WORDS.get(name, name)} '{value}'" for name, value in place.items())


def checked_properties(text: str | None) -> str:
    """Return properties, which are the text of a JSON object.

    Raises:
        ControlError: (BadRequestException) they are not, are empty, or too long.
    """
    if not text or not text.strip():
        raise bad_request("Documentation part properties must be non-empty")
    if len(text.encode()) > PROPERTIES_BYTES:
        raise bad_request(f"Documentation part properties have at most {PROPERTIES_BYTES} bytes")
    try:
        is_object = isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise bad_request("Documentation part properties must be the text of a JSON object")
    return text


def insert_part(
    transaction: Transaction, api: int, place: Mapping[str, str], properties: str
) -> str:
    """Add a part to an API, and return its id.

    Raises:
        ControlError: there is one of this place, or there are too many.
    """
    of_api = DOCUMENTATION_PART.c.api == api
    key = key_of(place)
    if transaction.has(DOCUMENTATION_PART, of_api, DOCUMENTATION_PART.c.location_key == key):
        raise conflict(f"Documentation part already exists for the specified location: {key}.")
    ((count,),) = transaction.execute(
        "SELECT count(*) FROM documentation_part WHERE api = ?", (api,)
    )
    if count >= PARTS_MAX:
        raise limit_exceeded(f"An API has at most {PARTS_MAX} documentation parts")
    id_ = transaction.new_id(DOCUMENTATION_PART, SHORT, of_api)
    transaction.insert(
        DOCUMENTATION_PART,
        api=api,
        id=id_,
        location=dict(place),
        location_key=key,
        type=place["type"],
        path=place.get("path"),
        name=place.get("name"),
        properties=properties,
    )
    return id_


def part_shown(row: AnyRow) -> dict[str, Any]:
    """Return a part in AWS's shape."""
    return {"id": row.id, "location": row.location, "properties": row.properties}
