"""Which arm of a stage a request goes to: the base deployment or the canary's."""

from __future__ import annotations

from gateway.canary import takes_canary
from gateway.messages import Exchange
from gateway.snapshot.compiled import CompiledStage, Variant


def split(stage: CompiledStage, exchange: Exchange) -> Variant:
    """Return the variant that serves a request: drawn for it, or for its caller."""
    canary = stage.canary
    if canary is None:
        return stage.base
    draw = exchange.draw
    if stage.draw is not None:
        draw = stage.draw(exchange.request, draw)
    return canary if takes_canary(stage.canary_percent, draw) else stage.base
