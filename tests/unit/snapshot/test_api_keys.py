"""From the value of a key to what it may call."""

from __future__ import annotations

from gateway.definitions.usage_plan import (
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsagePlan,
)
from gateway.release.usage import UsageKey, digest_of_value, in_shards
from gateway.snapshot.api_keys import CompiledKeys, KeyedMethod
from tests.builders import key_tables

GET_PETS = KeyedMethod.of("shop", "dev", "/pets", "GET")
GET_ROOT = KeyedMethod.of("shop", "dev", "/", "GET")
GOLD = UsagePlan(
    id="gold",
    api_stages=(
        ApiStage(
            api_id="shop",
            stage="dev",
            throttle={
                "/pets/GET": ThrottleSettings(rate_limit=1.0, burst_limit=2),
                "//GET": ThrottleSettings(burst_limit=3),
            },
        ),
    ),
    throttle=ThrottleSettings(rate_limit=5.0, burst_limit=7),
    quota=QuotaSettings(limit=3, period=QuotaPeriod.DAY),
)


def compiled(
    plans: tuple[UsagePlan, ...] = (GOLD,),
    slots: tuple[int, ...] = (1, 1, 2, 3),
    *,
    has_tables: bool = True,
    is_shadow: bool = False,
) -> CompiledKeys:
    key = UsageKey("k", digest_of_value("value"), True, {each.id: slots for each in plans})
    tables = key_tables() if has_tables else None
    return CompiledKeys(
        in_shards([key]), {each.id: each for each in plans}, tables, is_shadow=is_shadow
    )


def test_a_key_is_found_by_its_value_alone() -> None:
    keys = compiled()

    assert keys.find(digest_of_value("valu")) is None
    found = keys.find(digest_of_value("value"))
    assert found is not None
    assert (found.id, found.is_enabled, list(found.stages)) == ("k", True, ["shop:dev"])
    assert keys.find(digest_of_value("value")) is found
    assert repr(keys) == "<CompiledKeys 1 of 1 in use, 1 plans>"


def test_a_method_takes_from_its_own_bucket_before_the_plan_s() -> None:
    found = compiled().find(digest_of_value("value"))
    assert found is not None
    membership = found.stages["shop:dev"]

    assert [meter.burst for meter in membership.meters_of(GET_PETS)] == [2, 7]
    assert [meter.burst for meter in membership.meters_of(GET_ROOT)] == [3, 7]
    other = KeyedMethod.of("shop", "dev", "/cats", "GET")
    assert [meter.burst for meter in membership.meters_of(other)] == [7]
    assert GET_ROOT.throttle == "shop:dev//GET"
    assert membership.counter is not None
    assert repr(membership).startswith("<Membership k in gold, <UsageCounter #1")


def test_what_is_not_limited_is_as_good_as_unlimited() -> None:
    found = compiled().find(digest_of_value("value"))
    assert found is not None

    assert found.stages["shop:dev"].meters_of(GET_ROOT)[0].rate == 1e9


def test_without_room_there_is_no_counter() -> None:
    for keys in (compiled(slots=()), compiled(slots=(1, 1)), compiled(has_tables=False)):
        found = keys.find(digest_of_value("value"))

        assert found is not None
        assert found.stages["shop:dev"].counter is None
        assert found.stages["shop:dev"].meters_of(GET_PETS) == ()


def test_of_two_plans_with_a_stage_the_first_counts() -> None:
    other = UsagePlan(id="silver", api_stages=GOLD.api_stages)
    found = compiled((GOLD, other)).find(digest_of_value("value"))
    assert found is not None

    assert found.stages["shop:dev"].plan.id == "gold"


def test_equal_keys_are_not_compiled_anew() -> None:
    keys = compiled()

    assert keys.is_of(keys.keys, dict(keys.plans), is_shadow=False)
    assert not keys.is_of(keys.keys, dict(keys.plans), is_shadow=True)
    assert not keys.is_of({}, keys.plans, is_shadow=False)


def test_a_plan_that_is_not_there_opens_nothing() -> None:
    key = UsageKey("k", digest_of_value("value"), True, {"gone": (1,)})
    found = CompiledKeys(in_shards([key]), {}, key_tables(), is_shadow=False).find(
        digest_of_value("value")
    )

    assert found is not None
    assert found.stages == {}
