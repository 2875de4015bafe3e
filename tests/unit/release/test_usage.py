"""API keys and usage plans as workers know them."""

from __future__ import annotations

import hashlib

import pytest

from gateway.definitions.usage_plan import ApiKey, ApiStage, ThrottleSettings, UsagePlan
from gateway.release.decode import salvage_release
from gateway.release.encode import encode_release, encode_usage
from gateway.release.parts import digests_of
from gateway.release.release import Release
from gateway.release.usage import (
    UsageKey,
    all_keys,
    digest_of_value,
    in_shards,
    key_of,
    keys_of_definitions,
    shard_of,
    throttles_of,
)

PLAN = UsagePlan(
    id="gold",
    api_stages=(
        ApiStage(
            api_id="shop",
            stage="dev",
            throttle={
                "/pets/GET": ThrottleSettings(rate_limit=1.0),
                "/all/GET": ThrottleSettings(burst_limit=2),
                "/free/GET": ThrottleSettings(),
            },
        ),
    ),
    throttle=ThrottleSettings(rate_limit=5.0, burst_limit=5),
)


def release(*keys: UsageKey, plan: UsagePlan = PLAN) -> Release:
    return Release(
        revision=1,
        digest="",
        region="r",
        account="a",
        usage_plans={"gold": plan},
        file_plans=frozenset({"gold"}),
        api_keys=in_shards(keys),
    )


def key(value: str, *slots: int) -> UsageKey:
    return UsageKey(f"id-{value}", digest_of_value(value), True, {"gold": slots})


def test_values_are_known_by_their_digest() -> None:
    digest = digest_of_value("0123456789-0123456789")

    assert digest == hashlib.sha256(b"0123456789-0123456789").hexdigest()
    assert shard_of(digest) == digest[:2]
    # Bytes that are no UTF-8 arrive as lone surrogates.
    assert digest_of_value("\udcff") == hashlib.sha256(b"\xff").hexdigest()


def test_throttles_have_an_order_and_those_without_limits_no_bucket() -> None:
    assert [name for name, _ in throttles_of(PLAN)] == [
        "",
        "shop:dev/all/GET",
        "shop:dev/pets/GET",
    ]


def test_definitions_become_what_workers_know() -> None:
    plans, keys = keys_of_definitions(
        {"a": ApiKey(id="a", value="x" * 20), "b": ApiKey(id="b", value="y" * 20)},
        {"gold": UsagePlan(id="gold", api_keys=("a",))},
    )

    assert plans == {"gold": UsagePlan(id="gold")}
    assert keys == {"a": UsageKey("a", digest_of_value("x" * 20), True, {"gold": ()})}


def test_plans_and_keys_survive_the_journey() -> None:
    made = release(key("one", 1, 2, 3, 4), key("two"))
    parts = encode_release(made)
    assert sorted(parts) == sorted(
        ["settings", "domains", "plan/gold"]
        + [f"keys/{shard_of(digest_of_value(value))}" for value in ("one", "two")]
    )
    back, problems = salvage_release(1, parts)

    assert problems == []
    assert (back.usage_plans, back.api_keys) == (made.usage_plans, made.api_keys)
    assert back.file_plans == {"gold"}
    assert {key.id for key in all_keys(back.api_keys)} == {"id-one", "id-two"}


def test_a_changed_key_changes_its_shard_alone() -> None:
    keys = [key(f"value {number}", number) for number in range(40)]
    before = release(*keys)
    parts = encode_usage(before)
    after = encode_usage(release(*keys[:-1], key("value 39", 99)), before, parts)
    digests = digests_of(parts)

    changed = [name for name, part in after.items() if digests.get(name) != part.digest]
    assert changed == [f"keys/{shard_of(digest_of_value('value 39'))}"]
    assert all(after[name] is parts[name] for name in after if name not in changed)


@pytest.mark.parametrize("value", [[], ["a", 1, {}], ["a", True, []], ["a", True, {"p": ["x"]}]])
def test_a_record_of_no_key_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"is no API key|invalid literal"):
        key_of("digest", value)
