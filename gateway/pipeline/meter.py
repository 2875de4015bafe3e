"""Throttling: one token from each bucket that applies, or a refusal that costs none."""

from __future__ import annotations

from typing import Final

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange
from gateway.pipeline.api_key import meter_key, refuse_or_note
from gateway.snapshot.compiled import CompiledMethod, Snapshot
from gateway.throttle import refusing

_THROTTLED: Final = Fault(GatewayResponseType.THROTTLED, source="client")
"""Never raised: a refusal must cost less than what it protects."""


def meter(snapshot: Snapshot, method: CompiledMethod, exchange: Exchange) -> Fault | None:
    """Check the API key, if the method requires one, and take a token from each bucket.

    Narrowest first: the key's usage plan, the stage method, the account.

    Returns:
        THROTTLED (429) when the stage method's or the account's bucket is empty; then no bucket
        loses a token.

    Raises:
        Fault: INVALID_API_KEY (403), QUOTA_EXCEEDED (429) or THROTTLED, for what the key says.
    """
    if method.keyed is not None:
        meter_key(snapshot.api_keys, method.keyed, method, exchange)
        return None
    meters = method.meters
    if not meters or refusing(meters, exchange.now) is None:
        return None
    if method.is_shadow:
        refuse_or_note(method, exchange)
        return None
    return _THROTTLED
