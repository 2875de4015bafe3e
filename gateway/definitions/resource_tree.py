"""The grammar of resource paths and the rules of AWS's resource tree, over plain paths.

A file lists full paths; the tree that they imply must be one that AWS would have let grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gateway.definitions.codec import join, shown
from gateway.errors import Problem

PATH_CHARACTERS: Final = 8192
"""No longer path could be requested: a request line has as many bytes by default."""

SEGMENTS: Final = 64
"""More would only make the tree deep; AWS's own limits on paths allow fewer in practice."""

_STATIC: Final = re.compile(r"[A-Za-z0-9_.,:~-]+")
_VARIABLE: Final = re.compile(r"\{([a-zA-Z0-9._$-]+)(\+?)\}")
PATH_PART_MESSAGE: Final = (
    "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly "
    "braces at the beginning and the end"
)


def problems_of_paths(paths: Iterable[str], path: str) -> list[Problem]:
    """Return what is wrong with the resource paths of one API; problems stand below `path`."""
    problems: list[Problem] = []
    seen: set[str] = set()
    variables: dict[str, tuple[str, str]] = {}
    for resource_path in paths:
        here = join(path, resource_path)
        if resource_path in seen:
            name = resource_path.rpartition("/")[2]
            text = "Another resource with the same parent already has this name"
            problems.append(Problem(here, f"{text}: {shown(name)}"))
            continue
        seen.add(resource_path)
        text = _grammar_problem(resource_path) or _sibling_problem(resource_path, variables)
        if text:
            problems.append(Problem(here, text))
    return problems


def path_parameters(resource_path: str) -> tuple[str, ...]:
    """Return the names of a path's variables in order: `/a/{b}/{c+}` gives `("b", "c")`."""
    found = (_VARIABLE.fullmatch(segment) for segment in resource_path.split("/"))
    return tuple(variable[1] for variable in found if variable is not None)


def is_path_part(segment: str) -> bool:
    """Whether a text may be one segment of a path: `pets`, `{petId}` or `{proxy+}`."""
    if segment in (".", ".."):
        return False
    return bool(_STATIC.fullmatch(segment) or _VARIABLE.fullmatch(segment))


def is_bounded(resource_path: str) -> bool:
    """Whether a path has no more characters and segments than one may have."""
    return len(resource_path) <= PATH_CHARACTERS and resource_path.count("/") <= SEGMENTS


def problem_of_path(resource_path: str) -> str:
    """Return what is wrong with one path by itself; empty: nothing."""
    return _grammar_problem(resource_path)


def _grammar_problem(resource_path: str) -> str:
    if resource_path == "/":
        return ""
    if not resource_path.startswith("/"):
        return f"a path begins with a slash; write {shown('/' + resource_path)}"
    if not is_bounded(resource_path):
        return f"a path has at most {PATH_CHARACTERS} characters and {SEGMENTS} segments"
    segments = resource_path[1:].split("/")
    if "" in segments:
        return "a path has no empty segment and no slash at its end; remove the extra slash"
    for segment in segments:
        if not is_path_part(segment):
            return f"{PATH_PART_MESSAGE}; mend {shown(segment)}"
    for parent in segments[:-1]:
        if parent.endswith("+}"):
            text = "Cannot create a child of a resource with a greedy path variable"
            return f"{text}: {parent}; it takes the whole rest, so let it come last"
    names = path_parameters(resource_path)
    if len(set(names)) < len(names):
        return "a variable's name stands twice in the path; give each its own name"
    return ""


def _sibling_problem(resource_path: str, variables: dict[str, tuple[str, str]]) -> str:
    """Check that each parent has one variable child; `variables` keeps it and who needed it."""
    parent = ""
    for segment in resource_path[1:].split("/"):
        if segment.startswith("{"):
            first, needed_by = variables.setdefault(parent, (segment, resource_path))
            if first != segment:
                text = (
                    f"A sibling ({first}) of this resource already has a variable path part -- "
                    "only one is allowed"
                )
                return f"{text}; {needed_by} has it: use {first} here too, not {segment}"
        parent = f"{parent}/{segment}"
    return ""
