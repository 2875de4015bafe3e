"""Resource paths compiled to a trie, and the one answer it gives for a path and an HTTP method.

Generic in what a method compiles to; knows no HTTP library. The rules (AWS's, and ours where AWS's
are unknown) are:

- Slashes at either end of a path are ignored, however many. Segments are raw text: percent-encoding
  is neither decoded nor normalised, case matters.
- In each place a static segment beats `{param}`, which beats `{proxy+}`; the leftmost place decides
  first. A resource takes part only if it has the HTTP method, or ANY; its own method beats its ANY.
  So a path whose best resource lacks the method falls back to the next best, up to a greedy one
  near the root.
- `{proxy+}` takes one or more segments. An empty segment inside a path (`a//b`) is kept inside a
  greedy value; no static segment and no `{param}` is ever empty, so it matches neither.
- ANY stands for the seven methods of AWS. HEAD is not GET, OPTIONS is not automatic.

Cost: a node lies at a fixed depth, so a lookup visits it at most once, with the one segment at that
depth; visits are bounded by the nodes whose path the request matches, at most `min(nodes, 2 **
depth)`, whatever the client sends. The doubling needs a static and a variable sibling at every
level, in the definition. A path is never split further than the deepest resource. What does not
match costs nothing: neither the number of resources nor of siblings matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from gateway.errors import ConfigurationError, Problem
from gateway.routing.candidates import MOST_CANDIDATES, Candidate, candidates_of
from gateway.routing.paths import (
    ANY,
    ANY_METHODS,
    is_greedy,
    is_variable,
    path_parts,
    variable_name,
)

T = TypeVar("T")

_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_CHILDREN: Final[dict[str, Any]] = {}
"""Shared by all leaves, never written: a dict of their own would be 64 bytes or more."""

_ANY_KEY: Final = ""
"""Where a node keeps its ANY as such. Not `ANY`, which a client could send as its method."""

_Entry = tuple[T, tuple[tuple[str, int], ...], str, str]
"""Payload, path parameters as name and position, resource path, HTTP method as defined."""


class _Node(Generic[T]):
    """A place in the trie. Written by `RoutesBuilder` alone, never after `finish`."""

    __slots__ = ("depth", "entries", "greedy", "is_greedy", "statics", "variable")

    def __init__(self, depth: int, *, is_greedy: bool = False) -> None:
        self.depth = depth
        """How many segments lead here; for a greedy node its first one counts."""
        self.is_greedy = is_greedy
        self.statics: dict[str, _Node[T]] = _NO_CHILDREN
        self.variable: _Node[T] | None = None
        self.greedy: _Node[T] | None = None
        self.entries: dict[str, _Entry[T]] = _NO_CHILDREN
        """By the HTTP method of a request: ANY is there for each that has no entry of its own."""


class Routes(Generic[T]):
    """The compiled resources of one deployment. Immutable; made by `build` or `RoutesBuilder`."""

    __slots__ = ("_count", "_deepest", "_root", "_statics")

    def __init__(
        self,
        root: _Node[T],
        statics: Mapping[str, Mapping[str, _Entry[T]]],
        deepest: int,
        count: int,
    ) -> None:
        self._root = root
        self._statics = statics
        self._deepest = deepest
        self._count = count

    @staticmethod
    def build(entries: Iterable[tuple[str, str, T]]) -> Routes[T]:
        """Compile triples of resource path, HTTP method (or ANY) and payload.

        Raises:
            ConfigurationError: Two resources or methods mean the same; every such pair is named.
        """
        builder = RoutesBuilder[T]()
        for resource_path, http_method, payload in entries:
            builder.add(resource_path, http_method, payload)
        return builder.finish()

    def find(self, path: str, http_method: str) -> tuple[T, Mapping[str, str]] | None:
        """Return the payload for a request, and its path parameters as raw text.

        Args:
            path: Path below the stage, as sent, without query: `/pets/7%2F8`.
            http_method: The request's method, upper case.
        """
        # A wholly static resource beats all others, so that one look-up serves for the walk.
        statics = self._statics
        if path in statics and http_method in statics[path]:
            return statics[path][http_method][0], _NO_PARAMETERS
        stripped = path.strip("/")
        if not stripped:
            entry = self._root.entries.get(http_method)
            return None if entry is None else (entry[0], _NO_PARAMETERS)
        # One segment more than the deepest resource is enough: only a greedy one takes it.
        segments = stripped.split("/", self._deepest)
        node = self._root
        for segment in segments:
            children = node.statics
            if segment in children:
                node = children[segment]
                continue
            variable = node.variable
            if variable is None or not segment:
                return self._next_best(segments, http_method)
            node = variable
        entries = node.entries
        if http_method not in entries:
            return self._next_best(segments, http_method)
        payload, named, _, _ = found = entries[http_method]
        if len(named) != 1:
            return _found(found, segments)
        # Most have one path parameter.
        name, position = named[0]
        return payload, {name: segments[position]}

    def _next_best(
        self, segments: list[str], http_method: str
    ) -> tuple[T, Mapping[str, str]] | None:
        """Search all that matches, best first: the straight way down the trie led nowhere."""
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            if not node.is_greedy and node.depth < len(segments):
                segment = segments[node.depth]
                # The worst first: the last one is the next to be tried.
                if node.greedy is not None:
                    waiting.append(node.greedy)
                if node.variable is not None and segment:
                    waiting.append(node.variable)
                if segment in node.statics:
                    waiting.append(node.statics[segment])
            elif http_method in node.entries:
                if node.is_greedy:
                    first = node.depth - 1
                    segments[first:] = ["/".join(segments[first:])]
                return _found(node.entries[http_method], segments)
        return None

    def candidates(
        self, path: str, http_method: str, limit: int = MOST_CANDIDATES
    ) -> list[Candidate]:
        """Return the methods considered for a request and what became of each, for `explain`."""
        methods = ((resource_path, method) for resource_path, method, _ in self)
        return candidates_of(methods, path, http_method, limit)

    def __iter__(self) -> Iterator[tuple[str, str, T]]:
        """Yield resource path, HTTP method as defined, and payload, in the order of preference."""
        for payload, _, resource_path, http_method in self._entries():
            yield resource_path, http_method, payload

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Routes {self._count} methods, {self._deepest} deep>"

    def nodes(self) -> Iterator[object]:
        """Yield what the routes consist of, parents first: for whoever frees them piecemeal."""
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            yield node
            yield from node.statics
            waiting.extend(each for each in (node.greedy, node.variable) if each is not None)
            waiting.extend(node.statics.values())

    def _entries(self) -> Iterator[_Entry[T]]:
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            yield from (entry for entry in node.entries.values() if entry[3] != ANY)
            if _ANY_KEY in node.entries:
                yield node.entries[_ANY_KEY]
            if node.greedy is not None:
                waiting.append(node.greedy)
            if node.variable is not None:
                waiting.append(node.variable)
            waiting.extend(node.statics[part] for part in sorted(node.statics, reverse=True))


def _found(entry: _Entry[T], segments: list[str]) -> tuple[T, Mapping[str, str]]:
    named = entry[1]
    if not named:
        return entry[0], _NO_PARAMETERS
    parameters = {}
    for name, position in named:
        parameters[name] = segments[position]
    return entry[0], parameters


class RoutesBuilder(Generic[T]):
    """Compiles routes one method at a time, so that a long compilation can pause between them.

    Each `add` costs some microseconds, `finish` nothing.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node(0)
        self._statics: dict[str, dict[str, _Entry[T]]] = {}
        self._deepest = 0
        self._count = 0
        self._problems: list[Problem] = []

    def add(self, resource_path: str, http_method: str, payload: T) -> None:
        """Add a method (a verb or ANY) of a resource such as `/pets/{petId}` or `/{proxy+}`.

        The grammar of paths is not checked here, see `definitions.validation`. Two names for one
        variable (`/a/{x}` and `/a/{y}/b`) are fine: each resource keeps its own.
        """
        parts = path_parts(resource_path)
        node = self._root
        named = []
        for position, part in enumerate(parts):
            if not is_variable(part):
                if node.statics is _NO_CHILDREN:
                    node.statics = {}
                child = node.statics.get(part)
                if child is None:
                    child = node.statics[part] = _Node(position + 1)
                node = child
                continue
            named.append((variable_name(part), position))
            if is_greedy(part):
                if node.greedy is None:
                    node.greedy = _Node(position + 1, is_greedy=True)
                node = node.greedy
            else:
                if node.variable is None:
                    node.variable = _Node(position + 1)
                node = node.variable
        self._deepest = max(self._deepest, len(parts))
        self._put(node, (payload, tuple(named), resource_path, http_method))
        if not named:
            self._statics["/" + "/".join(parts)] = node.entries

    def _put(self, node: _Node[T], entry: _Entry[T]) -> None:
        _, _, resource_path, http_method = entry
        if node.entries is _NO_CHILDREN:
            node.entries = {}
        entries = node.entries
        taken = entries.get(_ANY_KEY if http_method == ANY else http_method)
        if taken is not None and taken[3] == http_method:
            self._problems.append(
                Problem(
                    path=f"resources.{resource_path}.{http_method}",
                    message=f"No request can tell this method from {http_method} of {taken[2]};"
                    " remove one of the two.",
                )
            )
            return
        self._count += 1
        if http_method == ANY:
            entries[_ANY_KEY] = entry
            for verb in ANY_METHODS:
                entries.setdefault(verb, entry)
        else:
            entries[http_method] = entry

    def finish(self) -> Routes[T]:
        """Return the routes; the builder must not be used any more.

        Raises:
            ConfigurationError: Two resources or methods mean the same; every such pair is named.
        """
        if self._problems:
            raise ConfigurationError(tuple(self._problems))
        return Routes(self._root, self._statics, self._deepest, self._count)
