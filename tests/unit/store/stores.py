"""A store of its own for each test, on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock
from gateway.store.database import Store
from gateway.store.transaction import Transaction


def open_store(directory: Path) -> Store:
    return Store(directory / "store.sqlite", SystemClock())


def done(store: Store, work: Callable[[Transaction], Any]) -> Any:
    """Return what a piece of work gave; raise what it raised."""
    outcome = store.run(work)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value
