"""What all of routing shares: the segments of a path, and the methods that ANY stands for."""

from __future__ import annotations

import sys
from typing import Final

from gateway.definitions.rest_api import METHODS

ANY: Final = "ANY"
ANY_METHODS: Final = tuple(method for method in METHODS if method != ANY)
"""The HTTP methods that ANY stands for; others reach no resource."""


def path_parts(path: str) -> list[str]:
    """Return the segments of a path; none for `/`. Slashes at either end do not count."""
    stripped = path.strip("/")
    return stripped.split("/") if stripped else []


def is_greedy(part: str) -> bool:
    """Return whether a part of a resource path is like `{proxy+}`."""
    return part.startswith("{") and part.endswith("+}")


def is_variable(part: str) -> bool:
    """Return whether a part of a resource path is like `{id}` or `{proxy+}`."""
    return part.startswith("{") and part.endswith("}")


def path_variables(path: str) -> tuple[str, ...]:
    """Return the names of a resource path's variables, in order: `('id',)` for `/pets/{id}`."""
    if "{" not in path:
        return ()
    return tuple(variable_name(part) for part in path_parts(path) if is_variable(part))


def variable_name(part: str) -> str:
    """Return `id` for `{id}`, `proxy` for `{proxy+}`."""
    # One object for all the routes that share it.
    return sys.intern(part[1:-1].removesuffix("+"))
