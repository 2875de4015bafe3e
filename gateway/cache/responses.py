"""What one worker remembers of answers: a byte budget, a time to live, what was not asked for out.

One store for all stages of a worker: what is asked for most, of whatever stage, is what stays.
Nothing here knows HTTP beyond an answer's three parts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from gateway.cache.flights import Flight
from gateway.cache.second_chance import SecondChanceCache
from gateway.messages import InvocationResponse

ENTRY_BYTES: Final = 1_048_576
"""Largest body that is remembered (AWS: 1 MiB)."""
_OVERHEAD_BYTES: Final = 600
"""What an entry costs beside its bytes: key, response, the cache's own links."""
_PASS_SECONDS: Final = 10.0
"""How long an answer that cannot be remembered keeps requests from waiting for each other."""
Count = Callable[[int, bool], None]
"""Takes the metrics block of a request that asked a cache, and whether that was a hit."""


def _uncounted(_block: int, _is_hit: bool) -> None:
    pass


class Entry:
    """An answer that is remembered."""

    __slots__ = ("is_used", "response", "size", "until")

    def __init__(self, response: InvocationResponse | None, size: int, until: float) -> None:
        self.response = response
        self.size = size
        self.until = until
        self.is_used = False
        """Whether it was recalled since it was remembered, or passed over."""


def _size_of(entry: Entry | None) -> int:
    return 0 if entry is None else entry.size


class CachedResponses:
    """Answers by key. One per worker; only the worker's loop uses it."""

    __slots__ = ("_entries", "_now", "_spaces", "count", "find", "flights")

    def __init__(
        self, budget_bytes: int, now: Callable[[], float], count: Count = _uncounted
    ) -> None:
        self.count = count
        self._now = now
        self._spaces = 0
        self.flights: dict[Hashable, Flight] = {}
        """Misses under way, by key; as many as requests that wait for an integration at most."""
        self._entries: SecondChanceCache[Hashable, Entry] = SecondChanceCache(
            budget_bytes, getsizeof=_size_of, spare=self._spare
        )
        self.find = self._entries.find
        """Return what is kept under a key, even if its time is over: see `recall`."""

    def __repr__(self) -> str:
        entries = self._entries
        return (
            f"<CachedResponses {len(entries)} entries, "
            f"{entries.currsize:.0f} of {entries.maxsize:.0f} bytes>"
        )

    @property
    def size_bytes(self) -> int:
        """Bytes in use. Expired entries count until they are asked for, or their room is needed."""
        return int(self._entries.currsize)

    def new_space(self) -> int:
        """Return a number that was never returned before: keys that hold it find nothing yet."""
        self._spaces += 1
        return self._spaces

    def recall(self, key: Hashable, now: float) -> InvocationResponse | None:
        """Return what is remembered under `key` at `now` (CLOCK_MONOTONIC), to be read only."""
        find = self.find
        entry = find(key)
        if entry is None:
            return None
        if now >= entry.until:
            del self._entries[key]
            return None
        entry.is_used = True
        return entry.response

    def is_passed(self, key: Hashable) -> bool:
        """Whether the last answer could not be remembered, so that the next hardly will be."""
        entry = self._entries[key]
        return entry is not None and entry.response is None and self._now() < entry.until

    def remember(self, key: Hashable, response: InvocationResponse, seconds: float) -> bool:
        """Keep an answer whose body is bytes; return whether it was small enough."""
        body = response.body
        if not isinstance(body, bytes) or len(body) > ENTRY_BYTES:
            return False
        # The head is there twice once it was sent: see `InvocationResponse.start`.
        size = len(body) + 2 * len(response.head) + _OVERHEAD_BYTES
        if size > self._entries.maxsize:
            return False
        response.is_shared = True
        self._entries[key] = Entry(response, size, self._now() + seconds)
        return True

    def remember_pass(self, key: Hashable) -> None:
        """Note that answers to `key` cannot be remembered."""
        if self._entries.maxsize >= _OVERHEAD_BYTES:
            self._entries[key] = Entry(None, _OVERHEAD_BYTES, self._now() + _PASS_SECONDS)

    def _spare(self, entry: Entry | None) -> bool:
        if entry is None or not entry.is_used:
            return False
        entry.is_used = False
        return self._now() < entry.until
