"""Custom domain names and their base path mappings. Generic in what a mapping leads to.

The domain is chosen by host alone, before any path is looked at: an exact name beats a wildcard,
even if the exact one has no mapping for the path. Base paths are compared by whole segments, raw
and case-sensitively; the longest that is a prefix of the path wins, and `(none)` takes what is
left.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from gateway.errors import ConfigurationError, Problem
from gateway.routing.guards import Guard

T = TypeVar("T")
MAPPINGS_AT_ONCE: Final = 256
"""Base path mappings compiled between two yields: about 50 µs."""

NO_BASE_PATH: Final = "(none)"
"""AWS's name of the mapping without a base path."""

RESERVED_PATHS: Final = frozenset({"/ping", "/sping"})
"""Paths of custom domains and API hosts that AWS keeps for health checks; see `pipeline.health`."""
RESERVED_CHARACTERS: Final = max(map(len, RESERVED_PATHS))
"""The length of the longest: a longer path need not be looked up."""


class BasePaths(Generic[T]):
    """The base path mappings of one domain. Immutable, but for what it remembers.

    Args:
        mappings: Base path (`orders/v1`, outer slashes do not count; `(none)` or empty: everything
            else) and what it leads to.
        guard: What the domain asks of connections; None: nothing.

    Raises:
        ConfigurationError: A base path is mapped twice; every such one is named.
    """

    __slots__ = ("_by_base_path", "_found", "_lengths", "_otherwise", "guard")

    def __init__(self, mappings: Iterable[tuple[str, T]], guard: Guard | None = None) -> None:
        self.guard = guard
        self._found: tuple[str, str, T] | None = None
        """What `find` found last, where no longer base path can begin with it: the base path
        after a slash, and the answer. Most domains have but one."""
        for _ in self._take(mappings):
            pass

    @staticmethod
    def slices(
        mappings: Iterable[tuple[str, T]], guard: Guard | None = None
    ) -> Generator[None, None, BasePaths[T]]:
        """Make one as the constructor does, little by little."""
        made = BasePaths[T]((), guard)
        # Nobody has seen it yet.
        yield from made._take(mappings)
        return made

    def _take(self, mappings: Iterable[tuple[str, T]]) -> Generator[None, None, None]:
        by_base_path: dict[str, T] = {}
        lengths: set[int] = set()
        problems = []
        for number, (written, target) in enumerate(mappings, start=1):
            if number % MAPPINGS_AT_ONCE == 0:
                yield
            base_path = written.strip("/") or NO_BASE_PATH
            if base_path in by_base_path:
                problems.append(
                    Problem(
                        path=f"basePathMappings.{base_path}",
                        message=f"The base path {base_path} is mapped twice; keep one mapping.",
                    )
                )
            by_base_path[base_path] = target
            if base_path != NO_BASE_PATH:
                lengths.add(base_path.count("/") + 1)
        if problems:
            raise ConfigurationError(tuple(problems))
        self._otherwise = (by_base_path.pop(NO_BASE_PATH),) if NO_BASE_PATH in by_base_path else ()
        self._by_base_path = by_base_path
        self._lengths = sorted(lengths, reverse=True)
        """The numbers of segments that base paths have, longest first: one look-up for each."""

    def find(self, path: str) -> tuple[str, T, str] | None:
        """Return base path, target, and the rest of the path, which starts with `/`; or None.

        `/orders/v1//items/` under `orders/v1` leaves `//items/`. Slashes in front of the path
        collapse.
        """
        known = self._found
        if known is not None:
            prefix, base_path, known_target = known
            rest = path.removeprefix(prefix)
            if rest and rest[0] == "/" and len(rest) != len(path):
                return base_path, known_target, rest
        stripped = path.lstrip("/")
        if self._lengths:
            for length in self._lengths:
                segments = stripped.split("/", length)
                rest = f"/{segments.pop()}" if len(segments) > length else "/"
                if len(segments) == length:
                    base_path = "/".join(segments)
                    if base_path in self._by_base_path:
                        target = self._by_base_path[base_path]
                        if length == self._lengths[0]:
                            self._found = f"/{base_path}", base_path, target
                        return base_path, target, rest
        for target in self._otherwise:
            return NO_BASE_PATH, target, "/" + stripped
        return None

    def __repr__(self) -> str:
        return f"<BasePaths {len(self._by_base_path) + len(self._otherwise)} mappings>"


class Domains(Generic[T]):
    """All custom domain names. Immutable; made by `slices`."""

    __slots__ = ("_exact", "_wildcard")

    def __init__(self, exact: dict[str, BasePaths[T]], wildcard: dict[str, BasePaths[T]]) -> None:
        self._exact = exact
        self._wildcard = wildcard
        """By what follows `*.`."""

    @staticmethod
    def slices(
        domains: Iterable[tuple[str, Iterable[tuple[str, T]]]],
        guards: Mapping[str, Guard] = MappingProxyType({}),
    ) -> Generator[None, None, Domains[T]]:
        """Compile pairs of domain name (`api.example.com`, `*.example.com`) and its mappings.

        `guards`: by domain name as written; most domains have none.

        Raises:
            ConfigurationError: A domain or one of its base paths is there twice; every one is
            named.
        """
        exact: dict[str, BasePaths[T]] = {}
        wildcard: dict[str, BasePaths[T]] = {}
        problems: list[Problem] = []
        for written, mappings in domains:
            name = written.lower().rstrip(".")
            table, key = (wildcard, name[2:]) if name.startswith("*.") else (exact, name)
            if key in table:
                problems.append(
                    Problem(
                        path=name, message=f"The domain {name} is there twice; keep one of the two."
                    )
                )
            table[key] = BasePaths(())
            try:
                table[key] = yield from BasePaths.slices(mappings, guards.get(written))
            except ConfigurationError as error:
                problems.extend(
                    Problem(path=f"{name}.{problem.path}", message=problem.message)
                    for problem in error.problems
                )
            yield
        if problems:
            raise ConfigurationError(tuple(problems))
        return Domains(exact, wildcard)

    def find(self, host: str) -> BasePaths[T] | None:
        """Return the mappings of the domain that a host (lower case, without port) belongs to.

        A wildcard stands for exactly one label: `*.example.com` is neither `example.com` nor
        `a.b.example.com`.
        """
        found = self._exact.get(host)
        if found is not None or not self._wildcard:
            return found
        label, _, parent = host.partition(".")
        return self._wildcard.get(parent) if label else None

    def __repr__(self) -> str:
        return f"<Domains {len(self._exact)} exact, {len(self._wildcard)} wildcard>"
