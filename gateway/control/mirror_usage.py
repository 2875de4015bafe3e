"""Shows in the store the usage plans and API keys of `usage.yaml`, read-only like its APIs.

Rows are changed in place, never written anew: what a key used hangs on them. What clients made is
set aside while the file defines a plan or key of the same id, or a key of the same value.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Table, delete, insert, select, update

from gateway.configuration.files import USAGE
from gateway.control.api.api_keys import target_of_key
from gateway.control.api.lookups import AnyRow
from gateway.control.api.tags import drop_tags, move_tags
from gateway.control.api.usage_plan_stages import ApiStages, stages_of, write_stages
from gateway.control.api.usage_plans import target_of_plan
from gateway.definitions import codec
from gateway.definitions.usage_plan import ApiKey, UsageDefinitions, UsagePlan
from gateway.store.served import ASIDE
from gateway.store.tables import API_KEY, USAGE_PLAN, USAGE_PLAN_KEY
from gateway.store.transaction import Transaction

_MOVING: Final = ".moving"
"""Follows a key's id in place of its value while values change hands."""


def mirror_usage(transaction: Transaction, usage: UsageDefinitions) -> None:
    """Make the store show these plans and keys of the file, and no others of it."""
    _mirror_keys(transaction, usage.api_keys)
    _mirror_plans(transaction, usage.usage_plans)


def _mirror_keys(transaction: Transaction, keys: Mapping[str, ApiKey]) -> None:
    values = {key.value for key in keys.values()}
    rows = transaction.rows(select(API_KEY).order_by(API_KEY.c.sequence))
    shown = _keep(transaction, API_KEY, rows, keys)
    aside = [row for row in rows if row.file is None and row.id.endswith(ASIDE)]
    for row in rows:
        if row.file is None and row not in aside and (row.id in keys or row.value in values):
            _rename_key(transaction, row, row.id + ASIDE, row.value + ASIDE)
    for id_, row in shown.items():
        if row.value != keys[id_].value:
            _write(transaction, API_KEY, row.sequence, {"value": id_ + _MOVING})
    for id_, key in keys.items():
        known = shown.get(id_)
        columns = _key_columns(key)
        if known is None:
            made = {"id": id_, "file": USAGE, "stage_keys": [], **columns}
            epochs = {
                "created_epoch": transaction.epoch,
                "last_updated_epoch": transaction.epoch,
            }
            transaction.insert(API_KEY, **made, **epochs)
            transaction.changes.is_usage_changed = True
        elif _differs(known, columns):
            changed = {**columns, "last_updated_epoch": transaction.epoch}
            _write(transaction, API_KEY, known.sequence, changed)
    for row in aside:
        id_, value = row.id.removesuffix(ASIDE), row.value.removesuffix(ASIDE)
        if id_ not in keys and value not in values:
            _rename_key(transaction, row, id_, value)


def _keep(
    transaction: Transaction, table: Table, rows: Iterable[AnyRow], wanted: Container[str]
) -> dict[str, AnyRow]:
    """Return the rows of the file that it still defines, by id; delete the others."""
    kept: dict[str, AnyRow] = {}
    for row in rows:
        if row.file is None:
            continue
        if row.id in wanted:
            kept[row.id] = row
            continue
        transaction.run(delete(table).where(table.c.sequence == row.sequence))
        drop_tags(transaction, (target_of_key if table is API_KEY else target_of_plan)(row.id))
        transaction.changes.is_usage_changed = True
    return kept


def _key_columns(key: ApiKey) -> dict[str, Any]:
    return {
        "value": key.value,
        "name": key.name or None,
        "description": key.description or None,
        "customer_id": key.customer_id or None,
        "enabled": key.enabled,
    }


def _rename_key(transaction: Transaction, row: AnyRow, id_: str, value: str) -> None:
    move_tags(transaction, target_of_key(row.id), target_of_key(id_))
    _write(transaction, API_KEY, row.sequence, {"id": id_, "value": value})


