"""What one worker remembers of answers: a byte budget, a time to live, what was not asked for out.

Recalling is a look-up and a mark, nothing is moved. Who needs room goes through entries from the
oldest on: one with the mark loses it, and counts as new; one without it is dropped (the algorithm
CLOCK, which keeps about what dropping the least recently used would).

One store for all stages of a worker: what is asked for most, of whatever stage, is what stays.
Nothing here knows HTTP beyond an answer's three parts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from gateway.cache.flights import Flight
from gateway.messages import InvocationResponse

ENTRY_BYTES: Final = 1_048_576
"""Largest body that is remembered (AWS: 1 MiB)."""
_OVERHEAD_BYTES: Final = 600
"""What an entry costs beside its bytes: key, response, the cache's own links."""
_PASS_SECONDS: Final = 10.0
"""How long an answer that cannot be remembered keeps requests from waiting for each other."""
_CHANCES: Final = 64
"""Entries that are passed over, at most, for one that needs room: it must not take long."""

Count = Callable[[int, bool], None]
"""Takes the metrics block of a request that asked a cache, and whether that was a hit."""


def _uncounted(_block: int, _is_hit: bool) -> None:
    pass


class _Entry:
    __slots__ = ("is_used", "response", "size", "until")

    def __init__(self, response: InvocationResponse | None, size: int, until: float) -> None:
        self.response = response
        self.size = size
        self.until = until
        self.is_used = False
        """Whether it was recalled since it was remembered, or passed over."""


class CachedResponses:
    """Answers by key. One per worker; only the worker's loop uses it."""

    __slots__ = ("_budget_bytes", "_entries", "_now", "count", "flights", "size_bytes")

    def __init__(
        self, budget_bytes: int, now: Callable[[], float], count: Count = _uncounted
    ) -> None:
        self.count = count
        self._now = now
        self.flights: dict[Hashable, Flight] = {}
        """Misses under way, by key; as many as requests that wait for an integration at most."""
        self._budget_bytes = budget_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self.size_bytes = 0
        """Bytes in use. Expired entries count until they are asked for, or their room is needed."""

    def __repr__(self) -> str:
        return (
            f"<CachedResponses {len(self._entries)} entries, "
            f"{self.size_bytes} of {self._budget_bytes} bytes>"
        )

    def recall(self, key: Hashable, now: float) -> InvocationResponse | None:
        """Return what is remembered under `key` at `now` (CLOCK_MONOTONIC), to be read only."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.until:
            self._drop(key)
            return None
        entry.is_used = True
        return entry.response

    def is_passed(self, key: Hashable) -> bool:
        """Whether the last answer could not be remembered, so that the next hardly will be."""
        entry = self._entries.get(key)
        return entry is not None and entry.response is None and self._now() < entry.until

    def remember(self, key: Hashable, response: InvocationResponse, seconds: float) -> bool:
        """Keep an answer whose body is bytes; return whether it was small enough."""
        body = response.body
        if not isinstance(body, bytes) or len(body) > ENTRY_BYTES:
            return False
        # The head is there twice once it was sent: see `InvocationResponse.parts`.
        size = len(body) + 2 * len(response.head) + _OVERHEAD_BYTES
        if size > self._budget_bytes:
            return False
        response.is_shared = True
        self._keep(key, _Entry(response, size, self._now() + seconds))
        return True

    def remember_pass(self, key: Hashable) -> None:
        """Note that answers to `key` cannot be remembered."""
        if self._budget_bytes >= _OVERHEAD_BYTES:
            self._keep(key, _Entry(None, _OVERHEAD_BYTES, self._now() + _PASS_SECONDS))

    def _keep(self, key: Hashable, entry: _Entry) -> None:
        self._drop(key)
        self._make_room(entry.size)
        self._entries[key] = entry
        self.size_bytes += entry.size

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size_bytes -= entry.size

    def _make_room(self, size: int) -> None:
        chances = _CHANCES
        now = self._now()
        while self.size_bytes + size > self._budget_bytes:
            key, entry = self._entries.popitem(last=False)
            if entry.is_used and chances and now < entry.until:
                chances -= 1
                entry.is_used = False
                self._entries[key] = entry
            else:
                self.size_bytes -= entry.size
