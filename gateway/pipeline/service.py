"""What the server calls: one request's begin, answer and end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from gateway.clock import Clock, IdMinter
from gateway.definitions.stage import LoggingLevel
from gateway.errors import Fault, GatewayResponseType
from gateway.integrations.base import Answer, Endpoints
from gateway.messages import Exchange, InvocationRequest, InvocationResponse, UsageNote
from gateway.pipeline.serve import Stations
from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.compiled import Scope
from gateway.telemetry.execution_log import lines
from gateway.telemetry.log_sink import LineSink
from gateway.telemetry.metrics import QUOTA_EXCEEDED, SHADOWED, WorkerMetrics
from gateway.telemetry.server_timing import server_timing

_NO_STAGE_BLOCK: Final = 0
"""The metrics block of requests that reached no stage."""

# Reading a member off its Enum costs as much as a call.
_THROTTLED: Final = GatewayResponseType.THROTTLED
_OFF: Final = LoggingLevel.OFF

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INVALID_REQUEST_ID: Final = "UUID_REPLACED_INVALID_REQUEST_ID"
"""AWS's words in place of a request id that is no UUID."""


def _adopted(sent_id: str) -> str:
    """Return the request id that a client chose; it may only be a UUID (semantics sheet 8.1)."""
    return sent_id if _UUID.fullmatch(sent_id) else _INVALID_REQUEST_ID


class Answering(Protocol):
    """What answers the requests of a server. Tests pass a fake."""

    __slots__ = ()

    def open(self, request: InvocationRequest) -> Exchange:
        """Begin a request: give it ids and a place in the books."""
        ...

    def answer(self, exchange: Exchange) -> Answer:
        """Answer a request, or return the work of answering it, which may raise a Fault.

        Whatever else is raised is a bug.
        """
        ...

    def refuse(self, exchange: Exchange, fault: Fault) -> InvocationResponse:
        """Answer for a Fault that the work of answering raised."""
        ...

    def record(self, exchange: Exchange) -> None:
        """End a request, after its last byte. Called exactly once per opened exchange."""
        ...

    def refused(self, reason: str) -> None:
        """Count a request or connection that never became an exchange, by `refusal.REASONS`."""
        ...


class Service(Stations, Answering):
    """Answers requests from the current snapshot, and records each one."""

    def __init__(
        self,
        *,
        cell: SnapshotCell,
        endpoints: Endpoints,
        metrics: WorkerMetrics,
        logs: LineSink,
        clock: Clock,
        draw: Callable[[], float],
        ids: IdMinter,
    ) -> None:
        super().__init__(cell, endpoints, draw)
        # Process
        self._metrics = metrics
        self._logs = logs
        self._now = clock.now
        self._epoch = clock.epoch
        self._ids = ids

    def open(self, request: InvocationRequest) -> Exchange:
        """Begin a request: mint its ids, note when it came."""
        sent_id = request.derived.sent_request_id
        request_id, extended_id, lines = self._ids.request_ids()
        if sent_id is not None:
            request_id, lines = _adopted(sent_id), b""
        # Called as methods they would be looked up as such first: that is slower.
        now, epoch = self._now, self._epoch
        return Exchange(request, request_id, extended_id, now(), epoch(), lines)

    def record(self, exchange: Exchange) -> None:
        """End a request: count it and log it. Always called once, after the last byte."""
        scope: Scope | None = exchange.scope
        fault = exchange.fault
        self._metrics.observe(
            _NO_STAGE_BLOCK if scope is None else scope.metrics_block,
            exchange.status,
            exchange.response_latency,
            exchange.integration_latency,
            fault is not None and fault.type is _THROTTLED,
        )
        if scope is None:
            return
        usage = exchange.usage
        if usage is not None and (fault is not None or usage.shadowed is not None):
            self._count_usage(scope.metrics_block, usage, fault)
        access_log = scope.access_log
        if access_log is not None:
            line = access_log.line
            self._logs.write(access_log.destination, line(exchange))
        level = scope.logging_level
        if level is not _OFF:
            for each in lines(exchange, level):
                self._logs.write(scope.execution_log, each)

    def _count_usage(self, block: int, usage: UsageNote, fault: Fault | None) -> None:
        """Count what quotas refused, and what throttles in shadow would have refused."""
        if fault is not None and fault.type is GatewayResponseType.QUOTA_EXCEEDED:
            self._metrics.count(block, QUOTA_EXCEEDED)
        if usage.shadowed is not None:
            is_quota = usage.shadowed is GatewayResponseType.QUOTA_EXCEEDED
            self._metrics.count(block, SHADOWED + is_quota)

    def refused(self, reason: str) -> None:
        """Count a connection or request that the edge refused before it became an exchange."""
        self._metrics.count_refusal(reason)


class TimedService(Service):
    """A service that tells clients in a Server-Timing header where the time went."""

    def open(self, request: InvocationRequest) -> Exchange:
        """Begin a request whose phases are noted."""
        exchange = super().open(request)
        exchange.phases = []
        return exchange

    def answer(self, exchange: Exchange) -> Answer:
        """Return the work of answering."""
        return self._timed(exchange)

    async def _timed(self, exchange: Exchange) -> InvocationResponse:
        """Answer, and tell the phases' times in a Server-Timing header."""
        try:
            answer = super().answer(exchange)
            response = answer if isinstance(answer, InvocationResponse) else await answer
        except Fault as fault:
            response = self.refuse(exchange, fault)
        assert exchange.phases is not None  # noqa: S101 (`open` began)
        exchange.phases.append(("answer", self._now()))
        timing = server_timing(exchange).encode("ascii")
        return InvocationResponse(
            response.status,
            response.head + b"Server-Timing: " + timing + b"\r\n",
            response.body,
            response.length,
        )
