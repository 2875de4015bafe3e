"""The one place that starts tasks: each has a name, is kept until it ends, and fails audibly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)

# Process. The loop holds tasks weakly: without this set a waiting one could be collected.
_running: Final[set[asyncio.Task[Any]]] = set()


def spawn(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start `coroutine` as a task of the running loop.

    A failure is logged when the task ends, whether or not somebody awaits it; cancelling is none.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def running() -> frozenset[asyncio.Task[Any]]:
    """Return the tasks that have not ended, for shutdown and status."""
    return frozenset(_running)


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("task %s failed", task.get_name(), exc_info=error)
