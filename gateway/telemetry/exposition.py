"""`/metrics`: reads the workers' table and tells Prometheus. Runs in the control process only.

Label values come from compiled configuration and fixed lists, never from a request.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.build import BUILD
from gateway.clock import Clock
from gateway.telemetry.metrics import (
    REFUSAL_REASONS,
    REFUSALS,
    Cell,
    segment_bytes,
)
from gateway.telemetry.series import BlockSeries

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `Exposition.render` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlValues:
    """What only the control process knows, at the moment of a scrape."""

    revision: int = 0
    """Of the newest release."""
    reloads_succeeded: int = 0
    reloads_failed: int = 0
    is_last_reload_successful: bool = True
    last_reload_success_epoch: float | None = None
    """Seconds since 1970; None: none yet."""
    last_reload_seconds: float | None = None
    """How long the last reload took, from reading files to the workers' acknowledgement."""
    series_budget: int = 0
    methods_without_detail: int = 0
    """Methods whose settings ask for metrics of their own and that found no room in the budget."""
    failed_logins: int = 0
    """Calls of the control API whose signature was refused."""
    certificate_expiries: Mapping[str, float] = field(default_factory=dict)
    """When the certificate that is served for a domain expires, seconds since 1970."""
    client_certificate_expiries: Mapping[str, float] = field(default_factory=dict)
    """When each client certificate that stages show to backends expires, the same, by id."""


@dataclass(frozen=True, slots=True)
class _WorkerFamily:
    """A family with one sample a worker, read from one cell."""

    cell: Cell
    name: str
    help: str
    is_counter: bool = False


_WORKER_FAMILIES: Final = (
    _WorkerFamily(
        Cell.START_TIME,
        "stagegate_worker_start_time_seconds",
        "When the worker process started, in seconds since 1970.",
    ),
    _WorkerFamily(
        Cell.REVISION,
        "stagegate_worker_release_revision",
        "Revision of the release that the worker serves.",
    ),
    _WorkerFamily(
        Cell.COMPILE_SECONDS,
        "stagegate_worker_last_compile_duration_seconds",
        "Time that the worker spent on compiling its last release.",
    ),
    _WorkerFamily(
        Cell.RELEASES_APPLIED,
        "stagegate_worker_releases_applied",
        "Releases that the worker compiled and serves or served.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.RELEASES_REFUSED,
        "stagegate_worker_releases_refused",
        "Releases that the worker could not use.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.CONNECTIONS_OPEN, "stagegate_client_connections", "Client connections that are open."
    ),
    _WorkerFamily(
        Cell.CONNECTIONS_LIMIT,
        "stagegate_client_connections_limit",
        "Client connections that the worker holds at most.",
    ),
    _WorkerFamily(
        Cell.CONNECTIONS_ACCEPTED,
        "stagegate_client_connections_accepted",
        "Client connections accepted.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.TLS_HANDSHAKES,
        "stagegate_client_tls_handshakes",
        "Client connections that completed a TLS handshake.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.REQUESTS_IN_FLIGHT, "stagegate_requests_in_flight", "Requests not yet answered."
    ),
    _WorkerFamily(
        Cell.BACKEND_CONNECTIONS_OPEN,
        "stagegate_backend_connections",
        "Connections to backends that are open.",
    ),
    _WorkerFamily(
        Cell.BACKEND_CONNECTIONS_OPENED,
        "stagegate_backend_connections_opened",
        "Connections to backends that were opened.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.BACKEND_CONNECTIONS_REUSED,
        "stagegate_backend_connections_reused",
        "Requests that went to a backend over a connection that was open already.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.BACKEND_CONNECTIONS_FAILED,
        "stagegate_backend_connections_failed",
        "Connections to backends that could not be opened.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.BACKEND_REQUESTS_RETRIED,
        "stagegate_backend_requests_retried",
        "Requests sent again because a connection that was open already turned out to be closed.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.BACKEND_REQUESTS_OVERFLOWED,
        "stagegate_backend_requests_overflowed",
        "Requests refused because too many waited for a connection to their backend.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.LOG_LINES_DROPPED,
        "stagegate_log_lines_dropped",
        "Lines of access and execution logs dropped because their destination was too slow.",
        is_counter=True,
    ),
    _WorkerFamily(
        Cell.UNEXPECTED_ERRORS,
        "stagegate_unexpected_errors",
        "Requests answered 500 because of a bug in the gateway.",
        is_counter=True,
    ),
)


class Exposition:
    """The whole table, rendered on demand. Single user: the control process's thread."""

    def __init__(
        self,
        table: memoryview[int] | memoryview[float],
        *,
        workers: int,
        block_capacity: int,
        clock: Clock,
    ) -> None:
        # Process
        self._cells: memoryview[float] = table.cast("B").cast("d")
        self._workers = workers
        self._segment_cells = segment_bytes(block_capacity) // self._cells.itemsize
        self._blocks = BlockSeries(self._cells, workers=workers, block_capacity=block_capacity)
        self._process = _ProcessCollector(self, clock)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._process)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def __repr__(self) -> str:
        return f"<Exposition of {self._workers} workers, {self._blocks!r}>"

    def relabel(self, blocks: Mapping[str, int]) -> None:
        """Say who the blocks belong to from now on, as `{identity: block}`.

        Call it with a release's `metric_slots` before the workers get the release: what a block
        counted until then stays with its former owner.

        Raises:
            ValueError: an identity cannot be read; nothing has changed then.
        """
        self._blocks.relabel(blocks)

    def render(self, values: ControlValues) -> bytes:
        """Return everything in Prometheus's text format, of type `CONTENT_TYPE`."""
        self._process.values = values
        return generate_latest(self._registry) + self._blocks.text().encode()

    def of_worker(self, worker: int, cell: int) -> float:
        """Return a process number of one worker, such as `Cell.REVISION`."""
        return self._cells[worker * self._segment_cells + cell]

    def of_workers(self, cell: int) -> list[float]:
        """Return a process number of every worker."""
        return [self.of_worker(worker, cell) for worker in range(self._workers)]


