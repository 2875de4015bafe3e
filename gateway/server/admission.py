"""How many client connections one worker holds, in all and from one address.

A connection beyond a bound is accepted and reset at once. The socket's queue belongs to this worker
alone (SO_REUSEPORT), so a connection left in it would hang until its own time-out; a reset lets the
client, or the load balancer before us, try another address at once, and leaves nothing behind here.
"""

from __future__ import annotations

import resource
from typing import Final

from gateway.server.refusal import ADDRESS_LIMIT, CONNECTION_LIMIT

_RESERVED_DESCRIPTORS: Final = 64
"""For logs, sockets to the control process, and what libraries open."""
_LOWEST: Final = 16


def connections_for_descriptors(descriptors: int) -> int:
    """Return how many clients to admit with that limit on open files: each may need a backend."""
    return max((descriptors - _RESERVED_DESCRIPTORS) // 2, _LOWEST)


def descriptor_limit() -> int:
    """Return this process's limit on open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_048_576 if soft == resource.RLIM_INFINITY else soft


class Admission:
    """Counts open connections. One per worker."""

    __slots__ = ("_by_address", "_most_by_address", "most", "open")

    def __init__(self, connections: int, connections_per_ip: int) -> None:
        """Take the bounds; 0 connections: as many as open files allow; 0 per address: no bound."""
        self.most = connections or connections_for_descriptors(descriptor_limit())
        """Connections that are admitted at once. Written here only."""
        self._most_by_address = connections_per_ip
        self._by_address: dict[str, int] = {}
        self.open = 0

    def __repr__(self) -> str:
        return f"<Admission {self.open}/{self.most} connections>"

    def admit(self, address: str) -> str | None:
        """Count a new connection in; or return the reason why there must not be one more."""
        if self.open >= self.most:
            return CONNECTION_LIMIT
        if self._most_by_address:
            held = self._by_address.get(address, 0)
            if held >= self._most_by_address:
                return ADDRESS_LIMIT
            self._by_address[address] = held + 1
        self.open += 1
        return None

    def release(self, address: str) -> None:
        """Count out a connection that was admitted."""
        self.open -= 1
        if self._most_by_address:
            held = self._by_address[address] - 1
            if held:
                self._by_address[address] = held
            else:
                del self._by_address[address]
