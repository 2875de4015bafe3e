"""Integrations' way to their backends: `HttpEndpoints` sends requests over pooled connections.

The rule: a request is sent twice only when twice does no harm. That is so when a reused connection
ended before any byte of the answer, the method is idempotent (RFC 9110 section 9.2.2) and the body
is in memory; then it is sent once more. What had not left yet is no second time, whatever it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final

from gateway.clock import SystemClock
from gateway.driver import Waiter
from gateway.integrations.base import Endpoints
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server.backend_addresses import AddressBook, Resolve, system_resolver
from gateway.server.backend_connection import BackendConnection
from gateway.server.backend_dial import Dial, Dialer
from gateway.server.backend_failures import StaleConnectionError, broken_answer, broken_request
from gateway.server.backend_pool import BackendCounters, OriginPool, PoolContext, open_pool
from gateway.server.deadlines import Deadlines
from gateway.server.outbox import Outbox
from gateway.server.plain_head import PlainHeads
from gateway.settings import Backends
from gateway.streams import BodyStream
from gateway.telemetry.logs import RateLimited

_log = logging.getLogger(__name__)

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be sent again (RFC 9110 section 9.2.2)."""


class HttpEndpoints(Endpoints):
    """Connections of one worker to all its backends."""

    def __init__(
        self,
        settings: Backends,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        *,
        response_idle_seconds: float = 30.0,
        dial: Dial | None = None,
        resolve: Resolve | None = None,
        now: Callable[[], float] = SystemClock.now,
    ) -> None:
        # Process
        self.counters = BackendCounters()
        self._pools: dict[str, OriginPool] = {}
        log = RateLimited(_log, now)
        self._addresses = AddressBook(
            resolve or system_resolver(loop), settings.resolve_seconds, loop, now, log
        )
        self._context = PoolContext(
            loop=loop,
            deadlines=deadlines,
            settings=settings,
            response_idle_seconds=response_idle_seconds,
            dial=dial or Dialer(loop, settings, self._addresses),
            counters=self.counters,
            now=now,
            plain_heads=PlainHeads(),
            outbox=Outbox(loop),
            make_room=self._make_room,
            on_empty=self._drop,
            log=log,
        )

    def __repr__(self) -> str:
        return f"<HttpEndpoints {self.counters.open} open, {len(self._pools)} origins>"

    def send(self, request: IntegrationRequest) -> Awaitable[EndpointResponse]:
        """Send a request; to be awaited at once, for the head of the answer.

        `request.timeout_seconds` bounds, from `request.sent` on, the wait for a connection and for
        the head. While a body is streamed, only the time counts in which the backend takes none of
        it, and it begins anew at the end of the body: a client's slow upload is not the backend's
        fault.

        Raises, where it is awaited:
            Fault: INTEGRATION_FAILURE (504) when there is no connection to be had: refused, no
                such name, TLS, connect time-out, or too many requests waiting for one.
                INTEGRATION_TIMEOUT (504) without a head in time. DEFAULT_5XX with status 502 when
                the answer is invalid, too large, or breaks off before its head is complete.
                REQUEST_TOO_LARGE or DEFAULT_4XX when the client's body fails.
        """
        deadline = request.sent + request.timeout_seconds
        pool = self._pools.get(request.origin.key)
        if pool is None:
            pool = self._open_pool(request.origin)
        connection = pool.take_idle()
        if connection is None:
            return self._send_later(pool, request, deadline)
        self.counters.reused += 1
        call = _Call(self, connection, request)
        connection.begin(request, deadline, call)
        return call

    async def _send_later(
        self, pool: OriginPool, request: IntegrationRequest, deadline: float
    ) -> EndpointResponse:
        """Send a request once there is a connection."""
        connection = await self._acquire(pool, request, deadline)
        if connection.is_reused:
            self.counters.reused += 1
        call = _Call(self, connection, request)
        connection.begin(request, deadline, call)
        return await call

    def close(self) -> None:
        """Close every connection, busy ones too."""
        self._addresses.close()
        for pool in tuple(self._pools.values()):
            pool.close()

    def pools(self) -> tuple[OriginPool, ...]:
        """Return the pools, for status and tests."""
        return tuple(self._pools.values())

    async def _acquire(
        self, pool: OriginPool, request: IntegrationRequest, deadline: float
    ) -> BackendConnection:
        body = request.body
        connection = await pool.acquire(deadline)
        if isinstance(body, BodyStream) and body.error is not None:
            # It failed while the request waited: nothing has been sent yet.
            pool.release(connection)
            raise broken_request(body.error)
        return connection

    async def send_again(
        self, request: IntegrationRequest, stale: StaleConnectionError
    ) -> EndpointResponse:
        """Send on a new connection what a stale one did not carry, if that is safe."""
        is_repeatable = request.method in IDEMPOTENT and not isinstance(request.body, BodyStream)
        if stale.is_sent and not is_repeatable:
            raise broken_answer("the connection ended without an answer, and a retry is not safe")
        self.counters.retried += 1
        pool = self._pools.get(request.origin.key) or self._open_pool(request.origin)
        deadline = request.sent + request.timeout_seconds
        connection = await self._acquire(pool, request, deadline)
        call = _SecondCall(self, connection, request)
        connection.begin(request, deadline, call)
        return await call

    def _open_pool(self, origin: Origin) -> OriginPool:
        pool = self._pools[origin.key] = open_pool(origin, self._context)
        if not origin.unix_path:
            self._addresses.watch(origin, pool.keep_only)
        return pool

    def _drop(self, pool: OriginPool) -> None:
        """Forget a pool without connections: names rendered from requests must not pile up."""
        if self._pools.get(pool.origin.key) is pool:
            del self._pools[pool.origin.key]
            self._addresses.unwatch(pool.origin)

    def _make_room(self) -> bool:
        """Close the longest idle connection of the pool that has most of them."""
        pool = max(self._pools.values(), key=lambda each: len(each.idle), default=None)
        if pool is None or not pool.idle:
            return False
        pool.idle[0].close()
        return True


class _Call(Waiter[EndpointResponse]):
    """A request that was sent: awaited for its answer; given up when nobody awaits it any more."""

    __slots__ = ("_connection", "_endpoints", "_request")

    def __init__(
        self, endpoints: HttpEndpoints, connection: BackendConnection, request: IntegrationRequest
    ) -> None:
        # What `Waiter.__init__` does: calling it would cost as much as all of this.
        self.is_set = False
        self.error = None
        self.resume = None
        self._endpoints = endpoints
        self._connection = connection
        self._request = request

    def give_up(self) -> None:
        """End the exchange, if it is under way: nobody waits any more."""
        self.resume = None
        self._connection.give_up(self)

    def __await__(self) -> Generator[Any, None, EndpointResponse]:
        if not self.is_set:
            try:
                yield self
            except BaseException:
                # Whoever waited gave up (GeneratorExit).
                self.give_up()
                raise
        error = self.error
        if error is None:
            return self.value
        if not isinstance(error, StaleConnectionError):
            raise error
        return (yield from self._send_again(error).__await__())

    def _send_again(self, stale: StaleConnectionError) -> Awaitable[EndpointResponse]:
        return self._endpoints.send_again(self._request, stale)


class _SecondCall(_Call):
    """A request that was sent again: once is enough."""

    __slots__ = ()

    def _send_again(self, stale: StaleConnectionError) -> Awaitable[EndpointResponse]:
        # A full pool handed over a reused connection, stale too.
        raise broken_answer("two connections ended without an answer") from stale
