"""Facts about long work beside traffic."""

import asyncio
from collections.abc import Generator
from itertools import count

import pytest

from gateway.worker.slicing import SLICE_SECONDS, in_slices


def work(steps: int) -> Generator[None, None, str]:
    for _ in range(steps):
        yield
    return "done"


async def test_the_loop_runs_between_slices() -> None:
    ticks = count()
    turns: list[int] = []

    def turn() -> None:
        turns.append(1)
        asyncio.get_running_loop().call_soon(turn)

    asyncio.get_running_loop().call_soon(turn)
    # Each look at the clock takes a third of a slice: three steps fit at most.
    result, seconds = await in_slices(work(9), lambda: next(ticks) * SLICE_SECONDS / 3)

    assert result == "done"
    assert len(turns) >= 3
    assert seconds > 3 * SLICE_SECONDS


async def test_errors_come_through() -> None:
    def failing() -> Generator[None, None, None]:
        yield
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await in_slices(failing(), lambda: 0.0)
