"""What a reload is measured by, and what it tells: how much fits, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacities:
    """How much the shared tables hold."""

    buckets: int
    """Token buckets, the account's included."""
    blocks: int
    """Metric blocks, that of unmatched requests included."""
    series: int = 2**31
    """Time series that methods with metrics of their own may use."""
    key_buckets: int = 2**31
    usage_rows: int = 2**31
    """Token buckets of API keys, and rows of the usage table: the first of each is nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """What came of a reload."""

    is_changed: bool
    """Whether there is a new release."""
    revision: int
    """Revision that is current now."""
    digest: str
    problems: tuple[Problem, ...] = ()
    """Errors and warnings; errors name what was held back."""
    kept: tuple[str, ...] = ()
    """APIs whose last good form stays, because their present one is broken."""
    missing: tuple[str, ...] = ()
    """APIs that are broken and were never good: they are not served."""
    unserved: tuple[str, ...] = ()
    """APIs of the last good release that a start found no files of: they are not served."""
    without_blocks: int = 0
    """Methods that asked for metrics of their own beyond the budget."""

    @property
    def is_ok(self) -> bool:
        """Whether everything that the files say is served."""
        return all(problem.severity != "error" for problem in self.problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that held something back."""
        return tuple(problem for problem in self.problems if problem.severity == "error")
