"""The list of compiled modules, and the rules it keeps. Reads syntax trees, imports nothing.

The rule that matters: a compiled class takes the memory layout of its base classes for granted. An
interpreted base class of ours beneath a compiled one has another layout, and nobody is told: fields
overwrite each other. So bases of ours are compiled with it, and bases of others are named here.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SAFE_BASES: Final = frozenset(
    {
        "Exception", "LookupError", "ValueError", "dict",
        "enum.Enum", "enum.IntEnum", "enum.StrEnum",
        "typing.Generic", "typing.NamedTuple", "typing.Protocol",
        # Without fields and without a dictionary of its own (`__slots__ = ()`).
        "asyncio.Protocol",
    }
)  # fmt: skip
"""Base classes of others that mypyc knows, or that have no fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """What a module's top level says about classes."""

    classes: Mapping[str, tuple[str, ...]]
    """Names of base classes, as written, by class."""
    imports: Mapping[str, str]
    """Full dotted name by the local name of what is imported."""


def read(text: str) -> tuple[str, ...]:
    """Return the paths of a list: one a line; empty lines and those with `#` say nothing."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def problems(listed: Sequence[str], sources: Mapping[str, str]) -> list[str]:
    """Return a sentence for each rule that the list breaks.

    Args:
        listed: paths such as `gateway/server/edge.py`.
        sources: the text of every module of the gateway, by such a path.
    """
    found = [f"{path}: listed twice" for path, count in Counter(listed).items() if count > 1]
    found += [f"{path}: listed, but there is no such file" for path in set(listed) - set(sources)]
    modules = {dotted(path): _module(text) for path, text in sources.items()}
    compiled = {dotted(path) for path in listed}
    for path in sources:
        rule = _of_bases if dotted(path) in compiled else _of_interpreted
        found += rule(path, modules, compiled)
    return sorted(found)


def dotted(path: str) -> str:
    """Return `gateway.server.edge` for `gateway/server/edge.py`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _of_bases(path: str, modules: Mapping[str, _Module], compiled: set[str]) -> Iterator[str]:
    name = dotted(path)
    for class_name, bases in modules[name].classes.items():
        for base in bases:
            home, found = _resolve(name, base, modules)
            if home in compiled:
                continue
            if home in modules:
                yield (
                    f"{path}: {class_name} inherits from {found} of {home}, which is not listed;"
                    " list it as well, or inherit from nothing there"
                )
            elif found not in SAFE_BASES:
                yield (
                    f"{path}: {class_name} inherits from {found}, whose memory layout nobody has"
                    " looked at; see SAFE_BASES in compiled/listing.py"
                )


def _of_interpreted(path: str, modules: Mapping[str, _Module], compiled: set[str]) -> Iterator[str]:
    """Yield the classes that stay interpreted and cannot be made, for a base of theirs is compiled.

    Exceptions can: their memory is laid out by Python.
    """
    name = dotted(path)
    for class_name, bases in modules[name].classes.items():
        for base in bases:
            home, found = _resolve(name, base, modules)
            if home in compiled and not _is_exception(home, found, modules):
                yield (
                    f"{path}: {class_name} inherits from {found} of {home}, which is listed: no"
                    " interpreted class can; list it as well, or hold one instead of being one"
                )


def _is_exception(module: str, name: str, modules: Mapping[str, _Module]) -> bool:
    for base in modules[module].classes.get(name, ()):
        home, found = _resolve(module, base, modules)
        if home in modules:
            return _is_exception(home, found, modules)
        if found.endswith(("Exception", "Error")):
            return True
    return False


def _resolve(module: str, name: str, modules: Mapping[str, _Module]) -> tuple[str, str]:
    """Return where a class that `module` calls `name` is defined, and its name there.

    For a class of others the module is empty, and the name dotted.
    """
    own = modules[module]
    if name in own.classes:
        return module, name
    first, _, rest = name.partition(".")
    full = own.imports.get(first)
    if full is None:
        return "", name
    full = f"{full}.{rest}" if rest else full
    home, _, inner = full.rpartition(".")
    return _resolve(home, inner, modules) if home in modules else ("", full)


def _module(text: str) -> _Module:
    tree = ast.parse(text)
    imports: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                imports[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    classes = {
        node.name: tuple(map(_base_name, node.bases))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    return _Module(classes=classes, imports=imports)


def _base_name(base: ast.expr) -> str:
    """Return a base class as written, without its type arguments."""
    return ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
