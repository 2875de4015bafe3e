"""A worker's data plane put together: everything that serves requests, wired once per process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from dataclasses import replace
from typing import Final

from gateway.cache import CachedResponses
from gateway.clock import Clock, IdMinter, draw
from gateway.definitions.stage import Deployment
from gateway.integrations.base import IntegrationContext
from gateway.pipeline.service import Service
from gateway.release import Release
from gateway.server.backend_pool import BackendCounters
from gateway.server.connection import ClientConnection
from gateway.server.deadlines import Deadlines
from gateway.server.edge import Edge
from gateway.server.upstream import HttpEndpoints
from gateway.settings import Settings
from gateway.snapshot.api_keys import KeyTables
from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.compile import Binding, compile_deployment, compile_release, finish
from gateway.snapshot.compiled import CompiledDeployment, Snapshot
from gateway.telemetry.log_sink import LogSink
from gateway.telemetry.metrics import Cell, WorkerMetrics
from gateway.throttle import BucketTable

BACKLOG: Final = 1024
"""Connections that may wait to be accepted: listening again must not lower what was set before."""


class DataPlane:
    """Serves requests from the snapshots that it is given."""

    def __init__(
        self,
        settings: Settings,
        *,
        buckets: BucketTable,
        keys: KeyTables,
        metrics: WorkerMetrics,
        logs: LogSink,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # Process
        self._settings = settings
        self._metrics = metrics
        self._logs = logs
        self._clock = clock
        self._loop = loop
        self._ids = IdMinter()
        self._deadlines = Deadlines(loop, clock)
        self._binding = Binding(
            buckets=buckets,
            keys=keys,
            context=IntegrationContext(
                ids=self._ids,
                now=clock.now,
                body_bytes=settings.limits.body_bytes,
                cache=CachedResponses(
                    settings.cache.bytes_per_worker, clock.now, metrics.count_cache
                ),
            ),
        )
        self._endpoints = HttpEndpoints(
            settings.backends,
            loop,
            self._deadlines,
            response_idle_seconds=settings.timeouts.response_idle_seconds,
        )
        self._edge: Edge | None = None
        self._server: asyncio.Server | None = None
        self._observed = BackendCounters()
        """What was added to the metrics table already."""

    def __repr__(self) -> str:
        return f"<DataPlane {self._edge or 'not listening'}>"

    def empty(self) -> Snapshot:
        """Return the snapshot of a release that serves nothing."""
        nothing = Release(revision=0, digest="", region="", account="")
        return finish(compile_release(nothing, None, self._binding))

    def compile_deployment(
        self, deployment: Deployment
    ) -> Generator[None, None, CompiledDeployment]:
        """Compile a deployment; what control let pass in spite of problems answers 500."""
        return compile_deployment(deployment, [])

    def compile_release(
        self, release: Release, previous: Snapshot
    ) -> Generator[None, None, Snapshot]:
        """Compile a release against this process's tables; yields often."""
        return compile_release(release, previous, self._binding)

    async def listen(self, listening: socket.socket, cell: SnapshotCell) -> None:
        """Accept clients from now on, and answer from whatever `cell` holds."""
        service = Service(
            cell=cell,
            endpoints=self._endpoints,
            metrics=self._metrics,
            logs=self._logs,
            clock=self._clock,
            draw=draw,
            ids=self._ids,
            is_server_timing=self._settings.debug.server_timing,
        )
        edge = self._edge = Edge(
            service=service,
            limits=self._settings.limits,
            timeouts=self._settings.timeouts,
            trusted_proxies=self._settings.trusted_proxies,
            clock=self._clock,
            ids=self._ids,
            loop=self._loop,
            deadlines=self._deadlines,
        )

        def connection() -> ClientConnection:
            self._metrics.add(Cell.CONNECTIONS_ACCEPTED)
            return ClientConnection(edge)

        self._server = await self._loop.create_server(connection, sock=listening, backlog=BACKLOG)

    @property
    def is_listening(self) -> bool:
        """Whether clients are accepted."""
        return self._server is not None

    def stop_listening(self) -> None:
        """Accept no more clients; those that are here get the answers that they wait for."""
        if self._server is not None and self._edge is not None:
            self._server.close()
            self._edge.drain()

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return 0 if self._edge is None else len(self._edge.connections)

    def observe(self) -> None:
        """Write to the metrics table what is not written as it happens."""
        metrics, counters, before = self._metrics, self._endpoints.counters, self._observed
        metrics.set(Cell.CONNECTIONS_OPEN, self.connections)
        if self._edge is not None:
            metrics.set(Cell.CONNECTIONS_LIMIT, self._edge.admission.most)
        metrics.set(Cell.REQUESTS_IN_FLIGHT, 0 if self._edge is None else self._edge.in_flight)
        metrics.set(Cell.BACKEND_CONNECTIONS_OPEN, counters.open)
        # The table outlives this process, so that only what is new may be added.
        metrics.add(Cell.BACKEND_CONNECTIONS_OPENED, counters.opened - before.opened)
        metrics.add(Cell.BACKEND_CONNECTIONS_REUSED, counters.reused - before.reused)
        metrics.add(Cell.BACKEND_CONNECTIONS_FAILED, counters.refused - before.refused)
        metrics.add(Cell.BACKEND_REQUESTS_RETRIED, counters.retried - before.retried)
        metrics.add(Cell.BACKEND_REQUESTS_OVERFLOWED, counters.overflowed - before.overflowed)
        self._observed = replace(counters)

    def close(self) -> None:
        """Close the connections to backends."""
        self._endpoints.close()
