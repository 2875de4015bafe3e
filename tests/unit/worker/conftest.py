"""What holds for tests of the worker."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Undo what `settle` does to the garbage collector of this process."""
    yield
    gc.unfreeze()
