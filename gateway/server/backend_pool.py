"""The connections to one origin: idle ones last in, first out, and requests that wait for one.

The rule: whoever has a connection to give (an answer that ended, a dial that succeeded) gives it to
the request that waits longest, and only then to the idle list.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.driver import Waiter
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Origin
from gateway.server.backend_addresses import Place
from gateway.server.backend_connection import BackendConnection, ConnectionOwner
from gateway.server.backend_dial import Dial
from gateway.server.backend_failures import CannotConnectError, unreachable
from gateway.server.deadlines import Deadlines
from gateway.server.keep_alive import idle_seconds_of
from gateway.server.outbox import Outbox
from gateway.server.plain_head import PlainHeads
from gateway.server.tasks import spawn
from gateway.settings import Backends
from gateway.telemetry.logs import RateLimited

CONNECTIONS: Final = 8192
"""Most open connections of a worker, over all origins."""


@dataclass(slots=True)
class BackendCounters:
    """What happened on backend connections since the start. Written by the pools and `send`."""

    opened: int = 0
    """Connections opened."""
    reused: int = 0
    """Requests sent on a connection that had carried another."""
    retried: int = 0
    """Requests sent again, because a reused connection turned out to be closed."""
    refused: int = 0
    """Dials that failed."""
    overflowed: int = 0
    """Requests refused because too many waited for a connection already."""
    open: int = 0
    """Connections open now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolContext:
    """What every pool of a worker shares."""

    loop: asyncio.AbstractEventLoop
    deadlines: Deadlines
    settings: Backends
    response_idle_seconds: float
    dial: Dial
    counters: BackendCounters
    now: Callable[[], float]
    """Seconds of CLOCK_MONOTONIC."""
    plain_heads: PlainHeads
    outbox: Outbox
    make_room: Callable[[], bool]
    """Closes an idle connection of some pool; False when there is none."""
    on_empty: Callable[[OriginPool], None]
    """Told when a pool has neither connections nor waiting requests."""
    log: RateLimited
    """Says why backends cannot be reached."""


