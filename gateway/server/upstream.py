"""Integrations' way to their backends: `HttpEndpoints` sends requests over pooled connections.

The rule: a request is sent twice only when twice does no harm. That is so when a reused connection
ended before any byte of the answer, the method is idempotent (RFC 9110 section 9.2.2) and the body
is in memory; then it is sent once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.clock import SystemClock
from gateway.messages import EndpointResponse, IntegrationRequest, Origin
from gateway.server.backend_addresses import AddressBook, Resolve, system_resolver
from gateway.server.backend_connection import (
    BackendConnection,
    StaleConnectionError,
    broken_answer,
    broken_request,
)
from gateway.server.backend_dial import Dial, Dialer
from gateway.server.backend_pool import BackendCounters, OriginPool, PoolContext, open_pool
from gateway.server.deadlines import Deadlines
from gateway.settings import Backends
from gateway.streams import BodyStream
from gateway.telemetry.logs import RateLimited

_log = logging.getLogger(__name__)

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be sent again (RFC 9110 section 9.2.2)."""


class HttpEndpoints:
    """Connections of one worker to all its backends; implements `integrations.base.Endpoints`."""

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
        self._now = now
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
            make_room=self._make_room,
            on_empty=self._drop,
            log=log,
        )

    def __repr__(self) -> str:
        return f"<HttpEndpoints {self.counters.open} open, {len(self._pools)} origins>"

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        """Send a request and wait for the head of the answer.

        `request.timeout_seconds` bounds the wait for a connection and for the head. While a body is
        streamed, only the time counts in which the backend takes none of it, and it begins anew at
        the end of the body: a client's slow upload is not the backend's fault.

        Raises:
            Fault: INTEGRATION_FAILURE (504) when there is no connection to be had: refused, no
                such name, TLS, connect time-out, or too many requests waiting for one.
                INTEGRATION_TIMEOUT (504) without a head in time. DEFAULT_5XX with status 502 when
                the answer is invalid, too large, or breaks off before its head is complete.
                REQUEST_TOO_LARGE or DEFAULT_4XX when the client's body fails.
        """
        deadline = self._now() + request.timeout_seconds
        pool = self._pools.get(request.origin.key)
        if pool is None:
            pool = self._open_pool(request.origin)
        connection = pool.take_idle()
        if connection is None:
            connection = await self._acquire(pool, request, deadline)
        if connection.is_reused:
            self.counters.reused += 1
        waiter = connection.begin(request, deadline)
        try:
            return await waiter
        except StaleConnectionError:
            pass
        except BaseException:
            # The caller gave up (GeneratorExit), or the exchange has failed and is over.
            connection.give_up(waiter)
            raise
        return await self._send_again(request, deadline)

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

    async def _send_again(self, request: IntegrationRequest, deadline: float) -> EndpointResponse:
        """Send on a new connection what a stale one did not carry, if that is safe."""
        if request.method not in IDEMPOTENT or isinstance(request.body, BodyStream):
            raise broken_answer("the connection ended without an answer, and a retry is not safe")
        self.counters.retried += 1
        pool = self._pools.get(request.origin.key) or self._open_pool(request.origin)
        connection = await self._acquire(pool, request, deadline)
        waiter = connection.begin(request, deadline)
        try:
            return await waiter
        except StaleConnectionError as error:
            # A full pool handed over a reused connection, which was stale too: once is enough.
            raise broken_answer("two connections ended without an answer") from error
        except BaseException:
            connection.give_up(waiter)
            raise

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
