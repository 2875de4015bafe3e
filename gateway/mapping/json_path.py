"""JSONPath over a body. A library parses the expression; walking is ours, because it is bounded.

Supported: names, indexes, slices, `*`, lists of names or indexes, and one `..`. Each node of the
document is then reached at most once per segment. Filters are refused: their cost on a client's
body has no bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath.segments import JSONPathRecursiveDescentSegment, JSONPathSegment
from jsonpath.selectors import IndexSelector, NameSelector, SliceSelector, WildcardSelector

EXPRESSION_CHARACTERS: Final = 1024
"""Longest expression."""
VISITED_NODES: Final = 100_000
"""Most nodes that one look-up visits: some 20 ms."""
MISSING: Final = object()
"""What a look-up finds when there is nothing."""

_ENVIRONMENT: Final = JSONPathEnvironment()

_Selector = str | int | slice | None
"""A name, an index, a slice, or None for `*`."""


class UnsupportedPathError(ValueError):
    """The expression is malformed or asks for more than is supported; says which."""


class TooManyNodesError(ValueError):
    """The look-up would visit more than `VISITED_NODES` nodes."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One segment: which children, and whether of all descendants too."""

    selectors: tuple[_Selector, ...]
    is_descent: bool


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A compiled expression."""

    steps: tuple[_Step, ...]
    keys: tuple[str | int, ...] | None
    """The way to the one node that the expression can mean; None when it can mean several."""

    def find(self, document: object) -> object:
        """Return the node, a list of nodes when the expression can mean several, or `MISSING`.

        Raises:
            TooManyNodesError: the document is too big for a look-up of this kind.
        """
        if self.keys is None:
            return self._find_all(document) or MISSING
        node = document
        for key in self.keys:
            node = _child(node, key)
            if node is MISSING:
                break
        return node

    def _find_all(self, document: object) -> list[object]:
        nodes = [document]
        visited = 0
        for step in self.steps:
            found: list[object] = []
            for node in _descendants(nodes) if step.is_descent else nodes:
                visited += 1
                for selector in step.selectors:
                    found.extend(_children(node, selector))
                if visited + len(found) > VISITED_NODES:
                    raise TooManyNodesError(f"more than {VISITED_NODES} nodes to visit")
            visited += len(found)
            nodes = found
        return nodes


def compile_json_path(expression: str) -> JsonPath:
    """Parse an expression such as `$.pets[0].name`.

    Raises:
        UnsupportedPathError: it is malformed, too long, or asks for more than is supported.
    """
    if len(expression) > EXPRESSION_CHARACTERS:
        raise UnsupportedPathError(f"longer than {EXPRESSION_CHARACTERS} characters")
    try:
        parsed = _ENVIRONMENT.compile(expression)
    except (JSONPathError, RecursionError) as error:
        reason = getattr(error, "message", None) or "too deeply nested"
        raise UnsupportedPathError(str(reason)) from error
    if not isinstance(parsed, JSONPath) or parsed.pseudo_root:
        raise UnsupportedPathError("unions, intersections and `^` are not supported")
    steps = tuple(_step(segment) for segment in parsed.segments)
    if sum(step.is_descent for step in steps) > 1:
        raise UnsupportedPathError("more than one `..` is not supported")
    keys = tuple(
        selector for step in steps for selector in step.selectors if isinstance(selector, str | int)
    )
    is_single = len(keys) == len(steps) == sum(len(step.selectors) for step in steps)
    if any(step.is_descent for step in steps):
        is_single = False
    return JsonPath(steps, keys if is_single else None)


def _step(segment: JSONPathSegment) -> _Step:
    selectors: list[_Selector] = []
    for selector in segment.selectors:
        match selector:
            case NameSelector():
                selectors.append(selector.name)
            case IndexSelector():
                selectors.append(selector.index)
            case SliceSelector():
                selectors.append(selector.slice)
            case WildcardSelector():
                selectors.append(None)
            case _:
                raise UnsupportedPathError(
                    f"`{selector}` is not supported: use names, indexes, slices, `*`, one `..`"
                )
    are_plain = all(isinstance(selector, str | int) for selector in selectors)
    if len(selectors) > 1 and (not are_plain or len(set(selectors)) < len(selectors)):
        raise UnsupportedPathError("a list in brackets may only hold distinct names or indexes")
    return _Step(tuple(selectors), isinstance(segment, JSONPathRecursiveDescentSegment))


def _child(node: object, key: str | int) -> object:
    if isinstance(node, dict):
        return node.get(key, MISSING) if isinstance(key, str) else MISSING
    if isinstance(node, list) and isinstance(key, int) and -len(node) <= key < len(node):
        return node[key]
    return MISSING


def _children(node: object, selector: _Selector) -> list[object]:
    match selector:
        case None if isinstance(node, dict):
            return list(node.values())
        case None if isinstance(node, list):
            return node
        case slice() if isinstance(node, list) and selector.step != 0:
            return node[selector]
        case str() | int():
            found = _child(node, selector)
            return [] if found is MISSING else [found]
        case _:
            return []


def _descendants(nodes: list[object]) -> Iterator[object]:
    """Yield nodes in document order: each one, then what is below it."""
    waiting = nodes[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, dict):
            waiting.extend(reversed(node.values()))
        elif isinstance(node, list):
            waiting.extend(reversed(node))
