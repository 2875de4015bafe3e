"""ApiMappings: AWS's second API to the same base path mappings, in words of its own.

Only what a REST API needs of it is here: AWS's clients make base paths of several segments by it
alone. What one of the two APIs has made, the other shows.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from sqlalchemy import select

from gateway.control.api.base_path_mappings import (
    change_mapping,
    checked_base_path,
    drop_mapping,
    keep_mapping,
)
from gateway.control.api.lookups import AnyRow, domain_of, row_of
from gateway.control.api.patch import Working
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.shapes import TEXT, members
from gateway.definitions.stage_validation import NO_BASE_PATH
from gateway.errors import bad_request
from gateway.store.tables import BASE_PATH_MAPPING
from gateway.store.transaction import Transaction

_BODY: Final = members(apiId=TEXT, apiMappingKey=TEXT, stage=TEXT)

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_CHARACTERS: Final = 6
_IDS: Final = len(_DIGITS) ** _ID_CHARACTERS
_STEP: Final = 1_234_567_891
"""Prime to `_IDS`, so that no two places in the table have one id."""

_MULTI_LEVEL_MESSAGE: Final = (
    "Multi-level API mappings need a REGIONAL domain name with the security policy TLS_1_2"
)


def create_api_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateApiMapping."""
    domain = domain_of(transaction, call)
    values: Working = {
        "base_path": _key(domain, call.body.get("apiMappingKey")),
        "rest_api_id": call.body.get("apiId", ""),
        "stage": _stage(call.body.get("stage")),
    }
    return shown(keep_mapping(transaction, domain, values))


def get_api_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve GetApiMapping."""
    return shown(_row(transaction, call))


def get_api_mappings(transaction: Transaction, call: Call) -> Answer:
    """Serve GetApiMappings."""
    domain = domain_of(transaction, call)
    query = select(BASE_PATH_MAPPING).where(BASE_PATH_MAPPING.c.domain == domain.sequence)
    names = {"limit": "maxResults", "position": "nextToken"}
    asked = {ours: call.query[name] for ours, name in names.items() if name in call.query}
    listed: Any = page(
        transaction,
        dataclasses.replace(call, query=asked),
        query,
        BASE_PATH_MAPPING.c.sequence,
        shown,
    )
    return present(items=listed["item"], nextToken=listed.get("position"))


def update_api_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateApiMapping: what the body leaves out stays."""
    row = _row(transaction, call)
    domain = domain_of(transaction, call)
    body = call.body
    changed: Working = {}
    if "apiId" in body:
        changed["rest_api_id"] = body["apiId"]
    if "apiMappingKey" in body:
        changed["base_path"] = _key(domain, body["apiMappingKey"])
    if "stage" in body:
        changed["stage"] = _stage(body["stage"])
    return shown(change_mapping(transaction, domain, row, changed) if changed else row)


def delete_api_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteApiMapping."""
    drop_mapping(transaction, _row(transaction, call))
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a mapping in the shape of AWS's second API; without a base path its key is empty."""
    return present(
        apiId=row.rest_api_id,
        apiMappingId=id_of(row.sequence),
        apiMappingKey="" if row.base_path == NO_BASE_PATH else row.base_path,
        stage=row.stage,
    )


def id_of(sequence: int) -> str:
    """Return the id of a mapping: six characters, by its place in the table."""
    number = sequence * _STEP % _IDS
    text = ""
    for _ in range(_ID_CHARACTERS):
        number, digit = divmod(number, len(_DIGITS))
        text += _DIGITS[digit]
    return text[::-1]


def sequence_of(id_: str) -> int:
    """Return the place that an id stands for; -1 if it is no id."""
    if len(id_) != _ID_CHARACTERS or not set(id_) <= set(_DIGITS):
        return -1
    return int(id_, len(_DIGITS)) * pow(_STEP, -1, _IDS) % _IDS


def _row(transaction: Transaction, call: Call) -> AnyRow:
    return row_of(
        transaction,
        select(BASE_PATH_MAPPING).where(
            BASE_PATH_MAPPING.c.domain == domain_of(transaction, call).sequence,
            BASE_PATH_MAPPING.c.sequence == sequence_of(call.label("api_mapping_id")),
        ),
        "Invalid API mapping identifier specified",
    )


def _key(domain: AnyRow, text: str | None) -> str:
    base_path = checked_base_path(text)
    is_regional = "REGIONAL" in domain.endpoint_configuration["types"]
    if "/" in base_path and (not is_regional or domain.security_policy == "TLS_1_0"):
        raise bad_request(_MULTI_LEVEL_MESSAGE)
    return base_path


def _stage(text: str | None) -> str:
    if not text:
        raise bad_request("Invalid stage identifier specified")
    return text


OPERATIONS: Final = {
    "CreateApiMapping": Served(create_api_mapping, body=_BODY),
    "GetApiMapping": Served(get_api_mapping),
    "GetApiMappings": Served(get_api_mappings),
    "UpdateApiMapping": Served(update_api_mapping, body=_BODY),
    "DeleteApiMapping": Served(delete_api_mapping),
}
"""Operations of this family by name."""
