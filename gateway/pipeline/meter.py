"""Throttling: one token from each bucket that applies, or a refusal that costs none."""

from __future__ import annotations

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange
from gateway.snapshot.compiled import CompiledMethod
from gateway.throttle import refusing


def meter(method: CompiledMethod, exchange: Exchange) -> None:
    """Take a token from each of the method's buckets, narrowest first.

    Raises:
        Fault: THROTTLED (429) when one is empty; then no bucket loses a token.
    """
    if method.meters and refusing(method.meters, exchange.now) is not None:
        raise Fault(GatewayResponseType.THROTTLED, source="client")
