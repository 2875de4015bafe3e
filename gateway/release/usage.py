"""API keys and usage plans in a release: what workers know of them. Pure: no I/O, no clock.

A worker never learns the value of a key, only its SHA-256: a look-up by it needs no comparison in
constant time (a caller who guesses learns at most how a digest begins, which says nothing about the
value), and neither a worker's memory nor the release on disk holds secrets. Values are random or
long; guessing one from its digest is as hard as guessing it at the front door.

Keys are spread over shards by the first two digits of the digest, a part of the release each, so
that one changed key sends one shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.definitions import codec
from gateway.definitions.usage_plan import ApiKey, ThrottleSettings, UsagePlan

SHARD_DIGITS: Final = 2
"""Hexadecimal digits that name a shard."""

NO_ROOM: Final = ()
"""Slots of a key that the shared tables had no room for: its requests are answered 500."""


@dataclass(frozen=True, slots=True)
class UsageKey:
    """An API key as workers know it."""

    id: str
    digest: str
    """SHA-256 of its value, hexadecimal."""
    is_enabled: bool
    plans: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Ids of its usage plans to its slots in the shared tables: first the row of the usage table,
    then a token bucket for each of `throttles_of(plan)`. `NO_ROOM` until they are given."""


UsagePlans = Mapping[str, UsagePlan]
"""Id to plan."""

ApiKeys = Mapping[str, Mapping[str, UsageKey]]
"""Shard to digest to key."""


def digest_of_value(value: str) -> str:
    """Return what stands for the value of a key; what is no UTF-8 stands for itself."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def shard_of(digest: str) -> str:
    """Return the shard that a key is in."""
    return digest[:SHARD_DIGITS]


def in_shards(keys: Iterable[UsageKey]) -> dict[str, dict[str, UsageKey]]:
    """Return keys by shard and digest."""
    shards: dict[str, dict[str, UsageKey]] = {}
    for key in keys:
        shards.setdefault(shard_of(key.digest), {})[key.digest] = key
    return shards


def all_keys(shards: ApiKeys) -> Iterator[UsageKey]:
    """Yield every key."""
    return (key for shard in shards.values() for key in shard.values())


def keys_of_definitions(
    keys: Mapping[str, ApiKey], plans: UsagePlans
) -> tuple[dict[str, UsagePlan], dict[str, UsageKey]]:
    """Return plans and keys, as files define them, as workers know them; keys by id.

    A key without a plan opens nothing, and is left out.
    """
    memberships: dict[str, dict[str, tuple[int, ...]]] = {}
    for plan_id, plan in plans.items():
        for key_id in plan.api_keys:
            memberships.setdefault(key_id, {})[plan_id] = NO_ROOM
    served = {
        key_id: UsageKey(key_id, digest_of_value(keys[key_id].value), keys[key_id].enabled, plans_)
        for key_id, plans_ in memberships.items()
    }
    return {id_: replace(plan, api_keys=()) for id_, plan in plans.items()}, served


def method_throttle(api_id: str, stage_name: str, method_key: str) -> str:
    """Return what names a method's throttle in a plan; `method_key` is like `/pets/GET`."""
    return f"{api_id}:{stage_name}{method_key}"


def throttles_of(plan: UsagePlan) -> list[tuple[str, ThrottleSettings]]:
    """Return the throttles of a plan, each a bucket for each key, in the order of their slots.

    The plan's own is named by an empty text, and is the first; then come those of methods.
    """
    throttles = [
        (method_throttle(each.api_id, each.stage, key), throttle)
        for each in plan.api_stages
        for key, throttle in each.throttle.items()
        if _is_limited(throttle)
    ]
    throttles.sort(key=lambda pair: pair[0])
    if plan.throttle is not None and _is_limited(plan.throttle):
        throttles.insert(0, ("", plan.throttle))
    return throttles


def _is_limited(throttle: ThrottleSettings) -> bool:
    return throttle.rate_limit is not None or throttle.burst_limit is not None


def plan_records(plan: UsagePlan, *, is_of_file: bool) -> Iterator[list[Any]]:
    """Yield the records of a plan's part."""
    yield ["plan", is_of_file, codec.encode(plan)]


def key_records(keys: Mapping[str, UsageKey]) -> Iterator[list[Any]]:
    """Yield the records of a shard's part."""
    for digest in sorted(keys):
        key = keys[digest]
        yield ["key", digest, [key.id, key.is_enabled, key.plans]]


def key_of(digest: str, value: Any) -> UsageKey:
    """Return the key that a record is of.

    Raises:
        ValueError: it is of none.
    """
    match value:
        case [str(id_), bool(is_enabled), dict(plans)]:
            slots = {str(plan_id): tuple(map(int, each)) for plan_id, each in plans.items()}
            return UsageKey(id_, digest, is_enabled, slots)
        case _:
            raise ValueError(f"{value!r} is no API key")
