"""Facts about long work beside traffic."""

import asyncio
from collections.abc import Generator
from itertools import count

import pytest

from gateway.worker.slicing import LONGEST_SLICE_SECONDS, SLICE_SECONDS, in_slices


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


@pytest.mark.parametrize(
    ("turn_seconds", "most"),
    [
        (0.0, SLICE_SECONDS),
        (LONGEST_SLICE_SECONDS / 2, LONGEST_SLICE_SECONDS / 2),
        (1.0, LONGEST_SLICE_SECONDS),
    ],
)
async def test_a_slice_is_as_long_as_what_others_did_meanwhile(
    turn_seconds: float, most: float
) -> None:
    """So that work comes to an end beside a worker that is never idle."""
    step_seconds = SLICE_SECONDS / 10
    clock = 0.0
    slices: list[int] = [0]

    def turn() -> None:
        nonlocal clock
        clock += turn_seconds
        slices.append(0)
        asyncio.get_running_loop().call_soon(turn)

    def counted() -> Generator[None, None, None]:
        nonlocal clock
        for _ in range(1000):
            clock += step_seconds
            slices[-1] += 1
            yield

    asyncio.get_running_loop().call_soon(turn)
    await in_slices(counted(), lambda: clock)

    # The first has nobody before it, the last one what is left.
    whole = slices[1:-1]
    assert whole
    assert all(abs(each * step_seconds - most) <= 2 * step_seconds for each in whole)


async def test_errors_come_through() -> None:
    def failing() -> Generator[None, None, None]:
        yield
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await in_slices(failing(), lambda: 0.0)
