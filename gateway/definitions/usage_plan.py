"""ApiKey, UsagePlan and what they are made of: who may call keyed methods, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class QuotaPeriod(StrEnum):
    """How long a quota lasts, in UTC."""

    DAY = "DAY"
    WEEK = "WEEK"
    """From Sunday on."""
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleSettings:
    """A token bucket's limits; what is absent is not limited."""

    rate_limit: float | None = None
    """Requests per second: the token bucket's refill. 0 blocks."""
    burst_limit: int | None = None
    """Requests admitted at once: the token bucket's size. 0 blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSettings:
    """How many requests a key may make in each period."""

    limit: int
    """Requests of one key in one period, over all stages of the plan."""
    offset: int = 0
    """Taken off the limit in the period in which a key joins the plan: 0 where the period is DAY,
    at most 6 for WEEK and 27 for MONTH, as in AWS."""
    period: QuotaPeriod
    """Days, weeks (from Sunday on) and months are in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStage:
    """A stage that a usage plan opens to its keys."""

    api_id: str
    """Id of the API."""
    stage: str
    """Name of the stage."""
    throttle: Mapping[str, ThrottleSettings] = field(default_factory=dict)
    """Throttles of single methods, for each key: `/pets/{petId}/GET`, the root's `//GET`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePlan:
    """Opens stages to API keys, and says how much each of them may call."""

    id: str = ""
    """`[A-Za-z0-9_-]`, at most 128 characters. In files: the key under `usagePlans`."""
    name: str = ""
    """Name for people. In files the id, when it is left out."""
    description: str = ""
    """Text for people."""
    api_stages: tuple[ApiStage, ...] = ()
    """Stages that the plan's keys may call."""
    throttle: ThrottleSettings | None = None
    """Throttle of each key, over all stages of the plan."""
    quota: QuotaSettings | None = None
    """Quota of each key, over all stages of the plan."""
    api_keys: tuple[str, ...] = ()
    """Ids of the keys that are in the plan. A key has each stage through one plan only."""
    product_code: str | None = None
    """Stored for AWS's clients."""
    shadow: bool = False
    """Count what the plan's throttles and quota would refuse, and refuse nothing for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A secret that names a caller."""

    id: str = ""
    """`[A-Za-z0-9_-]`, at most 128 characters. In files: the key under `apiKeys`."""
    value: str
    """What callers send in `x-api-key`: 20 to 128 printable ASCII characters."""
    name: str = ""
    """Name for people."""
    description: str = ""
    """Text for people."""
    customer_id: str = ""
    """Id of the customer in another system."""
    enabled: bool = True
    """Whether it is let in. (A key made through the API is disabled unless it says otherwise.)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDefinitions:
    """What `usage.yaml` holds."""

    api_keys: Mapping[str, ApiKey] = field(default_factory=dict)
    """API keys by id."""
    usage_plans: Mapping[str, UsagePlan] = field(default_factory=dict)
    """Usage plans by id."""


NO_USAGE = UsageDefinitions()
"""Neither plans nor keys."""
