"""A worker's data plane put together: everything that serves requests, wired once per process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Final

from gateway.cache import CachedResponses
from gateway.clock import Clock, IdMinter, draw
from gateway.integrations.base import IntegrationContext
from gateway.pipeline.redirect import Redirector
from gateway.pipeline.service import Service, TimedService
from gateway.release import Release
from gateway.release.certificate_store import CertificateStore
from gateway.release.recorded import RecordedDeployment
from gateway.server.backend_pool import BackendCounters
from gateway.server.connection import ClientConnection
from gateway.server.deadlines import Deadlines
from gateway.server.edge import Edge
from gateway.server.tls_gate import TlsGate
from gateway.server.tls_table import EMPTY, build_table
from gateway.server.upstream import HttpEndpoints
from gateway.settings import Settings
from gateway.snapshot.api_keys import KeyTables
from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.compile import compile_release
from gateway.snapshot.compiled import CompiledDeployment, Snapshot
from gateway.snapshot.deployments import compile_recorded
from gateway.snapshot.slices import finish
from gateway.snapshot.stage_binder import Binding
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
            now=clock.now,
        )
        self._edge: Edge | None = None
        self._servers: list[asyncio.Server] = []
        self._certificates = CertificateStore(settings.data)
        self._table = self._next_table = EMPTY
        """What TLS uses now, and what belongs to the release that was compiled last."""
        self._gate: TlsGate | None = None
        self._observed = BackendCounters()
        """What was added to the metrics table already."""

    def __repr__(self) -> str:
        return f"<DataPlane {self._edge or 'not listening'}>"

    def empty(self) -> Snapshot:
        """Return the snapshot of a release that serves nothing."""
        nothing = Release(revision=0, digest="", region="", account="")
        return finish(compile_release(nothing, None, self._binding))

    def compile_deployment(
        self, recorded: RecordedDeployment, earlier: CompiledDeployment | None
    ) -> Generator[None, None, CompiledDeployment]:
        """Compile a deployment, its methods when they are called first.

        What control let pass in spite of problems answers 500.
        """
        return compile_recorded(recorded, earlier)

    def compile_release(
        self, release: Release, previous: Snapshot
    ) -> Generator[None, None, Snapshot]:
        """Compile a release against this process's tables; yields often."""
        snapshot = yield from compile_release(release, previous, self._binding)
        if self._settings.listen_tls is not None:
            self._next_table = yield from build_table(release, self._certificates, self._table)
        return snapshot

    def applied(self) -> None:
        """Use for TLS what belongs to the release that was compiled last: it is served now."""
        self._table = self._next_table
        if self._gate is not None:
            self._gate.swap(self._table)

    async def listen(
        self,
        listening: socket.socket,
        cell: SnapshotCell,
        listening_tls: socket.socket | None = None,
    ) -> None:
        """Accept clients from now on, and answer from whatever `cell` holds."""
        service = (TimedService if self._settings.debug.server_timing else Service)(
            cell=cell,
            endpoints=self._endpoints,
            metrics=self._metrics,
            logs=self._logs,
            clock=self._clock,
            draw=draw,
            ids=self._ids,
        )
        edge = self._edge = Edge(
            service=self._redirected(service, listening_tls),
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

        if listening_tls is not None:
            await self._listen_tls(listening_tls, edge, connection)
        server = await self._loop.create_server(connection, sock=listening, backlog=BACKLOG)
        self._servers.append(server)

    async def _listen_tls(
        self, listening: socket.socket, edge: Edge, make: Callable[[], ClientConnection]
    ) -> None:
        def connection() -> ClientConnection:
            self._metrics.add(Cell.TLS_HANDSHAKES)
            return make()

        gate = self._gate = TlsGate(edge, self._settings.tls, self._table, connection)
        server = await self._loop.create_server(gate.accept, sock=listening, backlog=BACKLOG)
        self._servers.append(server)

    def _redirected(
        self, service: Service, listening_tls: socket.socket | None
    ) -> Service | Redirector:
        """Return the service behind a redirection to HTTPS, where the settings ask for one."""
        tls = self._settings.tls
        if listening_tls is None or not tls.redirect_http:
            return service

        def has_certificate(host: str) -> bool:
            entry = self._table.domain(host)
            return entry is not None and entry.context is not None

        return Redirector(
            service, has_certificate, tls.redirect_port or listening_tls.getsockname()[1]
        )

    @property
    def is_listening(self) -> bool:
        """Whether clients are accepted."""
        return bool(self._servers)

    def stop_listening(self) -> None:
        """Accept no more clients; those that are here get the answers that they wait for."""
        if self._edge is not None:
            for server in self._servers:
                server.close()
            self._edge.drain()

    @property
    def connections(self) -> int:
        """Clients that are connected, or about to be."""
        shaking = 0 if self._gate is None else self._gate.shaking
        return shaking + (0 if self._edge is None else len(self._edge.connections))

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
