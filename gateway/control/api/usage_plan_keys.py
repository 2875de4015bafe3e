"""UsagePlanKeys: which API keys a usage plan lets in."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, delete, func, select

from gateway.control.api.api_keys import UNKNOWN, api_key_of
from gateway.control.api.lookups import AnyRow, row_of
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.shapes import TEXT, members
from gateway.control.api.usage_plan_stages import refuse_second_plan
from gateway.control.api.usage_plans import usage_plan_of
from gateway.definitions.usage_validation import PLANS_OF_KEY_MAX
from gateway.errors import bad_request, conflict, limit_exceeded
from gateway.store.tables import API_KEY, USAGE_PLAN, USAGE_PLAN_KEY
from gateway.store.transaction import Transaction

KEY_TYPE: Final = "API_KEY"


def create_usage_plan_key(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateUsagePlanKey."""
    plan = usage_plan_of(transaction, call.label("usageplanId"))
    if call.body.get("keyType") != KEY_TYPE:
        raise bad_request(f"Invalid Key Type specified. Must be one of: [{KEY_TYPE}]")
    key = api_key_of(transaction, call.body.get("keyId", ""))
    if is_member(transaction, plan.sequence, key.sequence):
        raise conflict(f"API Key {key.id} is in Usage Plan {plan.id} already")
    add_key(transaction, plan.sequence, key.sequence)
    return shown(_row(transaction, plan.id, key.id))


def get_usage_plan_key(transaction: Transaction, call: Call) -> Answer:
    """Serve GetUsagePlanKey."""
    plan = usage_plan_of(transaction, call.label("usageplanId"))
    return shown(_row(transaction, plan.id, call.label("keyId")))


def get_usage_plan_keys(transaction: Transaction, call: Call) -> Answer:
    """Serve GetUsagePlanKeys; `name` keeps those whose names begin with it.

    A plan that is not there has none, as by AWS.
    """
    query = _members().where(USAGE_PLAN.c.id == call.label("usageplanId"))
    prefix = call.text("name")
    if prefix:
        # LIKE would ignore case.
        query = query.where(func.substr(API_KEY.c.name, 1, len(prefix)) == prefix)
    return page(transaction, call, query, USAGE_PLAN_KEY.c.sequence, shown)


def delete_usage_plan_key(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteUsagePlanKey; the key stays, and so does what it used."""
    plan = usage_plan_of(transaction, call.label("usageplanId"))
    row = _row(transaction, plan.id, call.label("keyId"))
    transaction.run(delete(USAGE_PLAN_KEY).where(USAGE_PLAN_KEY.c.sequence == row.sequence))
    transaction.changes.is_usage_changed = True
    return None


def is_member(transaction: Transaction, plan: int, api_key: int) -> bool:
    """Whether a plan has a key; both by `sequence`."""
    return transaction.has(
        USAGE_PLAN_KEY, USAGE_PLAN_KEY.c.usage_plan == plan, USAGE_PLAN_KEY.c.api_key == api_key
    )


def add_key(transaction: Transaction, plan: int, api_key: int) -> None:
    """Let a key into a plan that does not have it; both by `sequence`.

    Raises:
        ControlError: it has one of the plan's stages through another plan, or too many plans.
    """
    last = (
        select(USAGE_PLAN_KEY.c.sequence)
        .where(USAGE_PLAN_KEY.c.api_key == api_key)
        .offset(PLANS_OF_KEY_MAX - 1)
        .limit(1)
    )
    if transaction.value(last) is not None:
        raise limit_exceeded(f"An API key is in at most {PLANS_OF_KEY_MAX} usage plans")
    transaction.insert(
        USAGE_PLAN_KEY, usage_plan=plan, api_key=api_key, created_epoch=transaction.epoch
    )
    refuse_second_plan(transaction, plan, api_key)
    transaction.changes.is_usage_changed = True


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a member in AWS's shape: its id is the key's."""
    return present(id=row.id, type=KEY_TYPE, value=row.value, name=row.name)


def _members() -> Select[*tuple[Any, ...]]:
    return (
        select(USAGE_PLAN_KEY.c.sequence, API_KEY.c.id, API_KEY.c.value, API_KEY.c.name)
        .join(API_KEY, API_KEY.c.sequence == USAGE_PLAN_KEY.c.api_key)
        .join(USAGE_PLAN, USAGE_PLAN.c.sequence == USAGE_PLAN_KEY.c.usage_plan)
    )


def _row(transaction: Transaction, plan_id: str, key_id: str) -> AnyRow:
    query = _members().where(USAGE_PLAN.c.id == plan_id, API_KEY.c.id == key_id)
    return row_of(transaction, query, UNKNOWN)


OPERATIONS: Final = {
    "CreateUsagePlanKey": Served(create_usage_plan_key, body=members(keyId=TEXT, keyType=TEXT)),
    "GetUsagePlanKey": Served(get_usage_plan_key),
    "GetUsagePlanKeys": Served(get_usage_plan_keys),
    "DeleteUsagePlanKey": Served(delete_usage_plan_key),
}
"""Operations of this family by name."""
