"""What a row says: figures, the target, and whether it is met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

ITSELF: Final = "itself, pure Python"
"""The anchor of a line that holds another build of ours against the default one."""


class Verdict(StrEnum):
    """What became of a line."""

    MET = "met"
    MOONSHOT = "moonshot"
    MISSED = "MISSED"
    VOID = "VOID"
    SKIPPED = "skipped"
    SHOWN = "shown"
    """Measured for comparison; nothing is demanded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure of a row, against one anchor."""

    row: str
    """`P1` to `P10`."""
    work: str
    anchor: str = ""
    build: str = ""
    """Which of our builds; empty: the default one, pure Python. Others are shown beside it."""
    ours: float | None = None
    theirs: float | None = None
    unit: str = ""
    """Of `ours` and `theirs`."""
    value: float | None = None
    """What is held against the target: the median of the rounds."""
    value_unit: str = "×"
    must: float | None = None
    moonshot: float | None = None
    voided: tuple[str, ...] = ()
    """Why the figures count for nothing."""
    skipped: str = ""
    notes: tuple[str, ...] = ()
    rounds: tuple[Mapping[str, Any], ...] = ()
    """Raw figures."""

    @property
    def verdict(self) -> Verdict:
        """Whether the target is met; it is an upper bound everywhere."""
        if self.voided:
            return Verdict.VOID
        if self.skipped or self.value is None:
            return Verdict.SKIPPED
        if self.must is None:
            return Verdict.SHOWN
        if self.value > self.must:
            return Verdict.MISSED
        if self.moonshot is not None and self.value <= self.moonshot:
            return Verdict.MOONSHOT
        return Verdict.MET

    def to_json(self) -> dict[str, Any]:
        """Return everything, for the result file."""
        return asdict(self) | {"verdict": self.verdict.value}


def paired(ours: Iterable[float], theirs: Iterable[float]) -> float | None:
    """Return the median of the rounds' ratios; None when a round has nothing to divide by."""
    pairs = list(zip(ours, theirs, strict=True))
    if not pairs or any(anchor <= 0 for _, anchor in pairs):
        return None
    return statistics.median(own / anchor for own, anchor in pairs)


def is_failure(line: Line) -> bool:
    """Whether a line makes the bench fail: it misses its target, or that cannot be told."""
    return line.verdict in (Verdict.MISSED, Verdict.VOID)
