"""Which arm of a stage a request goes to: the base deployment or the canary's."""

from __future__ import annotations

from collections.abc import Callable

from gateway.canary import takes_canary
from gateway.messages import Exchange
from gateway.snapshot.compiled import CompiledStage, Variant


def split(stage: CompiledStage, exchange: Exchange, draw: Callable[[], float]) -> Variant:
    """Return the variant that serves a request: drawn for it, or for its caller.

    `draw` returns a number in [0, 1). It is asked here alone: most stages have no canary.
    """
    canary = stage.canary
    if canary is None:
        return stage.base
    drawn = draw()
    if stage.draw is not None:
        drawn = stage.draw(exchange.request, drawn)
    return canary if takes_canary(stage.canary_percent, drawn) else stage.base
