"""Methods that require an API key: who is let in, what it costs, what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.definitions.rest_api import ApiKeySource, RestApi
from gateway.definitions.stage import AccessLogSettings, Stage
from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.pipeline.api_key import masked
from gateway.release import Release
from gateway.release.usage import UsageKey
from gateway.telemetry.metrics import (
    BLOCK_CELLS,
    HEADER_CELLS,
    QUOTA_EXCEEDED,
    SHADOWED,
    THROTTLED,
)
from tests.builders import World, api, declared, mock, release, settings

VALUE = "0123456789-0123456789"
OTHER = "9876543210-9876543210"
KEYED = replace(declared(mock()), api_key_required=True)
DEFINITION = api({"/pets": {"GET": KEYED}, "/cats": {"GET": KEYED}, "/free": {"GET": mock()}})


def throttle(burst: int) -> ThrottleSettings:
    return ThrottleSettings(rate_limit=0.001, burst_limit=burst)


def stage(burst: int | None = None) -> Stage:
    limits = {"throttlingRateLimit": 0.001, "throttlingBurstLimit": burst}
    return Stage(stage_name="dev", method_settings={} if burst is None else settings(all_=limits))


def made(
    plan: UsagePlan | None = None, *stages: Stage, definition: Any = DEFINITION, **how: Any
) -> Release:
    plan = plan or UsagePlan()
    opened = plan.api_stages or (ApiStage(api_id="shop", stage="dev"),)
    usage = UsageDefinitions(
        api_keys={
            "mobile": ApiKey(id="mobile", value=VALUE),
            "second": ApiKey(id="second", value=OTHER),
            "off": ApiKey(id="off", value="disabled-0123456789-", enabled=False),
            "lonely": ApiKey(id="lonely", value="lonely-0123456789-01"),
        },
        usage_plans={
            "gold": replace(
                plan, id="gold", api_stages=opened, api_keys=("mobile", "second", "off")
            ),
            "elsewhere": UsagePlan(
                id="elsewhere",
                api_stages=(ApiStage(api_id="shop", stage="prod"),),
                api_keys=("lonely",),
            ),
        },
    )
    return release(definition, *stages, usage=usage, **how)


def ask(world: World, target: str = "/dev/pets", value: str | None = VALUE) -> int:
    return world.status(target=target, headers={} if value is None else {"X-Api-Key": value})


def counted(world: World, cell: int, block: int = 1) -> float:
    return world.metrics._cells[HEADER_CELLS + block * BLOCK_CELLS + cell]


def test_a_known_key_is_let_in_and_counted() -> None:
    world = World(made())
    exchange, response = world.ask(headers={"x-API-key": VALUE})

    assert response.status == 200
    assert exchange.usage is not None
    assert (exchange.usage.api_key_id, exchange.usage.usage_plan_id) == ("mobile", "gold")
    assert world.usage.counted(1) == 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "x-api-key is missing"),
        ("", "x-api-key is missing"),
        (VALUE[:-1], "API Key ***345678 is unknown"),
        (VALUE.upper() + "x", "is unknown"),
        ("short", "API Key *** is unknown"),
        ("\xff" * 20, "is unknown"),
        ("disabled-0123456789-", "API Key ***56789- (off) is disabled"),
        ("lonely-0123456789-01", "in no usage plan that has the stage shop:dev"),
    ],
)
def test_every_other_key_is_forbidden(value: str | None, why: str) -> None:
    world = World(made())
    headers = {} if value is None else {"x-api-key": value}
    exchange, response = world.ask(headers=headers)

    assert (response.status, response.body) == (403, b'{"message":"Forbidden"}')
    assert b"x-amzn-ErrorType: ForbiddenException" in response.head
    assert exchange.fault is not None
    assert why in exchange.fault.detail
    assert exchange.fault.type.value == "INVALID_API_KEY"
    assert world.usage.counted(1) == 0


def test_a_key_is_ignored_where_none_is_required() -> None:
    world = World(made(UsagePlan(throttle=throttle(0))))

    assert ask(world, "/dev/free", "unknown") == 200
    assert ask(world, "/dev/free") == 200
    assert world.usage.counted(1) == 0


def test_a_key_from_an_authorizer_is_not_served_yet() -> None:
    rest_api = RestApi(name="Shop", api_key_source=ApiKeySource.AUTHORIZER)
    definition = api({"/pets": {"GET": KEYED}}, rest_api=rest_api)

    assert ask(World(made(definition=definition))) == 500


@pytest.mark.parametrize(
    ("own", "plan", "of_stage", "of_account", "admitted"),
    [(2, 5, 7, 9, 2), (9, 3, 7, 9, 3), (9, 9, 4, 9, 4), (9, 9, 9, 5, 5)],
)
def test_the_smallest_bucket_refuses_first(
    own: int, plan: int, of_stage: int, of_account: int, admitted: int
) -> None:
    stages = (ApiStage(api_id="shop", stage="dev", throttle={"/pets/GET": throttle(own)}),)
    gold = UsagePlan(api_stages=stages, throttle=throttle(plan))
    world = World(made(gold, stage(of_stage), account=(0.001, of_account)))

    assert [ask(world) for _ in range(9)] == [200] * admitted + [429] * (9 - admitted)
    assert world.usage.counted(1) == admitted


def test_buckets_are_a_key_s_own_and_a_refusal_costs_nothing_elsewhere() -> None:
    stages = (ApiStage(api_id="shop", stage="dev", throttle={"/pets/GET": throttle(1)}),)
    world = World(made(UsagePlan(api_stages=stages, throttle=throttle(3)), stage(9)))

    assert [ask(world) for _ in range(6)] == [200, *[429] * 5]
    # Neither the plan's bucket nor the other method's lost a token to the five.
    assert [ask(world, "/dev/cats") for _ in range(3)] == [200, 200, 429]
    assert [ask(world, "/dev/cats", OTHER) for _ in range(4)] == [200, 200, 200, 429]


def test_a_throttle_tells_aws_s_sentence() -> None:
    world = World(made(UsagePlan(throttle=throttle(0))))
    exchange, response = world.ask(headers={"x-api-key": VALUE})

    assert (response.status, response.body) == (429, b'{"message":"Too Many Requests"}')
    assert exchange.fault is not None
    assert exchange.fault.detail == (
        "API Key ***456789 exceeded throttle limit for API Stage shop/dev: Key throttle limit "
        "exceeded for Usage Plan ID gold. Limit: 0.00 Burst: 0"
    )
    assert counted(world, THROTTLED) == 1


def test_a_quota_is_a_key_s_own_and_told_before_a_throttle() -> None:
    quota = QuotaSettings(limit=2, period=QuotaPeriod.DAY)
    world = World(made(UsagePlan(quota=quota, throttle=throttle(2))))
    assert [ask(world), ask(world)] == [200, 200]
    exchange, response = world.ask(headers={"x-api-key": VALUE})

    assert (response.status, response.body) == (429, b'{"message":"Limit Exceeded"}')
    assert b"x-amzn-ErrorType: LimitExceededException" in response.head
    assert exchange.fault is not None
    assert exchange.fault.detail.endswith(
        "quota limit for API Stage shop/dev: Key quota exhausted for Usage Plan ID gold. "
        "Limit: 2 Period: DAY"
    )
    assert ask(world, value=OTHER) == 200
    assert (counted(world, QUOTA_EXCEEDED), counted(world, THROTTLED)) == (1, 0)


def test_a_key_without_room_is_answered_500() -> None:
    served = made()
    shards = {
        shard: {
            digest: replace(key, plans=dict.fromkeys(key.plans, ())) for digest, key in keys.items()
        }
        for shard, keys in served.api_keys.items()
    }
    world = World(made())
    world.publish(replace(served, api_keys=shards, revision=2))

    assert ask(world) == 500


def test_keys_come_and_go_without_binding_stages_anew() -> None:
    world = World(made())
    stage_before = world.cell.current.apis["shop"]["dev"]
    gone: dict[str, dict[str, UsageKey]] = {shard: {} for shard in made().api_keys}
    world.publish(replace(made(), api_keys=gone, revision=2))

    assert ask(world) == 403
    assert world.cell.current.apis["shop"]["dev"] is stage_before
    world.publish(replace(made(), revision=3))
    assert ask(world) == 200


@pytest.mark.parametrize(("burst", "limit", "reason"), [(2, 9, 0), (9, 2, 1)])
def test_a_plan_in_shadow_counts_and_refuses_nothing(burst: int, limit: int, reason: int) -> None:
    quota = QuotaSettings(limit=limit, period=QuotaPeriod.DAY)
    plan = UsagePlan(quota=quota, throttle=throttle(burst), shadow=True)
    world = World(made(plan, stage(6)))

    # What would have been refused takes from the stage's bucket all the same: it is served.
    assert [ask(world) for _ in range(7)] == [200] * 6 + [429]
    assert ask(world, value="unknown") == 403
    assert counted(world, SHADOWED + reason) == 5
    assert counted(world, THROTTLED) == 1
    assert world.usage.counted(1) == 2


def test_everything_in_shadow_counts_and_refuses_nothing() -> None:
    plan = UsagePlan(throttle=throttle(2))
    world = World(made(plan, stage(4), is_shadow=True))

    assert [ask(world) for _ in range(8)] == [200] * 8
    assert [ask(world, "/dev/free") for _ in range(8)] == [200] * 8
    assert ask(world, value=None) == 403
    assert counted(world, SHADOWED) == 6 + 4
    assert counted(world, THROTTLED) == 0


def test_a_stage_in_shadow_counts_what_it_would_refuse_of_a_key() -> None:
    world = World(made(UsagePlan(throttle=throttle(9)), stage(1), is_shadow=True))

    assert [ask(world) for _ in range(3)] == [200] * 3
    assert counted(world, SHADOWED) == 2


def test_access_logs_tell_the_key_and_its_id() -> None:
    text = "$context.requestId $context.identity.apiKey $context.identity.apiKeyId"
    log = AccessLogSettings(destination="log", format=text)
    world = World(made(None, Stage(stage_name="dev", access_log_settings=log)))
    ask(world)
    ask(world, value="unknown")
    ask(world, "/dev/free")

    lines = [line.decode().split()[1:] for line in world.logs.lines["log"]]
    assert lines == [[VALUE, "mobile"], ["unknown", "-"], ["-", "-"]]


def test_keys_are_masked_in_aws_s_form() -> None:
    assert masked(VALUE) == "***456789"
    assert masked("short") == "***"
