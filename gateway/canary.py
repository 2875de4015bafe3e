"""Who gets the canary: a stage's percentage and a draw, nothing remembered.

Every request draws for itself (AWS: no stickiness), so a client may see both deployments.
"""

from __future__ import annotations


def takes_canary(percent: float, draw: float) -> bool:
    """Return whether a request goes to the canary.

    Args:
        percent: `canarySettings.percentTraffic`, 0 to 100: 0 is never, 100 always.
        draw: The request's random number in [0, 1).
    """
    return draw * 100.0 < percent
