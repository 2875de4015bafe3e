"""Backends without sockets: transports that note what they are told, and a dial of them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, TypeVar, cast

from gateway.messages import Origin
from gateway.server.backend_failures import CannotConnectError
from gateway.server.deadlines import NEVER, Deadline, Deadlines

P = TypeVar("P", bound=asyncio.Protocol)


class FakeTurn:
    """A loop whose turn ends when a test says so."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], object]] = []

    def call_soon(
        self, callback: Callable[[], object], *, context: contextvars.Context | None = None
    ) -> None:
        assert context is not None, "to copy one costs more than to run the callback"
        self.callbacks.append(callback)

    def end(self) -> None:
        """Run what was put off to the end of the turn."""
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


class FakeTransport:
    """Keeps what is written; its buffer is as full as a test says."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.calls: list[str] = []
        self.buffered = 0
        self.is_aborted = False
        self.peer: object = ("192.0.2.1", 80)

    def get_extra_info(self, name: str) -> object:
        assert name == "peername"
        return self.peer

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def writelines(self, data: tuple[bytes, ...]) -> None:
        self.writes.append(b"".join(data))

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


class FakeDeadlines(Deadlines):
    """Deadlines that a test lets pass."""

    def __init__(self) -> None:
        self.watched: set[Deadline] = set()

    def watch(self, item: Deadline) -> None:
        self.watched.add(item)
        item.watched_until = item.deadline

    def forget(self, item: Deadline) -> None:
        self.watched.discard(item)
        item.watched_until = NEVER


class FakeDial:
    """Opens fake connections, or fails, or waits."""

    def __init__(self) -> None:
        self.transports: list[FakeTransport] = []
        """One for each connection, in order."""
        self.protocols: list[asyncio.Protocol] = []
        self.problems: list[str] = []
        """Reasons why the next dials fail; empty: none does."""
        self.closes_at_once = False
        """Whether connections end before they can be used."""
        self.gate = asyncio.Event()
        """Cleared: dials wait."""
        self.gate.set()

    async def __call__(self, origin: Origin, protocol_factory: Callable[[], P], /) -> P:
        await self.gate.wait()
        if self.problems:
            raise CannotConnectError(self.problems.pop(0))
        transport, protocol = FakeTransport(), protocol_factory()
        transport.is_aborted = self.closes_at_once
        protocol.connection_made(cast("Any", transport))
        self.transports.append(transport)
        self.protocols.append(protocol)
        return protocol
