"""Counts latencies in buckets as fine as a thousandth of the value, like HDR histograms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

PERCENTILES: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
_HALF: Final = 1024


class Histogram:
    """Latencies, kept to a microsecond below 2 ms and to 0.1 % above."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.longest = 0.0
        """Seconds."""

    def __repr__(self) -> str:
        return f"<Histogram {self.count} values, longest {self.longest * 1000:.3f} ms>"

    def record(self, seconds: float) -> None:
        """Count a latency; a negative one counts as none."""
        microseconds = max(0, round(seconds * 1e6))
        shift = max(0, microseconds.bit_length() - 11)
        self._counts[shift * _HALF + (microseconds >> shift)] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)

    def percentile(self, percent: float) -> float:
        """Return the seconds within which this share of all latencies lies; 0 without any."""
        wanted = self.count * percent / 100
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= wanted:
                return min(_highest(index) / 1e6, self.longest)
        return 0.0

    def percentiles(self, percents: Iterable[float] = PERCENTILES) -> dict[str, float]:
        """Return seconds by name, such as `p99` and `p99.9`."""
        return {f"p{percent:g}": self.percentile(percent) for percent in percents}


def _highest(index: int) -> int:
    """Return the largest number of microseconds that a bucket holds."""
    shift = max(0, (index // _HALF) - 1)
    return ((index - shift * _HALF + 1) << shift) - 1
