"""How this gateway was built: pure Python, or with the hot path compiled (docs/compiled.md).

Told at the start, in `/status` and in `stagegate_build_info`. Asks the import system, and imports
no part of the hot path for it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal

WITNESS: Final = "gateway.server.connection"
"""A build compiles all of its list or is refused: one module tells for all."""


def build_of(origin: str | None) -> Literal["compiled", "pure"]:
    """Return what a module is by the file that it is loaded from."""
    return "pure" if origin is None or origin.endswith((".py", ".pyc")) else "compiled"


def how_built() -> Literal["compiled", "pure"]:
    """Return what this gateway is."""
    spec = find_spec(WITNESS)
    return build_of(None if spec is None else spec.origin)


BUILD: Final = how_built()
