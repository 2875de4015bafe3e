"""Why a request goes to a method: what `explain` says. A plain scan, not on the path of requests.

It compares every resource with the path by itself and does not ask the trie, so that it also shows,
when the two disagree, that one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from gateway.routing.paths import (
    ANY,
    ANY_METHODS,
    is_greedy,
    is_variable,
    path_parts,
)

MOST_CANDIDATES: Final = 50
"""How many are named unless asked otherwise; those that came closest come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A method that could have served a request, and what became of it."""

    resource_path: str
    http_method: str
    """As defined: a verb or ANY."""
    is_chosen: bool
    outcome: str
    """A sentence: why it was chosen, or what it lost to."""


def candidates_of(
    methods: Iterable[tuple[str, str]],
    path: str,
    http_method: str,
    limit: int = MOST_CANDIDATES,
) -> list[Candidate]:
    """Return the methods considered for a request: the chosen one, those that lost, near misses.

    Args:
        methods: Resource path and HTTP method (a verb or ANY) of each method.
        path: Path below the stage, as sent.
        http_method: The request's method, upper case.
        limit: Return no more than these; what agrees with most of the path comes first.
    """
    segments = path_parts(path)
    matching: list[tuple[tuple[int, ...], str, str]] = []
    missing: list[tuple[int, int, Candidate]] = []
    for resource_path, defined in methods:
        parts = path_parts(resource_path)
        agreed, why = _compare(parts, segments)
        if why is None and not _has_method(defined, http_method):
            agreed, why = len(segments) + 1, _lacks(defined, http_method)
        if why is None:
            matching.append(((*_ranks(parts), defined == ANY), resource_path, defined))
        else:
            candidate = Candidate(
                resource_path=resource_path, http_method=defined, is_chosen=False, outcome=why
            )
            missing.append((-agreed, abs(len(parts) - len(segments)), candidate))
    matching.sort()
    missing.sort(key=itemgetter(0, 1))
    found = [
        Candidate(
            resource_path=resource_path,
            http_method=defined,
            is_chosen=place == 0,
            outcome=_chosen(len(matching)) if place == 0 else _beaten(matching[0], resource_path),
        )
        for place, (_, resource_path, defined) in enumerate(matching)
    ]
    return (found + [candidate for _, _, candidate in missing])[:limit]


def _compare(parts: list[str], segments: list[str]) -> tuple[int, str | None]:
    """Return how many segments agree, and why not all do; None when the resource matches."""
    for position, part in enumerate(parts):
        ordinal = position + 1
        if position == len(segments):
            if is_greedy(part):
                return (
                    position,
                    f"{part} needs at least one character, and the path ends before it.",
                )
            return position, f"The path ends before segment {ordinal}, {part}."
        if is_greedy(part):
            return len(segments), None
        segment = segments[position]
        if is_variable(part):
            if not segment:
                return position, f"Segment {ordinal} is empty; {part} needs a character."
        elif segment != part:
            hint = " (case matters)" if segment.lower() == part.lower() else ""
            return position, f"Segment {ordinal} is {segment!r}, not {part!r}{hint}."
    if len(segments) > len(parts):
        return len(parts), f"The path goes on after segment {len(parts)}, this resource does not."
    return len(segments), None


def _ranks(parts: list[str]) -> tuple[int, ...]:
    """Return the preference of a matching resource, lower first: the leftmost segment decides."""
    return tuple(2 if is_greedy(part) else int(is_variable(part)) for part in parts)


def _has_method(defined: str, http_method: str) -> bool:
    return defined == http_method or (defined == ANY and http_method in ANY_METHODS)


def _lacks(defined: str, http_method: str) -> str:
    if defined == ANY:
        return f"The path matches, but ANY does not include {http_method}."
    return f"The path matches, but this method is {defined}, not {http_method}."


def _chosen(matching: int) -> str:
    return (
        "Chosen: nothing else matches." if matching == 1 else "Chosen: the best of all that match."
    )


def _beaten(best: tuple[tuple[int, ...], str, str], resource_path: str) -> str:
    _, best_path, best_method = best
    pairs = zip(path_parts(best_path), path_parts(resource_path), strict=False)
    for ordinal, (better, part) in enumerate(pairs, start=1):
        if _ranks([better]) < _ranks([part]):
            return f"Matches, but segment {ordinal}, {part}, gives way to {better} of {best_path}."
    return f"Matches, but {best_method} of {best_path} beats ANY."
