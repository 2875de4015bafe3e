"""Which arm of a stage a request goes to: the base deployment or the canary's."""

from __future__ import annotations

from gateway.canary import takes_canary
from gateway.messages import Exchange
from gateway.snapshot.compiled import CompiledStage, Variant


def split(stage: CompiledStage, exchange: Exchange) -> Variant:
    """Return the variant that serves a request, drawn for each request."""
    if stage.canary is not None and takes_canary(stage.canary_percent, exchange.draw):
        return stage.canary
    return stage.base
