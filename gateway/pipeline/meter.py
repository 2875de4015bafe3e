"""Throttling: one token from each bucket that applies, or a refusal that costs none."""

from __future__ import annotations

from typing import Final

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange
from gateway.pipeline.api_key import refuse_or_note
from gateway.snapshot.compiled import CompiledMethod
from gateway.throttle import refusing

_THROTTLED: Final = Fault(GatewayResponseType.THROTTLED, source="client")
"""Never raised: a refusal must cost less than what it protects."""


def meter(method: CompiledMethod, exchange: Exchange) -> Fault | None:
    """Take a token from each bucket of a method that requires no API key; else see `api_key`.

    Narrowest first: the stage method, the account.

    Returns:
        THROTTLED (429) when one is empty; then no bucket loses a token.
    """
    if refusing(method.meters, exchange.now) is None:
        return None
    if method.is_shadow:
        refuse_or_note(method, exchange)
        return None
    return _THROTTLED
