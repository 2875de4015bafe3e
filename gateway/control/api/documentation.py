"""DocumentationParts: Create, Get, GetAll, Update, Delete, Import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from sqlalchemy import delete, select, update

from gateway.configuration.yaml_source import parse
from gateway.control.api import patch
from gateway.control.api.documentation_rows import (
    checked_properties,
    insert_part,
    part_shown,
    place_of,
)
from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.patch import PatchTable, rule
from gateway.control.api.protocol import (
    Answer,
    Call,
    Served,
    decode_position,
    encode_position,
    limit_of,
    page,
)
from gateway.control.api.rows import write_row
from gateway.control.api.shapes import PATCH, TEXT, members, one_of
from gateway.control.api.undocumented import places_of
from gateway.definitions.documentation import FIELDS, key_of
from gateway.errors import ControlError, bad_request, validation_failed
from gateway.store.tables import DOCUMENTATION_PART, REST_API
from gateway.store.transaction import Transaction
from gateway.store.working_copy import definition_of

EXTENSION: Final = "x-amazon-apigateway-documentation"
YAML_BYTES: Final = 262_144
"""Of a document in YAML: reading a longer one would hold up everybody else's calls."""

_TYPE: Final = one_of(*FIELDS)
_CREATE: Final = members(
    location=members(type=_TYPE, path=TEXT, method=TEXT, statusCode=TEXT, name=TEXT),
    properties=TEXT,
)
_MODES: Final = ("merge", "overwrite")
_STATUSES: Final = ("DOCUMENTED", "UNDOCUMENTED")
_IMPORT_MESSAGE: Final = "Unable to build importer with provided input."


