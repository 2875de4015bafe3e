"""Work in slices, so that whoever has requests to serve can pause it. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Slices = Generator[None, None, T]
"""Work that yields between pieces of well under a millisecond, and returns its result."""


def finish(slices: Slices[T]) -> T:
    """Run a compilation to its end, and return its result."""
    while True:
        try:
            next(slices)
        except StopIteration as stop:
            result: T = stop.value
            return result
