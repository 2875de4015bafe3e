"""What holds for tests of the worker."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Undo what appliers do to the garbage collector of this process, and what others did."""
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def _frozen_again() -> Iterator[None]:
    """Leave it as tests/conftest.py made it."""
    yield
    gc.collect()
    gc.freeze()
