"""ApiKeys: Create, Get, GetAll, Update, Delete. Imports are in `api_key_import`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, row_of
from gateway.control.api.patch import PatchOperation, PatchTable, Rule, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present, timestamp
from gateway.control.api.rows import refuse_one_more
from gateway.control.api.shapes import BOOLEAN, PATCH, TEXT, list_of, map_of, members
from gateway.control.api.tags import drop_tags, put_tags, shown_tags, tags_of
from gateway.definitions.usage_validation import problem_of_value
from gateway.errors import ControlError, bad_request, conflict, limit_exceeded, not_found
from gateway.store.ids import LONG, random_id
from gateway.store.tables import API_KEY, REST_API, STAGE
from gateway.store.transaction import Transaction

API_KEYS_MAX: Final = 100_000
"""API keys of one gateway (AWS: 10,000, adjustable)."""

NAME_CHARACTERS: Final = 1024
DESCRIPTION_CHARACTERS: Final = 125_000
CUSTOMER_CHARACTERS: Final = 1024
STAGE_KEYS_MAX: Final = 100
GENERATED_CHARACTERS: Final = 40
"""Of a value that the gateway makes: more than 200 bits."""

UNKNOWN: Final = "Invalid API Key identifier specified"

_CREATE: Final = members(
    name=TEXT,
    description=TEXT,
    enabled=BOOLEAN,
    generateDistinctId=BOOLEAN,
    value=TEXT,
    stageKeys=list_of(members(restApiId=TEXT, stageName=TEXT)),
    customerId=TEXT,
    tags=map_of(TEXT),
)


def target_of_key(key_id: str) -> str:
    """Return the part of an API key's ARN under which its tags are kept."""
    return f"/apikeys/{key_id}"


