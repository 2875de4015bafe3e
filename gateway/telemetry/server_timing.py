"""The `Server-Timing` header: how long each phase of a request took."""

from __future__ import annotations

from gateway.messages import Exchange


def server_timing(exchange: Exchange) -> str:
    """Return the header's value, such as `locate;dur=0.012, invoke;dur=3.402` (milliseconds).

    Empty when the exchange kept no phases. Names are ours and are tokens, as the header demands.
    """
    parts = []
    began = exchange.now
    for name, ended in exchange.phases or ():
        parts.append(f"{name};dur={max(0.0, ended - began) * 1000:.3f}")
        began = ended
    return ", ".join(parts)
