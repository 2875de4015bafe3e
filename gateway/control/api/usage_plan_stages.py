"""The API stages that usage plans open: `{api}:{stage}` texts, rows, and the rules between plans.

Depends on no family, so that those who delete stages can tell the plans.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select

from gateway.errors import ControlError, bad_request, conflict, not_found
from gateway.store.tables import (
    API_KEY,
    REST_API,
    STAGE,
    USAGE_PLAN,
    USAGE_PLAN_KEY,
    USAGE_PLAN_STAGE,
)
from gateway.store.transaction import Transaction

MALFORMED: Final = "Invalid API Stage specified"

ApiStages = dict[str, dict[str, Any] | None]
"""`{api}:{stage}` to the throttles of its methods, in order of their adding."""


def stage_key(text: str | None) -> str:
    """Return an `{api}:{stage}` text as it is kept.

    Raises:
        ControlError: (BadRequestException) it is none.
    """
    api_id, colon, stage_name = (text or "").partition(":")
    if not (api_id and colon and stage_name):
        raise bad_request(MALFORMED)
    return f"{api_id}:{stage_name}"


def no_such_stage(key: str, plan_id: str) -> ControlError:
    """Return the error of a stage that is not there, or not in the plan."""
    api_id, _, stage_name = key.partition(":")
    return not_found(
        f"Invalid API Stage {{api: {api_id}, stage: {stage_name}}} specified for usageplan "
        f"{plan_id}"
    )


def check_stage(transaction: Transaction, key: str, plan_id: str) -> None:
    """Refuse a stage that no API has.

    Raises:
        ControlError: (NotFoundException) it names API, stage and plan.
    """
    api_id, _, stage_name = key.partition(":")
    joined = REST_API.c.sequence == STAGE.c.api
    named = (REST_API.c.id == api_id, STAGE.c.stage_name == stage_name)
    if not transaction.has(STAGE, joined, *named):
        raise no_such_stage(key, plan_id)


def stages_of(transaction: Transaction, plan: int) -> ApiStages:
    """Return the stages of the plan whose `sequence` is `plan`."""
    query = (
        select(USAGE_PLAN_STAGE)
        .where(USAGE_PLAN_STAGE.c.usage_plan == plan)
        .order_by(USAGE_PLAN_STAGE.c.sequence)
    )
    return {f"{row.api_id}:{row.stage_name}": row.throttle for row in transaction.rows(query)}


def write_stages(transaction: Transaction, plan: int, stages: ApiStages) -> None:
    """Write the stages of a plan in place of those it had."""
    transaction.run(delete(USAGE_PLAN_STAGE).where(USAGE_PLAN_STAGE.c.usage_plan == plan))
    transaction.insert_all(
        USAGE_PLAN_STAGE,
        (
            {
                "usage_plan": plan,
                "api_id": key.partition(":")[0],
                "stage_name": key.partition(":")[2],
                "throttle": throttle,
            }
            for key, throttle in stages.items()
        ),
    )


def refuse_second_plan(transaction: Transaction, plan: int, api_key: int | None = None) -> None:
    """Refuse that a key of a plan has a stage of it through another plan, too.

    Args:
        transaction: The call's, with what it wants to be already written.
        plan: The plan's `sequence`.
        api_key: `sequence` of the only key to look at; None: all of the plan's.

    Raises:
        ControlError: (ConflictException) it names the key, the stage and the other plan.
    """
    other_key, other_stage = USAGE_PLAN_KEY.alias(), USAGE_PLAN_STAGE.alias()
    query = (
        select(API_KEY.c.id, USAGE_PLAN.c.id, other_stage.c.api_id, other_stage.c.stage_name)
        .select_from(USAGE_PLAN_KEY)
        .join(other_key, other_key.c.api_key == USAGE_PLAN_KEY.c.api_key)
        .join(USAGE_PLAN_STAGE, USAGE_PLAN_STAGE.c.usage_plan == USAGE_PLAN_KEY.c.usage_plan)
        .join(other_stage, other_stage.c.usage_plan == other_key.c.usage_plan)
        .join(API_KEY, API_KEY.c.sequence == USAGE_PLAN_KEY.c.api_key)
        .join(USAGE_PLAN, USAGE_PLAN.c.sequence == other_key.c.usage_plan)
        .where(
            USAGE_PLAN_KEY.c.usage_plan == plan,
            other_key.c.usage_plan != plan,
            other_stage.c.api_id == USAGE_PLAN_STAGE.c.api_id,
            other_stage.c.stage_name == USAGE_PLAN_STAGE.c.stage_name,
        )
        .limit(1)
    )
    if api_key is not None:
        query = query.where(USAGE_PLAN_KEY.c.api_key == api_key)
    found = transaction.row(query)
    if found is not None:
        key_id, plan_id, api_id, stage_name = found
        raise conflict(
            f"API Key {key_id} has API Stage {api_id}:{stage_name} through Usage Plan {plan_id} "
            "already: only one usage plan is allowed for a key and a stage"
        )


def forget_stages(transaction: Transaction, api_id: str, stage_name: str | None = None) -> None:
    """Take a stage that is deleted out of every plan; None: all stages of the API."""
    conditions = [USAGE_PLAN_STAGE.c.api_id == api_id]
    if stage_name is not None:
        conditions.append(USAGE_PLAN_STAGE.c.stage_name == stage_name)
    if transaction.run(delete(USAGE_PLAN_STAGE).where(*conditions)):
        transaction.changes.is_usage_changed = True
