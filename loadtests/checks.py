"""What a load has seen of throttle and canary, and whether that is what was configured.

Values only; the locust file fills them in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

ENOUGH_SECONDS: Final = 2.0
ENOUGH_DRAWS: Final = 200
DEVIATIONS: Final = 4.0
"""Of a canary's share, in standard deviations: a right one lies outside once in 16,000 runs."""


@dataclass(slots=True)
class Observed:
    """What one process of the load has seen; its users are the only writers."""

    admitted: int = 0
    admitted_by_last_refusal: int = 0
    refused: int = 0
    first: float = 0.0
    last_refusal: float = 0.0
    base: int = 0
    canary: int = 0

    def limited(self, status: int, asked: float) -> None:
        """Count an answer of the throttled method, asked for at that time."""
        self.first = self.first or asked
        if status == 200:
            self.admitted += 1
        elif status == 429:
            # An empty bucket: until here nothing was left over.
            self.refused += 1
            self.last_refusal = asked
            self.admitted_by_last_refusal = self.admitted

    def add(self, other: Observed) -> None:
        """Add what another process has seen. The throttled method is asked by one user only."""
        if other.first:
            self.admitted, self.refused = other.admitted, other.refused
            self.admitted_by_last_refusal = other.admitted_by_last_refusal
            self.first, self.last_refusal = other.first, other.last_refusal
        self.base += other.base
        self.canary += other.canary


@dataclass(slots=True)
class State:
    """This process's observations, and on a master those of its workers."""

    own: Observed = field(default_factory=Observed)
    workers: dict[str, Observed] = field(default_factory=dict)
    results: list[Check] = field(default_factory=list)

    def total(self) -> Observed:
        """Return everything together."""
        total = Observed()
        for each in (self.own, *self.workers.values()):
            total.add(each)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a check at the end says."""

    name: str
    text: str
    is_right: bool | None
    """None: too little was seen to tell."""


def check_throttle(seen: Observed, rate: float, burst: int, tolerance_percent: float) -> Check:
    """Compare what was admitted until the last refusal with rate × time + burst."""
    seconds = seen.last_refusal - seen.first
    if not seen.refused or seconds < ENOUGH_SECONDS:
        return Check(name="throttle", text="was not pressed long enough", is_right=None)
    expected = rate * seconds + burst
    error = (seen.admitted_by_last_refusal / expected - 1) * 100
    # Whole requests: one more or less says nothing.
    allowed = max(tolerance_percent, 100 / expected)
    text = (
        f"admitted {seen.admitted_by_last_refusal} in {seconds:.1f} s, expected {expected:.1f}"
        f" ({error:+.2f} %, allowed ±{allowed:.2f} %)"
    )
    return Check(name="throttle", text=text, is_right=abs(error) <= allowed)


def check_canary(seen: Observed, percent: float) -> Check:
    """Compare the canary's share with what was set; chance alone explains DEVIATIONS of it."""
    draws = seen.base + seen.canary
    if draws < ENOUGH_DRAWS:
        return Check(name="canary", text=f"only {draws} answers were seen", is_right=None)
    share = percent / 100
    allowed = DEVIATIONS * math.sqrt(share * (1 - share) / draws) * 100
    found = seen.canary / draws * 100
    text = f"{found:.2f} % of {draws}, expected {percent:g} ± {allowed:.2f} %"
    return Check(name="canary", text=text, is_right=abs(found - percent) <= allowed)
