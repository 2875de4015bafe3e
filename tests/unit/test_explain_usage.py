"""What `explain` says of methods that require an API key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.definitions.stage import Stage
from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.explain import ArmExplanation, compile_alone, explain, request_of
from gateway.settings import Limits
from tests.builders import api, declared, mock, release, settings

VALUE = "0123456789-0123456789"
DEFINITION = api({"/pets": {"GET": replace(declared(mock()), api_key_required=True)}})


def plan(burst: int = 5, **fields: Any) -> UsagePlan:
    own = {"/pets/GET": ThrottleSettings(burst_limit=3)}
    return UsagePlan(
        id="gold",
        api_stages=(ApiStage(api_id="shop", stage="dev", throttle=own),),
        throttle=ThrottleSettings(rate_limit=2.0, burst_limit=burst),
        api_keys=("mobile",),
        **fields,
    )


def explained(
    gold: UsagePlan, value: str | None = VALUE, *, is_shadow: bool = False
) -> ArmExplanation:
    usage = UsageDefinitions(
        api_keys={"mobile": ApiKey(id="mobile", value=VALUE)}, usage_plans={"gold": gold}
    )
    throttled = settings(all_={"throttlingRateLimit": 9, "throttlingBurstLimit": 9})
    stage = Stage(stage_name="dev", method_settings=throttled)
    made = release(DEFINITION, stage, usage=usage, account=(8.0, 8), is_shadow=is_shadow)
    headers = [] if value is None else [f"X-Api-Key: {value}"]
    url = "http://shop.execute-api.local/dev/pets"
    request = request_of("GET", url, headers)
    (arm,) = explain(compile_alone(made, 1000), made, request, Limits()).arms
    return arm


def test_key_plan_and_every_bucket_are_named_in_the_order_of_asking() -> None:
    arm = explained(plan(quota=QuotaSettings(limit=10, period=QuotaPeriod.WEEK)))

    assert arm.api_key == "mobile, usage plan gold, 10 requests a week"
    assert [(each.identity, each.rate_limit, each.burst_limit) for each in arm.buckets] == [
        ("plan gold, key mobile, shop:dev/pets/GET", 1e9, 3),
        ("plan gold, key mobile", 2.0, 5),
        ("shop/dev/pets#GET", 9.0, 9),
        ("account", 8.0, 8),
    ]
    assert arm.answer == "200, made by the gateway"


def test_a_key_that_is_not_let_in_is_told_why() -> None:
    missing, unknown = explained(plan(), None), explained(plan(), "unknown")

    assert missing.answer == (
        "403 Forbidden: the method requires an API key, and x-api-key is missing"
    )
    assert unknown.answer == "403 Forbidden: API Key *** is unknown, or in no usage plan"
    assert (unknown.api_key, unknown.backend_request) == (None, None)
    assert [each.identity for each in unknown.buckets] == ["shop/dev/pets#GET", "account"]


def test_a_plan_that_blocks_is_told() -> None:
    arm = explained(plan(burst=0))

    assert arm.answer == "429: bucket plan gold, key mobile has a limit of 0, which blocks"


def test_what_is_in_shadow_blocks_nothing() -> None:
    of_plan, of_all = explained(plan(burst=0, shadow=True)), explained(plan(0), is_shadow=True)

    assert of_plan.answer == of_all.answer == "200, made by the gateway"
    assert of_plan.api_key == (
        "mobile, usage plan gold without a quota (in shadow: counted, not refused)"
    )
    assert (of_plan.is_shadow, of_all.is_shadow) == (False, True)
