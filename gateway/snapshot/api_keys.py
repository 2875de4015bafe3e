"""API keys as the data plane looks them up: by what callers send to what they may call.

A key is compiled when it is first used under a release: a hundred thousand keys of which a
thousand call cost a worker a thousand compiled ones. What they share, tokens and counts, lies in
shared memory and outlives every compiled form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.definitions.stage_validation import RATE_MAX
from gateway.definitions.usage_plan import UsagePlan
from gateway.release.usage import (
    ApiKeys,
    UsageKey,
    UsagePlans,
    method_throttle,
    shard_of,
    throttles_of,
)
from gateway.throttle import BucketTable, Meter
from gateway.throttle.usage_table import UsageCounter, UsageTable

_NO_KEYS: Final[Mapping[str, UsageKey]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTables:
    """The shared memory of API keys, as one worker sees it."""

    buckets: BucketTable
    usage: UsageTable


@dataclass(frozen=True, slots=True)
class KeyedMethod:
    """What a method that requires an API key is called in usage plans."""

    stage: str
    """`{api}:{stage}`."""
    throttle: str
    """`{api}:{stage}/pets/GET`."""

    @staticmethod
    def of(api_id: str, stage_name: str, resource_path: str, http_method: str) -> KeyedMethod:
        """Return a stage method's."""
        key = f"{resource_path}/{http_method}"
        return KeyedMethod(f"{api_id}:{stage_name}", method_throttle(api_id, stage_name, key))


class Membership:
    """A key in one usage plan: what each of its requests has to pass. Lifetime: a snapshot."""

    __slots__ = ("_by_method", "counter", "is_shadow", "key_id", "own_meters", "plan")

    def __init__(
        self,
        key_id: str,
        plan: UsagePlan,
        slots: tuple[int, ...],
        tables: KeyTables | None,
        *,
        is_shadow: bool,
    ) -> None:
        self.key_id = key_id
        self.plan = plan
        self.is_shadow = is_shadow or plan.shadow
        """Whether the plan's throttles and quota only count what they would refuse."""
        self.counter: UsageCounter | None = None
        """None: the shared tables had no room, so that the key cannot be let in."""
        self.own_meters: tuple[Meter, ...] = ()
        """The plan's own bucket, if it has one."""
        self._by_method: dict[str, tuple[Meter, ...]] = {}
        throttles = throttles_of(plan)
        if tables is None or len(slots) != len(throttles) + 1:
            return
        self.counter = UsageCounter(tables.usage, slots[0], tables.buckets.worker)
        for (name, throttle), slot in zip(throttles, slots[1:], strict=True):
            rate, burst = throttle.rate_limit, throttle.burst_limit
            meter = Meter(
                tables.buckets,
                slot,
                RATE_MAX if rate is None else rate,
                RATE_MAX if burst is None else burst,
            )
            if name:
                # Narrowest first; the plan's own comes before all others.
                self._by_method[name] = (meter, *self.own_meters)
            else:
                self.own_meters = (meter,)

    def __repr__(self) -> str:
        return f"<Membership {self.key_id} in {self.plan.id}, {self.counter!r}>"

    def meters_of(self, method: KeyedMethod) -> tuple[Meter, ...]:
        """Return the plan's buckets that a method takes from, narrowest first."""
        return self._by_method.get(method.throttle, self.own_meters)


@dataclass(frozen=True, slots=True)
class CompiledKey:
    """An API key with what it opens."""

    id: str
    is_enabled: bool
    stages: Mapping[str, Membership]
    """`{api}:{stage}` to the plan through which the key has it."""


class CompiledKeys:
    """Every API key of a release, found by its value."""

    __slots__ = ("_is_shadow", "_opened", "_tables", "edition", "keys", "plans")

    def __init__(
        self, keys: ApiKeys, plans: UsagePlans, tables: KeyTables | None, *, is_shadow: bool
    ) -> None:
        self.keys = keys
        self.plans = plans
        self._tables = tables
        self._is_shadow = is_shadow
        self.edition = object()
        """Stands for all of this where what was found is kept: without keeping all of this."""
        # At most as many as there are keys: unknown values are not kept.
        self._opened: dict[str, CompiledKey] = {}

    def __repr__(self) -> str:
        count = sum(map(len, self.keys.values()))
        return f"<CompiledKeys {len(self._opened)} of {count} in use, {len(self.plans)} plans>"

    def is_of(self, keys: ApiKeys, plans: UsagePlans, *, is_shadow: bool) -> bool:
        """Whether this was compiled from the same: then it need not be compiled anew."""
        return self._is_shadow == is_shadow and (self.keys, self.plans) == (keys, plans)

    def find(self, digest: str) -> CompiledKey | None:
        """Return the key whose value has a digest (`release.usage.digest_of_value`)."""
        compiled = self._opened.get(digest)
        if compiled is None:
            key = self.keys.get(shard_of(digest), _NO_KEYS).get(digest)
            if key is None:
                return None
            compiled = self._opened[digest] = self._compile(key)
        return compiled

    def _compile(self, key: UsageKey) -> CompiledKey:
        stages: dict[str, Membership] = {}
        for plan_id, slots in key.plans.items():
            plan = self.plans.get(plan_id)
            if plan is None:
                continue
            membership = Membership(key.id, plan, slots, self._tables, is_shadow=self._is_shadow)
            for each in plan.api_stages:
                stages.setdefault(f"{each.api_id}:{each.stage}", membership)
        return CompiledKey(key.id, key.is_enabled, stages)
