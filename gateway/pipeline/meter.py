"""Throttling: one token from each bucket that applies, or a refusal that costs none."""

from __future__ import annotations

from gateway.messages import Exchange
from gateway.pipeline.api_key import meter_key, refuse_or_note
from gateway.snapshot.compiled import CompiledMethod, Snapshot
from gateway.throttle import refusing


def meter(snapshot: Snapshot, method: CompiledMethod, exchange: Exchange) -> None:
    """Check the API key, if the method requires one, and take a token from each bucket.

    Narrowest first: the key's usage plan, the stage method, the account.

    Raises:
        Fault: INVALID_API_KEY (403), QUOTA_EXCEEDED (429), or THROTTLED (429) when a bucket is
            empty; then no bucket loses a token.
    """
    if method.keyed is not None:
        meter_key(snapshot.api_keys, method.keyed, method, exchange)
        return
    meters = method.meters
    if meters and refusing(meters, exchange.now) is not None:
        refuse_or_note(method, exchange)
