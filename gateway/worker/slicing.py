"""Long work beside traffic: done in slices, between which the loop serves requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Final, TypeVar

T = TypeVar("T")

SLICE_SECONDS: Final = 0.00003
"""How long work may hold the loop at a time: less than one request takes. A request may meet it
twice, when it comes and when its backend answers; a turn of the loop costs a tenth of it."""

LONGEST_SLICE_SECONDS: Final = 0.001
"""The same where requests themselves hold the loop for that long: see `in_slices`."""


IDLE_SLICE_SECONDS: Final = 0.05
"""The same before anybody can connect: signals and control are all that waits."""


async def in_slices(
    steps: Generator[None, None, T], now: Callable[[], float], slice_seconds: float = SLICE_SECONDS
) -> tuple[T, float]:
    """Run a generator to its end without holding the loop; return its result and the seconds used.

    A slice may be as long as what others did since the last one: beside a worker that is never
    idle, whose turns of the loop take far longer, work would else take longer by the same factor.

    Whatever the generator raises is raised here. `now` is a monotonic clock.
    """
    used = 0.0
    ended = now()
    while True:
        start = now()
        others = min(start - ended, LONGEST_SLICE_SECONDS)
        deadline = start + max(slice_seconds, others)
        try:
            while now() < deadline:
                next(steps)
        except StopIteration as end:
            return end.value, used + now() - start
        ended = now()
        used += ended - start
        await asyncio.sleep(0)
