"""`$context` variables where mappings name them: which read something, and what to warn of."""

from __future__ import annotations

from gateway import context


def context_variable(name: str) -> tuple[context.Getter | None, str | None]:
    """Return what reads `$context.{name}`, or None for what is always empty; and a warning or None.

    Raises:
        UnknownVariableError: there is none; its text names the nearest one.
    """
    variable = context.variable(name)
    if variable.is_log_only:
        return None, f"$context.{name} is for access logs only and always empty here"
    if variable.is_reserved:
        return None, f"$context.{name} is always empty: nothing sets it yet"
    return variable.get, None
