"""What all TLS connections of one worker share: the table of domains, and bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.server.client_socket import ClientSocket
from gateway.server.deadlines import Deadline
from gateway.server.edge import Edge
from gateway.server.tls_connection import TlsConnection
from gateway.server.tls_table import TlsEntry, TlsTable
from gateway.settings import Tls


class TlsGate:
    """Lets TLS connections in. One per worker; `table` has one writer, `swap`."""

    __slots__ = (
        "_by_address", "_edge", "_make", "_most_by_address", "_open", "_settings", "shaking",
        "table",
    )  # fmt: skip

    def __init__(
        self, edge: Edge, settings: Tls, table: TlsTable, make: Callable[[], ClientSocket]
    ) -> None:
        """Take what lies behind: `make` returns the protocol of a new connection."""
        self._edge = edge
        self._settings = settings
        self._make = make
        self._open: set[TlsConnection] = set()
        self._most_by_address = edge.limits.connections_per_ip
        self._by_address: dict[str, int] = {}
        """Handshakes under way, where an address may have so many connections only."""
        self.table = table
        self.shaking = 0
        """Handshakes that are under way."""

    def __repr__(self) -> str:
        return f"<TlsGate {len(self._open)} open, {self.shaking} shaking, {self.table!r}>"

    def accept(self) -> TlsConnection:
        """Return the protocol of a new TCP connection."""
        return TlsConnection(self)

    def swap(self, table: TlsTable) -> None:
        """Use another table for new connections; those that are here stay.

        But for those that were verified by another trust store than their name has now: each gets
        one answer more, or a second.
        """
        if table is self.table:
            return
        self.table = table
        for connection in tuple(self._open):
            if self.is_stale(connection):
                connection.retire()

    def is_stale(self, connection: TlsConnection) -> bool:
        """Whether its name would be let in by other rules now."""
        before, tls = connection.entry, connection.tls
        after = None if tls is None else self.table.find(tls.server_name)
        return (
            before is None
            or after is None
            or (after.truststore, after.domain_name) != (before.truststore, before.domain_name)
        )

    def enter(self, connection: TlsConnection) -> float | None:
        """Count a handshake in; return its deadline, or None: there are too many.

        One address has as many of them as it may have connections: whoever only begins handshakes
        must not keep the others' from beginning.
        """
        admission = self._edge.admission
        if (
            self.shaking >= self._settings.handshakes
            # Each would be a connection, and has a descriptor already.
            or self.shaking + admission.open >= admission.most
        ):
            return None
        if self._most_by_address:
            address = connection.address
            held = self._by_address.get(address, 0)
            if held >= self._most_by_address:
                return None
            self._by_address[address] = held + 1
        self.shaking += 1
        return self._edge.now() + self._settings.handshake_seconds

    def leave(self, connection: TlsConnection) -> None:
        """Count a handshake out."""
        self.shaking -= 1
        if self._most_by_address:
            address = connection.address
            held = self._by_address[address] - 1
            if held:
                self._by_address[address] = held
            else:
                del self._by_address[address]

    def seconds_until(self, epoch: float) -> float:
        """Return how long it is until a time in seconds since 1970; negative: it is over."""
        return epoch - self._edge.epoch()

    def find(self, server_name: str) -> TlsEntry | None:
        """Return what is used for a name now."""
        return self.table.find(server_name)

    def opened(self, connection: TlsConnection) -> ClientSocket:
        """Return the protocol of a connection whose handshake is done."""
        self._open.add(connection)
        return self._make()

    def closed(self, connection: TlsConnection) -> None:
        """Forget an open connection."""
        self._open.discard(connection)

    def refused(self, reason: str, address: str) -> None:
        """Count a connection that never became one."""
        self._edge.refused(reason, address)

    def watch(self, item: Deadline) -> None:
        """See to its deadline."""
        self._edge.deadlines.watch(item)

    def forget(self, item: Deadline) -> None:
        """Watch it no more."""
        self._edge.deadlines.forget(item)

    def call_soon(self, connection: TlsConnection) -> None:
        """Call the connection's `pump` from the loop."""
        loop: asyncio.AbstractEventLoop = self._edge.loop
        loop.call_soon(connection.pump)
