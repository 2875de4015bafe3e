"""Throttles and quotas of usage plans as values: checked, completed, shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from gateway.control.api.protocol import present
from gateway.definitions.stage_validation import RATE_MAX
from gateway.definitions.usage_plan import QuotaPeriod
from gateway.definitions.usage_validation import (
    COUNT_MAX,
    METHOD_THROTTLES_MAX,
    OFFSETS_MAX,
    normalise_method_key,
)
from gateway.errors import bad_request, limit_exceeded

_PERIODS: Final = ", ".join(QuotaPeriod)


def checked_throttle(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a throttle as it is kept: what is missing is not limited.

    Raises:
        ControlError: (BadRequestException) a limit is none.
    """
    rate, burst = given.get("rateLimit"), given.get("burstLimit")
    if rate is not None and not (math.isfinite(rate) and 0 <= rate <= RATE_MAX):
        raise bad_request(f"Usage Plan rate limit must be a number from 0 to {RATE_MAX:.0f}")
    if burst is not None and not 0 <= burst <= COUNT_MAX:
        raise bad_request(f"Usage Plan burst limit must be a whole number from 0 to {COUNT_MAX}")
    return present(burstLimit=burst, rateLimit=None if rate is None else float(rate))


def checked_quota(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a quota as it is kept, complete.

    Raises:
        ControlError: (BadRequestException) a member is missing, or none.
    """
    limit, offset, period = given.get("limit"), given.get("offset", 0), given.get("period")
    if limit is None or not 0 <= limit <= COUNT_MAX:
        raise bad_request("Usage Plan quota limit must be a non-negative number")
    if not 0 <= offset <= COUNT_MAX:
        raise bad_request("Usage Plan quota offset must be a non-negative number")
    if period not in set(QuotaPeriod):
        raise bad_request(f"Usage Plan quota period must be one of: [{_PERIODS}]")
    highest = OFFSETS_MAX[QuotaPeriod(period)]
    if offset > highest:
        allowed = f"between 0 and {highest} inclusive" if highest else "zero"
        raise bad_request(f"Usage Plan quota offset must be {allowed} in the {period} period")
    return {"limit": limit, "offset": offset, "period": period}


def checked_method_throttles(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the throttles of a stage's methods by normalised key; None: there are none.

    Raises:
        ControlError: (BadRequestException) a key or a limit is none, or there are too many.
    """
    kept = {method_key(key): checked_throttle(each or {}) for key, each in given.items()}
    if len(kept) > METHOD_THROTTLES_MAX:
        raise limit_exceeded(
            f"At most {METHOD_THROTTLES_MAX} methods of a stage have throttles in a usage plan"
        )
    return kept or None


def method_key(key: str) -> str:
    """Return the stored form of a method's key: `/pets/GET`; for the root resource `//GET`.

    Raises:
        ControlError: (BadRequestException) it names no method.
    """
    normalised = normalise_method_key(key)
    if normalised is None:
        raise bad_request(
            f"Invalid method {key} specified for throttle: write {{resource path}}/{{METHOD}}, "
            "such as /pets/GET"
        )
    return normalised


def throttle_shown(throttle: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a throttle in AWS's shape."""
    if throttle is None:
        return None
    rate = throttle.get("rateLimit")
    return present(
        burstLimit=throttle.get("burstLimit"), rateLimit=None if rate is None else float(rate)
    )
