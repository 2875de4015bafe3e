"""Documentation parts as rows; what is wrong with one, as errors of the control API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.control.api.lookups import AnyRow
from gateway.definitions import documentation
from gateway.definitions.documentation import PARTS_MAX, key_of
from gateway.errors import bad_request, conflict, limit_exceeded
from gateway.store.ids import SHORT
from gateway.store.tables import DOCUMENTATION_PART
from gateway.store.transaction import Transaction


def place_of(location: Mapping[str, str]) -> dict[str, str]:
    """Return a location with its defaults: the root path, any method, any status code.

    Raises:
        ControlError: (BadRequestException) a member is missing, or one too many is there.
    """
    try:
        return documentation.place_of(location)
    except ValueError as error:
        raise bad_request(str(error)) from None


def checked_properties(text: str | None) -> str:
    """Return properties, which are the text of a JSON object.

    Raises:
        ControlError: (BadRequestException) they are not, are empty, or too long.
    """
    try:
        return documentation.check_properties(text)
    except ValueError as error:
        raise bad_request(str(error)) from None


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
    transaction.insert(DOCUMENTATION_PART, **part_columns(api, id_, place, properties))
    return id_


def part_columns(api: int, id_: str, place: Mapping[str, str], properties: str) -> dict[str, Any]:
    """Return a part of the API whose `sequence` is `api` as columns."""
    return {
        "api": api,
        "id": id_,
        "location": dict(place),
        "location_key": key_of(place),
        "type": place["type"],
        "path": place.get("path"),
        "name": place.get("name"),
        "properties": properties,
    }


def part_shown(row: AnyRow) -> dict[str, Any]:
    """Return a part in AWS's shape."""
    return {"id": row.id, "location": row.location, "properties": row.properties}
