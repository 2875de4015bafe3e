"""A control API on a store of its own, as most facts about the store need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.control.api.handlers import Handlers


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Handlers]:
    made = Handlers(tmp_path)
    yield made
    made.close()
