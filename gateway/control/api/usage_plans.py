"""UsagePlans: Create, Get, GetAll, Update, Delete."""

from __future__ import annotations

import copy
from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api.lookups import AnyRow, row_of
from gateway.control.api.patch import Working, operations_of
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import (
    INTEGER,
    NUMBER,
    PATCH,
    TEXT,
    list_of,
    map_of,
    members,
    one_of,
)
from gateway.control.api.tags import drop_tags, put_tags, shown_tags, tags_of
from gateway.control.api.usage_plan_limits import (
    checked_method_throttles,
    checked_quota,
    checked_throttle,
    throttle_shown,
)
from gateway.control.api.usage_plan_patch import check_description, check_name, patch_plan
from gateway.control.api.usage_plan_stages import (
    ApiStages,
    check_stage,
    refuse_second_plan,
    stage_key,
    stages_of,
    write_stages,
)
from gateway.definitions.usage_plan import QuotaPeriod
from gateway.errors import bad_request, limit_exceeded
from gateway.store.ids import SHORT
from gateway.store.tables import API_KEY, USAGE_PLAN, USAGE_PLAN_KEY
from gateway.store.transaction import Transaction

PLANS_MAX: Final = 10_000
"""Usage plans of one gateway (AWS: 300, adjustable)."""
STAGES_MAX: Final = 1000
"""API stages of one plan."""

_THROTTLE: Final = members(burstLimit=INTEGER, rateLimit=NUMBER)
_CREATE: Final = members(
    name=TEXT,
    description=TEXT,
    apiStages=list_of(members(apiId=TEXT, stage=TEXT, throttle=map_of(_THROTTLE))),
    throttle=_THROTTLE,
    quota=members(limit=INTEGER, offset=INTEGER, period=one_of(*QuotaPeriod)),
    tags=map_of(TEXT),
)


def target_of_plan(plan_id: str) -> str:
    """Return the part of a usage plan's ARN under which its tags are kept."""
    return f"/usageplans/{plan_id}"


def create_usage_plan(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateUsagePlan."""
    body = call.body
    throttle, quota = body.get("throttle"), body.get("quota")
    refuse_one_more(transaction, USAGE_PLAN, PLANS_MAX, f"At most {PLANS_MAX} usage plans are kept")
    plan_id = transaction.new_id(USAGE_PLAN, SHORT)
    stages = _stages(transaction, body.get("apiStages", []), plan_id)
    sequence = transaction.insert(
        USAGE_PLAN,
        id=plan_id,
        name=check_name(body.get("name")),
        description=check_description(body.get("description")),
        throttle=None if throttle is None else checked_throttle(throttle),
        quota=None if quota is None else checked_quota(quota),
        created_epoch=transaction.epoch,
    )
    write_stages(transaction, sequence, stages)
    put_tags(transaction, target_of_plan(plan_id), body.get("tags"))
    transaction.changes.is_usage_changed = True
    told = shown(transaction, usage_plan_of(transaction, plan_id))
    return {**told, **shown_tags(transaction, target_of_plan(plan_id))}


def get_usage_plan(transaction: Transaction, call: Call) -> Answer:
    """Serve GetUsagePlan."""
    row = usage_plan_of(transaction, call.label("usageplanId"))
    return {**shown(transaction, row), "tags": tags_of(transaction, target_of_plan(row.id))}


def get_usage_plans(transaction: Transaction, call: Call) -> Answer:
    """Serve GetUsagePlans; `keyId` keeps those that have the key."""

    def item(row: AnyRow) -> dict[str, Any]:
        return {**shown(transaction, row), **shown_tags(transaction, target_of_plan(row.id))}

    query = select(USAGE_PLAN)
    key_id = call.text("keyId")
    if key_id:
        with_key = (
            select(USAGE_PLAN_KEY.c.usage_plan)
            .join(API_KEY, API_KEY.c.sequence == USAGE_PLAN_KEY.c.api_key)
            .where(API_KEY.c.id == key_id)
        )
        query = query.where(USAGE_PLAN.c.sequence.in_(with_key))
    return page(transaction, call, query, USAGE_PLAN.c.sequence, item)


def update_usage_plan(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateUsagePlan."""
    row = usage_plan_of(transaction, call.label("usageplanId"))
    before = {**row._asdict(), "stages": stages_of(transaction, row.sequence)}
    working: Working = {
        **copy.deepcopy(before),
        "check_stage": lambda key: check_stage(transaction, key, row.id),
    }
    patch_plan(operations_of(call.body), working)
    stages = working.pop("stages")
    del working["check_stage"]
    changed = {name: value for name, value in working.items() if value != before[name]}
    write_row(transaction, USAGE_PLAN, row, changed)
    if stages != before["stages"]:
        _check_count(stages)
        write_stages(transaction, row.sequence, stages)
        refuse_second_plan(transaction, row.sequence)
    transaction.changes.is_usage_changed = True
    return get_usage_plan(transaction, call)


def delete_usage_plan(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteUsagePlan; its keys stay keys."""
    row = usage_plan_of(transaction, call.label("usageplanId"))
    first = next(iter(stages_of(transaction, row.sequence)), None)
    if first is not None:
        raise bad_request(
            f"Cannot delete Usage Plan {row.id} because there are API Stages associated with it, "
            f"including {first}"
        )
    transaction.run(delete(USAGE_PLAN).where(USAGE_PLAN.c.sequence == row.sequence))
    drop_tags(transaction, target_of_plan(row.id))
    transaction.changes.is_usage_changed = True
    return None


def usage_plan_of(transaction: Transaction, plan_id: str) -> AnyRow:
    """Return the row of a usage plan by its id.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    return row_of(
        transaction,
        select(USAGE_PLAN).where(USAGE_PLAN.c.id == plan_id),
        "Invalid Usage Plan ID specified",
    )


def shown(transaction: Transaction, row: AnyRow) -> dict[str, Any]:
    """Return a plan in AWS's shape, without tags."""
    return present(
        id=row.id,
        name=row.name,
        description=row.description,
        apiStages=[
            present(
                apiId=key.partition(":")[0],
                stage=key.partition(":")[2],
                throttle=None
                if throttles is None
                else {name: throttle_shown(each) for name, each in throttles.items()},
            )
            for key, throttles in stages_of(transaction, row.sequence).items()
        ],
        throttle=throttle_shown(row.throttle),
        quota=row.quota,
        productCode=row.product_code,
    )


def _stages(transaction: Transaction, given: list[dict[str, Any]], plan_id: str) -> ApiStages:
    stages: ApiStages = {}
    for each in given:
        key = stage_key(f"{each.get('apiId', '')}:{each.get('stage', '')}")
        check_stage(transaction, key, plan_id)
        stages[key] = checked_method_throttles(each.get("throttle", {}))
    _check_count(stages)
    return stages


def _check_count(stages: ApiStages) -> None:
    if len(stages) > STAGES_MAX:
        raise limit_exceeded(f"A usage plan has at most {STAGES_MAX} API stages")


OPERATIONS: Final = {
    "CreateUsagePlan": Served(create_usage_plan, body=_CREATE),
    "GetUsagePlan": Served(get_usage_plan),
    "GetUsagePlans": Served(get_usage_plans),
    "UpdateUsagePlan": Served(update_usage_plan, body=PATCH),
    "DeleteUsagePlan": Served(delete_usage_plan),
}
"""Operations of this family by name."""
