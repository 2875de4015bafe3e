"""ImportApiKeys: a file of keys, made or overwritten, and let into usage plans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select

from gateway.control.api.api_key_file import ImportedKey, read_keys
from gateway.control.api.api_keys import insert_api_key, write_api_key
from gateway.control.api.lookups import refuse_if_file_owns
from gateway.control.api.protocol import Answer, Call, Served
from gateway.control.api.usage_plan_keys import add_key, is_member
from gateway.control.api.usage_plans import usage_plan_of
from gateway.errors import ControlError, bad_request
from gateway.store.tables import API_KEY, USAGE_PLAN
from gateway.store.transaction import Transaction

FORMATS: Final = ("csv",)
_WARNINGS_TOLD: Final = 10


def import_api_keys(transaction: Transaction, call: Call) -> Answer:
    """Serve ImportApiKeys; with `failonwarnings=true` one bad row undoes them all."""
    if call.text("format") not in FORMATS:
        raise bad_request(f"Invalid format specified. Must be one of: [{', '.join(FORMATS)}]")
    warnings: list[str] = []
    imported = [_import(transaction, key, warnings) for key in read_keys(call.raw, warnings)]
    ids = [id_ for id_ in imported if id_ is not None]
    if warnings and call.flag("failonwarnings"):
        raise bad_request(_told(warnings))
    call.details["importedApiKeys"] = len(ids)
    return {"ids": list(dict.fromkeys(ids)), "warnings": warnings}


def _import(transaction: Transaction, key: ImportedKey, warnings: list[str]) -> str | None:
    """Write a key, and return its id; of two rows with the same value the last one counts.

    None: a file owns it; the warnings say so.
    """
    values = {"name": key.name, "description": key.description, "enabled": key.enabled}
    row = transaction.row(select(API_KEY).where(API_KEY.c.value == key.value))
    if row is None:
        new: dict[str, Any] = {"value": key.value, "customer_id": None, "stage_keys": [], **values}
        row = insert_api_key(transaction, new)
    elif row.file is not None:
        warnings.append(f"Row {key.row}: API Key {row.id} is managed by the file {row.file}")
        return None
    else:
        write_api_key(transaction, row.sequence, values)
    for plan_id in key.usage_plan_ids:
        try:
            _join(transaction, plan_id, row.sequence)
        except ControlError as error:
            warnings.append(f"Row {key.row}: Usage Plan {plan_id}: {error.message}")
    return str(row.id)


def _join(transaction: Transaction, plan_id: str, api_key: int) -> None:
    plan = usage_plan_of(transaction, plan_id)
    refuse_if_file_owns(transaction, USAGE_PLAN.c.id, plan_id)
    if not is_member(transaction, plan.sequence, api_key):
        with transaction.savepoint():
            add_key(transaction, plan.sequence, api_key)


def _told(warnings: Iterable[str]) -> str:
    listed = list(warnings)
    more = len(listed) - _WARNINGS_TOLD
    end = f"; and {more} more" if more > 0 else ""
    return f"Nothing was imported: {'; '.join(listed[:_WARNINGS_TOLD])}{end}"


OPERATIONS: Final = {"ImportApiKeys": Served(import_api_keys, is_raw=True)}
"""Operations of this family by name."""
