"""What clients of the control port may hold, and who has to go when there are too many.

The newest is let in at the cost of whoever has waited longest without a request: half-sent requests
and forgotten connections then cannot keep anybody out. Only when all have a request in hand is
the newest refused.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.clock import Clock
from gateway.control.api.service import ControlAnswer
from gateway.errors import ControlError
from gateway.server.admission import connections_for_descriptors, descriptor_limit
from gateway.server.deadlines import Deadlines

_log = logging.getLogger(__name__)

_LOG_EVERY_SECONDS: Final = 1.0

Refuse = Callable[[ControlError], ControlAnswer]
"""Makes the answer to a request that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminBounds:
    """What a client of the control port may hold, and for how long. Times are in seconds."""

    connections: int = 256
    """In all. Beyond them, the one that has waited longest without a request is closed."""
    connections_per_address: int = 64
    """The same for one address that is not loopback."""
    header_bytes: int = 65_536
    """Of request line and headers together; more is 431."""
    field_bytes: int = 16_384
    """Of the request line, and of one header; more is 431."""
    header_count: int = 100
    """Headers of a request; more is 431."""
    idle_seconds: float = 10.0
    """From connecting to the first byte."""
    header_seconds: float = 10.0
    """From the first byte of a request to the end of its headers; longer is 408."""
    keep_alive_seconds: float = 75.0
    """Between an answer and the next request's first byte."""
    linger_seconds: float = 10.0
    """For the rest of a body that nobody wants."""
    stall_seconds: float = 30.0
    """Without the client reading its answer."""


class Client(Protocol):
    """A connection, as far as room for another one is concerned."""

    @property
    def address(self) -> str:
        """Of the peer."""
        ...

    @property
    def is_foreign(self) -> bool:
        """Whether the peer is another machine."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether a request is in hand."""
        ...

    @property
    def waiting_since(self) -> float:
        """When it last had no request in hand, by the monotonic clock."""
        ...

    def cut(self) -> None:
        """End it at once."""
        ...


class AdminConnections:
    """What all connections of the control port share. One writer: the control process's loop."""

    def __init__(
        self, bounds: AdminBounds, refuse: Refuse, clock: Clock, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.bounds = bounds
        self.refuse = refuse
        self.now = clock.now
        self.deadlines = Deadlines(loop, clock)
        # Never so many that files, the store and the workers' connections get no descriptor.
        self._most = min(bounds.connections, connections_for_descriptors(descriptor_limit()))
        self._open: set[Client] = set()
        self._log_after = 0.0
        self._unlogged = 0

    def __repr__(self) -> str:
        return f"<AdminConnections {len(self._open)}/{self._most}>"

    def admit(self, newcomer: Client) -> bool:
        """Take a connection in, closing another one if need be. False: there must not be it."""
        if newcomer.is_foreign:
            held = [each for each in self._open if each.address == newcomer.address]
            if len(held) >= self.bounds.connections_per_address and not self._make_room(held):
                return self._turn_away(newcomer)
        if len(self._open) >= self._most and not self._make_room(list(self._open)):
            return self._turn_away(newcomer)
        self._open.add(newcomer)
        return True

    def release(self, connection: Client) -> None:
        """Forget a connection that has ended."""
        self._open.discard(connection)

    def refused(self, reason: str, address: str) -> None:
        """Log a refusal, at most one a second, without a byte of the client's."""
        now = self.now()
        if now < self._log_after:
            self._unlogged += 1
            return
        _log.warning(
            "control port: %s (from %s; %d more not logged)", reason, address, self._unlogged
        )
        self._log_after = now + _LOG_EVERY_SECONDS
        self._unlogged = 0

    def _make_room(self, among: list[Client]) -> bool:
        """Close the connection that has waited longest. False: none waits."""
        waiting = [each for each in among if not each.is_busy]
        if not waiting:
            return False
        longest = min(waiting, key=lambda each: each.waiting_since)
        self.refused("too many connections: closed the one that waited longest", longest.address)
        longest.cut()
        return True

    def _turn_away(self, newcomer: Client) -> bool:
        self.refused("too many connections, all with a request in hand", newcomer.address)
        return False


def is_foreign(address: str) -> bool:
    """Whether a peer's address is that of another machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return bool(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return not (mapped or found).is_loopback
