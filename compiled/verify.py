"""Looks at a finished build, in a process of its own that imports it: `verify.py MODULE...`.

Every module of the gateway imports; those named are shared objects; and no compiled class is
smaller than a base class of it, as it would be if it took the base's memory layout for another.
Prints a line for each problem. Imports nothing of this project but what it looks at.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType


def problems(names: set[str]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with the gateway that is imported here."""
    package = importlib.import_module("gateway")
    for found in pkgutil.walk_packages(package.__path__, "gateway."):
        if found.name.endswith(".__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except Exception as error:  # noqa: BLE001 (whatever keeps it from being imported)
            yield f"{found.name}: cannot be imported: {error!r}"
            continue
        is_shared = not (module.__file__ or "").endswith(".py")
        if is_shared != (found.name in names):
            yield f"{found.name}: {module.__file__}"
        if is_shared:
            yield from of_layouts(module)


def of_layouts(module: ModuleType) -> Iterator[str]:
    """Yield a sentence for each class that has less room than one of its bases."""
    for name, value in vars(module).items():
        if inspect.isclass(value) and value.__module__ == module.__name__:
            for base in value.__mro__:
                if value.__basicsize__ < base.__basicsize__:
                    yield f"{module.__name__}: {name} is smaller than its base {base!r}"


if __name__ == "__main__":
    wrong = list(problems(set(sys.argv[1:])))
    print("\n".join(wrong))
    sys.exit(bool(wrong))