def create_documentation_part(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateDocumentationPart. What it is about need not be there yet."""
    api = rest_api_of(transaction, call)
    place = place_of(call.body.get("location", {}))
    properties = checked_properties(call.body.get("properties"))
    id_ = insert_part(transaction, api.sequence, place, properties)
    return {"id": id_, "location": place, "properties": properties}


def get_documentation_part(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDocumentationPart."""
    return part_shown(_row(transaction, call))


def get_documentation_parts(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDocumentationParts: those that are there, or the places that have none."""
    api = rest_api_of(transaction, call)
    type_ = _one_of(call, "type", tuple(FIELDS))
    status = _one_of(call, "locationStatus", _STATUSES)
    path, name = call.text("path"), call.text("name")
    of_api = DOCUMENTATION_PART.c.api == api.sequence
    if status == "UNDOCUMENTED":
        rows = transaction.rows(select(DOCUMENTATION_PART.c.location_key).where(of_api))
        known = {row.location_key for row in rows}
        places = (
            place
            for place in places_of(definition_of(transaction, api.sequence))
            if (type_ is None or place["type"] == type_)
            and (path is None or place.get("path") == path)
            and (name is None or place.get("name") == name)
            and key_of(place) not in known
        )
        return _page_of_places(call, places)
    query = select(DOCUMENTATION_PART).where(of_api)
    for column, wanted in (("type", type_), ("path", path), ("name", name)):
        if wanted is not None:
            query = query.where(DOCUMENTATION_PART.c[column] == wanted)
    return page(transaction, call, query, DOCUMENTATION_PART.c.sequence, part_shown)


def update_documentation_part(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateDocumentationPart: its place never changes."""
    row = _row(transaction, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    write_row(transaction, DOCUMENTATION_PART, row, changed)
    return get_documentation_part(transaction, call)


def delete_documentation_part(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteDocumentationPart; of one that is not there too, as AWS was seen to do."""
    api = rest_api_of(transaction, call)
    found = DOCUMENTATION_PART.c.id == call.label("part_id")
    transaction.run(
        delete(DOCUMENTATION_PART).where(DOCUMENTATION_PART.c.api == api.sequence, found)
    )
    return None


def import_documentation_parts(transaction: Transaction, call: Call) -> Answer:
    """Serve ImportDocumentationParts: those of an OpenAPI document, and nothing else of it.

    With `mode=overwrite` all others go; else those of the same place are replaced.
    """
    api = rest_api_of(transaction, call)
    mode = _one_of(call, "mode", _MODES)
    places: dict[str, tuple[dict[str, str], str]] = {}
    warnings: list[str] = []
    for index, given in enumerate(_parts_of(call.raw)):
        try:
            place, properties = _part(given)
        except ControlError as error:
            warnings.append(f"Documentation part {index + 1} is left out: {error.message}")
        else:
            places[key_of(place)] = place, properties
    if warnings and call.flag("failonwarnings"):
        raise bad_request("; ".join(warnings[:10]))
    of_api = DOCUMENTATION_PART.c.api == api.sequence
    if mode == "overwrite":
        transaction.run(delete(DOCUMENTATION_PART).where(of_api))
    ids = [
        _merge(transaction, api.sequence, key, place, properties)
        for key, (place, properties) in places.items()
    ]
    return {"ids": ids, "warnings": warnings} if warnings else {"ids": ids}


def _merge(
    transaction: Transaction, api: int, key: str, place: Mapping[str, str], properties: str
) -> str:
    same = (DOCUMENTATION_PART.c.api == api, DOCUMENTATION_PART.c.location_key == key)
    id_ = transaction.value(select(DOCUMENTATION_PART.c.id).where(*same))
    if id_ is None:
        return insert_part(transaction, api, place, properties)
    transaction.run(update(DOCUMENTATION_PART).where(*same).values(properties=properties))
    return str(id_)


def _parts_of(document: bytes) -> list[Any]:
    """Return the parts that an OpenAPI document in JSON or YAML holds."""
    try:
        value = orjson.loads(document)
    except orjson.JSONDecodeError:
        if len(document) > YAML_BYTES:
            text = f"A YAML document has at most {YAML_BYTES} bytes here; send it as JSON"
            raise bad_request(text) from None
        source = parse(document, "the document")
        value = None if source.problems else source.value
    documentation = value.get(EXTENSION) if isinstance(value, dict) else None
    parts = documentation.get("documentationParts") if isinstance(documentation, dict) else None
    if not isinstance(parts, list):
        raise bad_request(_IMPORT_MESSAGE)
    return parts


def _part(given: Any) -> tuple[dict[str, str], str]:
    """Return place and properties of a part as a document writes it."""
    if not isinstance(given, dict) or not isinstance(given.get("location"), dict):
        raise bad_request("it has no location")
    location = {name: str(text) for name, text in given["location"].items() if text is not None}
    if location.get("type") not in FIELDS:
        raise bad_request("the type of its location is none")
    properties = given.get("properties")
    text = properties if isinstance(properties, str) else orjson.dumps(properties).decode()
    return place_of(location), checked_properties(text)


def _row(transaction: Transaction, call: Call) -> AnyRow:
    return row_of(
        transaction,
        select(DOCUMENTATION_PART)
        .join(REST_API, REST_API.c.sequence == DOCUMENTATION_PART.c.api)
        .where(
            REST_API.c.id == call.label("restapi_id"),
            DOCUMENTATION_PART.c.id == call.label("part_id"),
        ),
        "Invalid Documentation part identifier specified",
    )


def _page_of_places(call: Call, places: Iterable[dict[str, str]]) -> Answer:
    """Return one page of places that have no part; the position counts them."""
    position = call.text("position")
    start = decode_position(position) if position else 0
    limit = limit_of(call)
    listed = list(places)
    answer: dict[str, Any] = {
        "item": [{"location": place} for place in listed[start : start + limit]]
    }
    if len(listed) > start + limit:
        answer["position"] = encode_position(start + limit)
    return answer


def _one_of(call: Call, name: str, values: tuple[str, ...]) -> str | None:
    """Return a query parameter that is one of `values`."""
    value = call.text(name)
    if value is not None and value not in values:
        raise validation_failed(
            f"1 validation error detected: Value '{value[:200]}' at "
            f"'{call.operation.input_name}.{name}' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [{', '.join(values)}]"
        )
    return value


_PATCHES: Final = PatchTable(
    (rule("/properties", "replace", patch.member("properties", checked_properties)),),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "CreateDocumentationPart": Served(create_documentation_part, body=_CREATE),
    "GetDocumentationPart": Served(get_documentation_part),
    "GetDocumentationParts": Served(get_documentation_parts),
    "UpdateDocumentationPart": Served(update_documentation_part, body=PATCH),
    "DeleteDocumentationPart": Served(delete_documentation_part),
    "ImportDocumentationParts": Served(import_documentation_parts, is_raw=True),
}
"""Operations of this family by name."""