class OriginPool(ConnectionOwner):
    """Connections to one origin. Its endpoints and its connections are its only callers."""

    __slots__ = (
        "_context", "_dials", "_idle_limit", "_idle_seconds", "_queue", "idle", "is_retired",
        "open", "origin",
    )  # fmt: skip

    def __init__(self, origin: Origin, context: PoolContext) -> None:
        self.origin = origin
        self._context = context
        self._idle_limit = context.settings.idle_per_origin
        self._idle_seconds = context.settings.idle_seconds
        self._queue: deque[Waiter[BackendConnection]] = deque()
        self._dials: set[asyncio.Task[None]] = set()
        self.idle: list[BackendConnection] = []
        """Reusable connections, the one used last at the end."""
        self.open: set[BackendConnection] = set()
        """All connections, busy and idle."""
        self.is_retired = False
        """Whether connections are closed instead of kept: set by `close`."""

    def __repr__(self) -> str:
        return (
            f"<OriginPool {self.origin.key}: {len(self.open)} open, {len(self.idle)} idle, "
            f"{len(self._dials)} dialing, {len(self._queue)} waiting>"
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be lost by forgetting this pool."""
        return not (self.open or self._dials or self._queue)

    def take_idle(self) -> BackendConnection | None:
        """Return the connection used last, if any: it is the least likely to be closed."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.is_closing():
                return connection
        return None

    async def acquire(self, deadline: float) -> BackendConnection:
        """Wait for a new connection or one that becomes free.

        Raises:
            Fault: INTEGRATION_FAILURE when none can be opened or too many requests wait already,
                INTEGRATION_TIMEOUT at the deadline.
        """
        settings = self._context.settings
        has_room = len(self.open) + len(self._dials) < settings.connections_per_origin
        if not has_room and len(self._queue) - len(self._dials) >= settings.queue:
            self._context.counters.overflowed += 1
            raise unreachable(f"{len(self._queue)} requests wait for a connection already")
        waiter: Waiter[BackendConnection] = Waiter()
        self._queue.append(waiter)
        timer = self._context.loop.call_later(
            max(deadline - self._context.now(), 0),
            waiter.fail,
            Fault(GatewayResponseType.INTEGRATION_TIMEOUT, source="integration"),
        )
        try:
            self._dial_more()
            return await waiter
        finally:
            timer.cancel()
            if waiter in self._queue:
                self._queue.remove(waiter)

    # Called by connections

    def release(self, connection: BackendConnection) -> None:
        """Take back a connection after an exchange without surprises."""
        context = self._context
        now = context.now()
        if now >= connection.retire_at:
            connection.close()
            return
        idle_seconds = connection.idle_seconds
        if idle_seconds is None:
            idle_seconds = idle_seconds_of(connection.answer_headers, self._idle_seconds)
            if connection.answer_headers:
                # Its first answer: servers say the same with each.
                connection.idle_seconds = idle_seconds
        if self._queue:
            connection.is_reused = True
            self._queue.popleft().set(connection)
            return
        if self.is_retired or len(self.idle) >= self._idle_limit:
            connection.close()
            return
        connection.is_reused = True
        connection.deadline = now + idle_seconds
        if connection.deadline < connection.watched_until:
            context.deadlines.watch(connection)
        self.idle.append(connection)

    def forget(self, connection: BackendConnection) -> None:
        """Drop a connection that has ended; another takes its place if requests wait."""
        if connection not in self.open:
            return
        if connection.failure:
            self._warn(connection.failure)
        self.open.discard(connection)
        self._context.counters.open -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        self._dial_more()
        self._tell_if_empty()

    # Called by the endpoints

    def close(self) -> None:
        """Close every connection, busy ones too, and turn away who waits."""
        self.is_retired = True
        while self._queue:
            self._queue.popleft().fail(unreachable("the gateway is shutting down"))
        for dial in self._dials:
            dial.cancel()
        for connection in tuple(self.open):
            connection.close()

    def keep_only(self, addresses: frozenset[Place]) -> None:
        """Let go of connections to other addresses: idle ones now, busy ones after their answer."""
        for connection in tuple(self.open):
            if connection.peer in addresses:
                continue
            connection.retire_at = 0.0
            if connection in self.idle:
                connection.close()

    # Dialing

    def _dial_more(self) -> None:
        """Open as many connections as requests wait for, within bounds."""
        limit = self._context.settings.connections_per_origin
        dials = self._dials
        while len(dials) < len(self._queue) and len(self.open) + len(dials) < limit:
            task = spawn(self._dial(), f"dial {self.origin.key}")
            dials.add(task)
            task.add_done_callback(dials.discard)

    async def _dial(self) -> None:
        context = self._context
        connection: BackendConnection | None = None
        problem = "the new connection was closed at once"
        try:
            if context.counters.open < CONNECTIONS or context.make_room():
                connection = await context.dial(self.origin, self._connection)
            else:
                problem = f"{CONNECTIONS} connections to backends are in use"
        except CannotConnectError as error:
            problem = str(error)
        finally:
            if (task := asyncio.current_task()) is not None:
                self._dials.discard(task)
        if connection is not None:
            if not connection.is_closing():
                self._welcome(connection)
                return
            problem = connection.failure or problem
        self._warn(problem)
        context.counters.refused += 1
        if len(self._queue) > len(self._dials):
            # Each dial was begun for one request; the others have their own.
            self._queue.popleft().fail(unreachable(problem))
        self._dial_more()
        self._tell_if_empty()

    def _connection(self) -> BackendConnection:
        context = self._context
        now = context.now()
        return BackendConnection(
            self,
            context.deadlines,
            context.now,
            context.plain_heads,
            context.outbox,
            response_idle_seconds=context.response_idle_seconds,
            retire_at=now + context.settings.connection_seconds,
            origin=self.origin,
        )

    def _welcome(self, connection: BackendConnection) -> None:
        self.open.add(connection)
        self._context.counters.open += 1
        self._context.counters.opened += 1
        if self._queue:
            self._queue.popleft().set(connection)
        else:
            self.release(connection)

    def _warn(self, problem: str) -> None:
        self._context.log.warning(self.origin.key, "no connection to a backend: %s", problem)

    def _tell_if_empty(self) -> None:
        if self.is_empty:
            self._context.on_empty(self)


class LimitedPool(OriginPool):
    """A pool whose connections carry so many requests and no more."""

    __slots__ = ("_carried", "_most")

    def __init__(self, origin: Origin, context: PoolContext) -> None:
        super().__init__(origin, context)
        self._most = context.settings.requests_per_connection
        self._carried: dict[BackendConnection, int] = {}

    def release(self, connection: BackendConnection) -> None:
        """Take back a connection, unless it has carried its share."""
        carried = self._carried[connection] = self._carried.get(connection, 0) + 1
        if carried >= self._most:
            connection.retire_at = 0.0
        super().release(connection)

    def forget(self, connection: BackendConnection) -> None:
        """Drop a connection that has ended."""
        self._carried.pop(connection, None)
        super().forget(connection)


def open_pool(origin: Origin, context: PoolContext) -> OriginPool:
    """Return the pool of an origin, of the kind that the settings ask for."""
    return (LimitedPool if context.settings.requests_per_connection else OriginPool)(
        origin, context
    )
