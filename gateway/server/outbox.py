"""Requests towards backends wait here for the end of the event loop's turn, and leave together.

The rule: what is put here leaves in this turn, in the order in which it came, or its connection has
ended before. Nothing is written twice, and one failure does not keep the others back.

Each write to a backend that sleeps wakes it, mostly on another processor, and that is what most of
the write costs. Written one right after the other, many requests take one waking
(docs/decisions/019-requests-leave-together.md).
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Final, Protocol

_LOG: Final = logging.getLogger(__name__)

MOST: Final = 64
"""Requests that wait at most; they leave at once when there are so many.

Of what there is to gain, 16 bring half and 40 nearly all. More would only keep the first one
waiting: 64 are a millisecond or two of this worker's time. It bounds the bytes, too, which are in
memory in any case: so many heads, each with a small body at most.
"""


class Holder(Protocol):
    """A connection that holds a request back until it is told to write it."""

    __slots__ = ()

    def write_held(self) -> None:
        """Write the request, unless its exchange has ended since."""
        ...

    def close(self) -> None:
        """End the connection at once; whoever waits for an answer is told."""
        ...


class Outbox:
    """The connections of one worker that hold a request back. `BackendConnection` puts itself in.

    Loops run what `call_soon` was given before they wait for their sockets again: the end of a
    turn. They may look at them once in between, without waiting.
    """

    __slots__ = ("_context", "_holders", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._holders: list[Holder] = []
        # Else `call_soon` would copy the context of whoever happens to be the first of a turn.
        self._context = contextvars.copy_context()

    def __repr__(self) -> str:
        return f"<Outbox {len(self._holders)}/{MOST}>"

    def put(self, holder: Holder) -> None:
        """Have `holder.write_held` called at the end of the turn, or now if enough others wait."""
        holders = self._holders
        if not holders:
            self._loop.call_soon(self.flush, context=self._context)
        holders.append(holder)
        if len(holders) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Have everything written that waits."""
        holders, self._holders = self._holders, []
        for holder in holders:
            try:
                holder.write_held()
            except Exception:  # noqa: BLE001 (logged with its traceback)
                # One connection's bug must not keep back the requests of all others, nor may what
                # its end brings about: hence a turn later.
                _LOG.exception("a request could not be written to its backend")
                self._loop.call_soon(holder.close, context=self._context)