def create_api_key(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateApiKey.

    `generateDistinctId` changes nothing: an id stands in paths and in the audit trail, so it never
    is the secret.
    """
    body = call.body
    value = body.get("value") or random_id(GENERATED_CHARACTERS)
    row = insert_api_key(
        transaction,
        {
            "value": check_value(value),
            "name": check_name(body.get("name")),
            "description": check_description(body.get("description")),
            "customer_id": _customer(body.get("customerId")),
            "enabled": body.get("enabled", False),
            "stage_keys": _stage_keys(transaction, body.get("stageKeys", [])),
        },
    )
    put_tags(transaction, target_of_key(row.id), body.get("tags"))
    return {**shown(row, with_value=True), **shown_tags(transaction, target_of_key(row.id))}


def get_api_key(transaction: Transaction, call: Call) -> Answer:
    """Serve GetApiKey; the value only for `includeValue=true`."""
    row = api_key_of(transaction, call.label("api_Key"))
    told = shown(row, with_value=call.flag("includeValue"))
    return {**told, "tags": tags_of(transaction, target_of_key(row.id))}


def get_api_keys(transaction: Transaction, call: Call) -> Answer:
    """Serve GetApiKeys, the newest first; `name` keeps those whose names begin with it."""
    with_value = call.flag("includeValues")

    def item(row: AnyRow) -> dict[str, Any]:
        told = shown(row, with_value=with_value)
        return {**told, **shown_tags(transaction, target_of_key(row.id))}

    query = select(API_KEY)
    prefix, customer = call.text("name"), call.text("customerId")
    if prefix:
        # LIKE would ignore case.
        query = query.where(func.substr(API_KEY.c.name, 1, len(prefix)) == prefix)
    if customer:
        query = query.where(API_KEY.c.customer_id == customer)
    return page(transaction, call, query, API_KEY.c.sequence, item, newest_first=True)


def update_api_key(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateApiKey; the value cannot change."""
    row = api_key_of(transaction, call.label("api_Key"))
    changed = patch.patch_row(row, call.body, _PATCHES)
    if changed:
        if "stage_keys" in changed:
            added = set(changed["stage_keys"]) - set(row.stage_keys)
            for stage_key in added:
                _check_stage(transaction, *_split(stage_key))
            _check_count(changed["stage_keys"])
        write_api_key(transaction, row.sequence, changed)
    after = api_key_of(transaction, row.id)
    return {**shown(after), "tags": tags_of(transaction, target_of_key(row.id))}


def delete_api_key(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteApiKey: it leaves its usage plans."""
    row = api_key_of(transaction, call.label("api_Key"))
    transaction.run(delete(API_KEY).where(API_KEY.c.sequence == row.sequence))
    drop_tags(transaction, target_of_key(row.id))
    transaction.changes.is_usage_changed = True
    return None


def api_key_of(transaction: Transaction, key_id: str) -> AnyRow:
    """Return the row of an API key by its id.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    return row_of(transaction, select(API_KEY).where(API_KEY.c.id == key_id), UNKNOWN)


def insert_api_key(transaction: Transaction, values: dict[str, Any]) -> AnyRow:
    """Make a key of checked columns.

    Raises:
        ControlError: its value is taken, or there are too many keys.
    """
    if transaction.has(API_KEY, API_KEY.c.value == values["value"]):
        raise conflict("API Key already exists")
    refuse_one_more(transaction, API_KEY, API_KEYS_MAX, f"At most {API_KEYS_MAX} API keys are kept")
    sequence = transaction.insert(
        API_KEY,
        id=transaction.new_id(API_KEY, LONG),
        created_epoch=transaction.epoch,
        last_updated_epoch=transaction.epoch,
        **values,
    )
    return transaction.one(select(API_KEY).where(API_KEY.c.sequence == sequence))


def write_api_key(transaction: Transaction, sequence: int, changed: dict[str, Any]) -> None:
    """Change columns of a key; what serves it learns of it."""
    values = {**changed, "last_updated_epoch": transaction.epoch}
    transaction.run(update(API_KEY).where(API_KEY.c.sequence == sequence).values(**values))
    transaction.changes.is_usage_changed = True


def shown(row: AnyRow, *, with_value: bool = False) -> dict[str, Any]:
    """Return a key in AWS's shape, without tags."""
    return present(
        id=row.id,
        value=row.value if with_value else None,
        name=row.name,
        customerId=row.customer_id,
        description=row.description,
        enabled=row.enabled,
        createdDate=timestamp(row.created_epoch),
        lastUpdatedDate=timestamp(row.last_updated_epoch),
        stageKeys=row.stage_keys,
    )


def check_value(value: str) -> str:
    """Return the value of a key.

    Raises:
        ControlError: (BadRequestException) it is too short, too long, or fits in no header.
    """
    if text := problem_of_value(value):
        raise bad_request(text)
    return value


def check_name(name: str | None) -> str | None:
    """Return the name of a key; an empty one is none.

    Raises:
        ControlError: (BadRequestException) it is too long.
    """
    if name is not None and len(name) > NAME_CHARACTERS:
        raise bad_request(f"Invalid API Key name, can be at most {NAME_CHARACTERS} characters.")
    return name or None


def check_description(description: str | None) -> str | None:
    """Return the description of a key.

    Raises:
        ControlError: (BadRequestException) it is too long.
    """
    if description is not None and len(description) > DESCRIPTION_CHARACTERS:
        raise bad_request("Invalid API Key description specified.")
    return description


def _customer(customer_id: str | None) -> str | None:
    if customer_id is not None and len(customer_id) > CUSTOMER_CHARACTERS:
        raise bad_request(f"Invalid customer id, can be at most {CUSTOMER_CHARACTERS} characters")
    return customer_id or None


def _stage_keys(transaction: Transaction, given: list[dict[str, str]]) -> list[str]:
    kept: list[str] = []
    for each in given:
        api_id, stage_name = each.get("restApiId", ""), each.get("stageName", "")
        _check_stage(transaction, api_id, stage_name)
        if f"{api_id}/{stage_name}" not in kept:
            kept.append(f"{api_id}/{stage_name}")
    _check_count(kept)
    return kept


def _check_count(stage_keys: list[str]) -> None:
    if len(stage_keys) > STAGE_KEYS_MAX:
        raise limit_exceeded(f"An API key has at most {STAGE_KEYS_MAX} stage keys")


def _check_stage(transaction: Transaction, api_id: str, stage_name: str) -> None:
    joined = REST_API.c.sequence == STAGE.c.api
    named = (REST_API.c.id == api_id, STAGE.c.stage_name == stage_name)
    if not transaction.has(STAGE, joined, *named):
        raise not_found("Invalid stage identifier specified")


def _split(stage_key: str) -> tuple[str, str]:
    api_id, _, stage_name = stage_key.partition("/")
    return api_id, stage_name


def _patch_stages(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    stage_keys: list[str] = working["stage_keys"]
    named = operation.value or ""
    if operation.op == "add" and named not in stage_keys:
        stage_keys.append(named)
    elif operation.op == "remove":
        if named not in stage_keys:
            raise not_found("Invalid stage identifier specified")
        stage_keys.remove(named)


def _patch_labels(_working: Working, _operation: PatchOperation, _places: tuple[str, ...]) -> None:
    raise bad_request("Labels are not supported: no answer would show them; use tags")


def _unknown(operation: PatchOperation, rules: Sequence[Rule]) -> ControlError:
    """Return the listing of what can change."""
    return patch.listing(operation, [each for each in rules if each.apply is not _patch_labels])


_PATCHES: Final = PatchTable(
    (
        rule("/description", "replace", patch.member("description", check_description)),
        rule("/enabled", "replace", patch.member("enabled", patch.boolean)),
        rule("/name", "replace", patch.member("name", check_name)),
        rule("/customerId", "replace", patch.member("customer_id", _customer)),
        rule("/stages", "add remove", _patch_stages),
        rule("/labels", "add remove", _patch_labels),
    ),
    unknown=_unknown,
)

OPERATIONS: Final = {
    "CreateApiKey": Served(create_api_key, body=_CREATE),
    "GetApiKey": Served(get_api_key),
    "GetApiKeys": Served(get_api_keys),
    "UpdateApiKey": Served(update_api_key, body=PATCH),
    "DeleteApiKey": Served(delete_api_key),
}
"""Operations of this family by name."""