class _ProcessCollector(Collector):
    """The families that are no blocks: some 20 samples a worker, through prometheus-client."""

    def __init__(self, table: Exposition, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self.values = ControlValues()

    def collect(self) -> Iterator[Metric]:
        yield from self._of_control()
        yield from self._of_workers()
        refusals = CounterMetricFamily(
            "stagegate_edge_refusals",
            "Connections and requests refused before they reached an API, by reason.",
            labels=["reason"],
        )
        for position, reason in enumerate(REFUSAL_REASONS):
            refusals.add_metric([reason], sum(self._table.of_workers(REFUSALS + position)))
        yield refusals

    def _of_control(self) -> Iterator[Metric]:
        values = self.values
        build = GaugeMetricFamily(
            "stagegate_build_info",
            "Version of Stagegate and of its Python, and how it was built; always 1.",
            labels=["version", "python", "build"],
        )
        build.add_metric([__version__, platform.python_version(), BUILD], 1)
        yield build
        yield GaugeMetricFamily(
            "stagegate_release_revision", "Revision of the newest release.", value=values.revision
        )
        reloads = CounterMetricFamily(
            "stagegate_config_reloads", "Reloads of the files, by outcome.", labels=["outcome"]
        )
        reloads.add_metric(["success"], values.reloads_succeeded)
        reloads.add_metric(["failure"], values.reloads_failed)
        yield reloads
        yield GaugeMetricFamily(
            "stagegate_config_last_reload_successful",
            "Whether the last reload of the files succeeded: 1 or 0.",
            value=int(values.is_last_reload_successful),
        )
        if values.last_reload_success_epoch is not None:
            yield GaugeMetricFamily(
                "stagegate_config_last_reload_success_timestamp_seconds",
                "When the files were last reloaded with success, in seconds since 1970.",
                value=values.last_reload_success_epoch,
            )
        if values.last_reload_seconds is not None:
            yield GaugeMetricFamily(
                "stagegate_config_last_reload_duration_seconds",
                "Time from reading the files to the workers' acknowledgement.",
                value=values.last_reload_seconds,
            )
        yield GaugeMetricFamily(
            "stagegate_metrics_series_budget",
            "Time series that methods with metrics of their own may use.",
            value=values.series_budget,
        )
        yield GaugeMetricFamily(
            "stagegate_metrics_methods_without_detail",
            "Methods whose settings ask for metrics of their own and that the budget leaves out.",
            value=values.methods_without_detail,
        )
        yield from _by_label(
            "stagegate_certificate_expiry_timestamp_seconds",
            "When the certificate that a domain is served with expires, in seconds since 1970; "
            "the default certificate has an empty domain.",
            "domain",
            values.certificate_expiries,
        )
        yield from _by_label(
            "stagegate_client_certificate_expiry_timestamp_seconds",
            "When a client certificate that stages show to backends expires, in seconds since "
            "1970.",
            "certificate",
            values.client_certificate_expiries,
        )
        yield CounterMetricFamily(
            "stagegate_control_failed_logins",
            "Calls of the control API that were refused for their signature, or for having none.",
            value=values.failed_logins,
        )

    def _of_workers(self) -> Iterator[Metric]:
        table = self._table
        for family in _WORKER_FAMILIES:
            yield _by_worker(
                family.name, family.help, table.of_workers(family.cell), family.is_counter
            )
        yield _by_worker(
            "stagegate_worker_restarts",
            "How often the worker was replaced.",
            [max(0.0, starts - 1) for starts in table.of_workers(Cell.STARTS)],
            is_counter=True,
        )
        # The workers beat in time of CLOCK_MONOTONIC, which Prometheus does not know.
        offset = self._clock.epoch() - self._clock.now()
        yield _by_worker(
            "stagegate_worker_heartbeat_timestamp_seconds",
            "When the worker last said that it lives, in seconds since 1970.",
            [beat + offset if beat else 0.0 for beat in table.of_workers(Cell.HEARTBEAT)],
        )


def _by_label(
    name: str, text: str, label: str, values: Mapping[str, float]
) -> Iterator[GaugeMetricFamily]:
    """Yield a gauge with a sample for each value of its label; nothing where there is none."""
    if values:
        family = GaugeMetricFamily(name, text, labels=[label])
        for value, number in values.items():
            family.add_metric([value], number)
        yield family


def _by_worker(
    name: str, sentence: str, values: Iterable[float], is_counter: bool = False
) -> Metric:
    kind = CounterMetricFamily if is_counter else GaugeMetricFamily
    family = kind(name, sentence, labels=["worker"])
    for worker, value in enumerate(values):
        family.add_metric([str(worker)], value)
    return family