def _mirror_plans(transaction: Transaction, plans: Mapping[str, UsagePlan]) -> None:
    rows = transaction.rows(select(USAGE_PLAN).order_by(USAGE_PLAN.c.sequence))
    shown = _keep(transaction, USAGE_PLAN, rows, plans)
    of_clients = [row for row in rows if row.file is None]
    for row in of_clients:
        if row.id in plans:
            _rename_plan(transaction, row, row.id + ASIDE)
    for id_, plan in plans.items():
        sequence = _write_plan(transaction, plan, shown.get(id_))
        stages = _api_stages(plan)
        if stages != stages_of(transaction, sequence):
            write_stages(transaction, sequence, stages)
            transaction.changes.is_usage_changed = True
        _mirror_members(transaction, sequence, plan.api_keys)
    for row in of_clients:
        if row.id.endswith(ASIDE) and row.id.removesuffix(ASIDE) not in plans:
            _rename_plan(transaction, row, row.id.removesuffix(ASIDE))


def _write_plan(transaction: Transaction, plan: UsagePlan, known: AnyRow | None) -> int:
    """Write a plan's own row, unless it says the same already; return its `sequence`."""
    columns = _plan_columns(plan)
    if known is None:
        transaction.changes.is_usage_changed = True
        return transaction.insert(
            USAGE_PLAN, id=plan.id, file=USAGE, created_epoch=transaction.epoch, **columns
        )
    if _differs(known, columns):
        _write(transaction, USAGE_PLAN, known.sequence, columns)
    return int(known.sequence)


def _plan_columns(plan: UsagePlan) -> dict[str, Any]:
    told = codec.encode(plan)
    quota = plan.quota
    return {
        "name": plan.name,
        "description": plan.description or None,
        "product_code": plan.product_code,
        "throttle": told.get("throttle"),
        "quota": None
        if quota is None
        else {"limit": quota.limit, "offset": quota.offset, "period": quota.period.value},
        "shadow": plan.shadow,
    }


def _api_stages(plan: UsagePlan) -> ApiStages:
    return {
        f"{each.api_id}:{each.stage}": {
            key: codec.encode(throttle) for key, throttle in each.throttle.items()
        }
        or None
        for each in plan.api_stages
    }


def _mirror_members(transaction: Transaction, plan: int, key_ids: tuple[str, ...]) -> None:
    """Let keys in and out of a plan; who stays keeps the day of joining."""
    query = (
        select(USAGE_PLAN_KEY.c.sequence, API_KEY.c.id)
        .join(API_KEY, API_KEY.c.sequence == USAGE_PLAN_KEY.c.api_key)
        .where(USAGE_PLAN_KEY.c.usage_plan == plan)
    )
    members = {row.id: row.sequence for row in transaction.rows(query)}
    for key_id, sequence in members.items():
        if key_id not in key_ids:
            transaction.run(delete(USAGE_PLAN_KEY).where(USAGE_PLAN_KEY.c.sequence == sequence))
            transaction.changes.is_usage_changed = True
    for key_id in key_ids:
        if key_id not in members:
            api_key = select(API_KEY.c.sequence).where(API_KEY.c.id == key_id).scalar_subquery()
            transaction.run(
                insert(USAGE_PLAN_KEY).values(
                    usage_plan=plan, api_key=api_key, created_epoch=transaction.epoch
                )
            )
            transaction.changes.is_usage_changed = True


def _rename_plan(transaction: Transaction, row: AnyRow, id_: str) -> None:
    move_tags(transaction, target_of_plan(row.id), target_of_plan(id_))
    _write(transaction, USAGE_PLAN, row.sequence, {"id": id_})


def _differs(row: AnyRow, columns: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in columns.items())


def _write(
    transaction: Transaction, table: Table, sequence: int, columns: Mapping[str, Any]
) -> None:
    transaction.run(update(table).where(table.c.sequence == sequence).values(**columns))
    transaction.changes.is_usage_changed = True
