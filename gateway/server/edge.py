"""What all client connections of one worker share, and how they are drained together."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final, Protocol

from gateway.clock import Clock, IdMinter
from gateway.pipeline.service import Answering
from gateway.server.admission import Admission
from gateway.server.deadlines import Deadlines
from gateway.server.peer import TrustedProxies
from gateway.server.responder import Responder
from gateway.server.target import Hosts
from gateway.settings import Limits, Timeouts

_LOG: Final = logging.getLogger(__name__)
_LOG_EVERY_SECONDS: Final = 1.0

DRAIN_GRACE_SECONDS: Final = 1.0
"""While draining, how long an idle connection is kept for a request that may be on its way."""


class Drainable(Protocol):
    """A connection, as the edge sees it."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is in hand."""
        ...

    def drain(self) -> None:
        """Close when the request in hand is answered; soon when there is none."""
        ...


class Edge:
    """One per worker: settings, books and bounds of its client connections."""

    __slots__ = (
        "_log_after", "_unlogged", "admission", "connections", "deadlines", "epoch", "hosts",
        "ids", "is_draining", "limits", "loop", "now", "proxies", "responder", "service",
        "timeouts",
    )  # fmt: skip

    def __init__(
        self,
        *,
        service: Answering,
        limits: Limits,
        timeouts: Timeouts,
        trusted_proxies: tuple[str, ...],
        clock: Clock,
        ids: IdMinter,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
    ) -> None:
        # Process
        self.service = service
        self.limits = limits
        self.timeouts = timeouts
        self.loop = loop
        self.deadlines = deadlines
        self.ids = ids
        self.now = clock.now
        self.epoch = clock.epoch
        self.responder = Responder(clock)
        self.admission = Admission(limits.connections, limits.connections_per_ip)
        self.proxies = TrustedProxies(trusted_proxies)
        self.hosts = Hosts()
        self.connections: set[Drainable] = set()
        self.is_draining = False
        self._log_after = 0.0
        self._unlogged = 0

    def __repr__(self) -> str:
        state = "draining" if self.is_draining else "open"
        return f"<Edge {state}, {len(self.connections)} connections>"

    @property
    def in_flight(self) -> int:
        """Requests that are not answered yet. Counted when asked: requests pay nothing for it."""
        return sum(connection.is_busy for connection in self.connections)

    def drain(self) -> None:
        """Close every connection after its next answer, or when none was asked for in a moment."""
        self.is_draining = True
        # Replaced as a whole, so that no request has to look whether there is a drain: every answer
        # is its connection's last one now.
        times = self.timeouts
        grace = min(DRAIN_GRACE_SECONDS, times.drain_seconds)
        self.timeouts = replace(
            times,
            idle_seconds=min(grace, times.idle_seconds),
            keep_alive_seconds=min(grace, times.keep_alive_seconds),
        )
        self.limits = replace(self.limits, requests_per_connection=0)
        for connection in tuple(self.connections):
            connection.drain()

    def refused(self, reason: str, address: str) -> None:
        """Count a refusal; log at most one a second, without a byte of the client's."""
        self.service.refused(reason)
        now = self.now()
        if now < self._log_after:
            self._unlogged += 1
            return
        _LOG.warning(
            "refused a client: %s (from %s; %d more not logged)", reason, address, self._unlogged
        )
        self._log_after = now + _LOG_EVERY_SECONDS
        self._unlogged = 0
