"""Time series of the table's blocks: who a block belongs to, and the text of its samples.

The text is made here, from templates prepared when a release comes, and not by prometheus-client:
20,000 samples take it 155 ms, during which the control process answers nobody; this takes 15.
`exposition` adds everything else through prometheus-client. Tests hold the two to one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import add, sub
from typing import Final

from gateway.telemetry.metrics import (
    BLOCK_CELLS,
    BUCKETS,
    CACHE_HITS,
    CACHE_MISSES,
    HEADER_CELLS,
    INTEGRATION_BUCKETS,
    INTEGRATION_SUM,
    LATENCY_BOUNDS,
    LATENCY_BUCKETS,
    LATENCY_SUM,
    NO_METHOD,
    QUOTA_EXCEEDED,
    REQUESTS,
    SHADOW_REASONS,
    SHADOWED,
    STATUS_CLASSES,
    THROTTLED,
    segment_bytes,
)

Arm = tuple[str, str, str]
"""API id, stage name, and `base` or `canary`."""

_USUAL: Final = tuple(STATUS_CLASSES.index(name) for name in ("2xx", "3xx", "4xx", "5xx"))
_RARE: Final = tuple(i for i in range(len(STATUS_CLASSES)) if i not in _USUAL)
"""Classes that appear with their first request."""


@dataclass(frozen=True, slots=True)
class BlockLabels:
    """Who a block belongs to."""

    arm: Arm
    resource: str = ""
    """Resource path; empty for the block of a stage's arm."""
    method: str = ""
    """HTTP method as defined, a verb or ANY; empty likewise."""

    @staticmethod
    def parse(identity: str) -> BlockLabels:
        """Read a block's identity.

        >>> BlockLabels.parse("petstore/prod/base/pets/{petId}#GET")
        BlockLabels(arm=('petstore', 'prod', 'base'), resource='/pets/{petId}', method='GET')

        Raises:
            ValueError: it is not of the form `{api}/{stage}/{arm}[{resource path}#{METHOD}]`.
        """
        match identity.split("/", 3):
            case [api, stage, arm]:
                return BlockLabels((api, stage, arm))
            case [api, stage, arm, rest] if "#" in rest:
                path, _, method = rest.rpartition("#")
                return BlockLabels((api, stage, arm), "/" + path, method)
        raise ValueError(
            f"block identity {identity!r} is not API/STAGE/ARM or API/STAGE/ARM/PATH#METHOD"
        )

    def text(self) -> str:
        """Return the labels as they stand between braces."""
        api, stage, arm = self.arm
        canary = "true" if arm == "canary" else "false"
        text = f'api="{_escaped(api)}",stage="{_escaped(stage)}",canary="{canary}"'
        if not self.method:
            return text
        return f'{text},resource="{_escaped(self.resource)}",method="{_escaped(self.method)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class _Templates:
    """The samples of one label set by family, with the values left open."""

    __slots__ = (
        "_labels",
        "_prefix",
        "_requests_name",
        "hits",
        "integration",
        "latency",
        "misses",
        "requests",
        "throttled",
    )

    def __init__(self, prefix: str, labels: str) -> None:
        escaped = labels.replace("%", "%%")
        comma = "," if labels else ""
        braces = f"{{{escaped}}}" if labels else ""
        self._prefix = prefix
        self._labels = labels + comma
        self._requests_name = f"{prefix}requests_total"
        self.requests = "".join(
            f'{prefix}requests_total{{{escaped}{comma}status_class="{STATUS_CLASSES[i]}"}} %d\n'
            for i in _USUAL
        )
        self.throttled = f"{prefix}throttled_requests_total{braces} %d\n"
        self.hits = f"{prefix}cache_hits_total{braces} %d\n"
        self.misses = f"{prefix}cache_misses_total{braces} %d\n"
        self.latency = _histogram(f"{prefix}request_duration_seconds", escaped, comma, braces)
        self.integration = _histogram(
            f"{prefix}integration_duration_seconds", escaped, comma, braces
        )

    def requests_text(self, cells: list[float]) -> str:
        """Return the request counts; the rare classes only once they happened."""
        text = self.requests % tuple([cells[REQUESTS + i] for i in _USUAL])
        for i in _RARE:
            if cells[REQUESTS + i]:
                labels = f'{self._labels}status_class="{STATUS_CLASSES[i]}"'
                text += f"{self._requests_name}{{{labels}}} {cells[REQUESTS + i]:.0f}\n"
        return text

    def latency_text(self, cells: list[float]) -> str:
        return self.latency % _histogram_values(cells, LATENCY_BUCKETS, LATENCY_SUM)

    def integration_text(self, cells: list[float]) -> str:
        return self.integration % _histogram_values(cells, INTEGRATION_BUCKETS, INTEGRATION_SUM)

    def throttled_text(self, cells: list[float]) -> str:
        return self.throttled % cells[THROTTLED]

    def quota_text(self, cells: list[float]) -> str:
        """Return the refusals for quotas, once there was one: most stages have no plan."""
        count = cells[QUOTA_EXCEEDED]
        braces = f"{{{self._labels.rstrip(',')}}}"
        return f"{self._prefix}quota_exceeded_requests_total{braces} {count:.0f}\n" if count else ""

    def shadow_text(self, cells: list[float]) -> str:
        """Return what throttles in shadow would have refused, once there was something."""
        text = ""
        for i, reason in enumerate(SHADOW_REASONS):
            if cells[SHADOWED + i]:
                labels = f'{self._labels}reason="{reason}"'
                name = f"{self._prefix}shadow_refused_requests_total"
                text += f"{name}{{{labels}}} {cells[SHADOWED + i]:.0f}\n"
        return text


def _histogram(name: str, labels: str, comma: str, braces: str) -> str:
    bounds = [*(repr(bound) for bound in LATENCY_BOUNDS), "+Inf"]
    lines = [f'{name}_bucket{{{labels}{comma}le="{bound}"}} %d\n' for bound in bounds]
    return "".join([*lines, f"{name}_sum{braces} %r\n", f"{name}_count{braces} %d\n"])


def _histogram_values(cells: list[float], buckets: int, total: int) -> tuple[float, ...]:
    counts = tuple(accumulate(cells[buckets : buckets + BUCKETS]))
    return (*counts, cells[total], counts[-1])


_HELP: Final = {
    "requests_total": ("counter", "Requests answered{}, by class of the status code."),
    "throttled_requests_total": ("counter", "Requests refused by a throttle{}."),
    "quota_exceeded_requests_total": (
        "counter",
        "Requests refused because a usage plan's quota was spent{}.",
    ),
    "shadow_refused_requests_total": (
        "counter",
        "Requests let in that throttles and quotas in shadow would have refused{}, by reason.",
    ),
    "cache_hits_total": ("counter", "Requests answered from the stage's cache{}."),
    "cache_misses_total": (
        "counter",
        "Requests that the stage's cache could not answer{}, of methods that cache.",
    ),
    "request_duration_seconds": (
        "histogram",
        "Time from a request's head to its answer's last byte{}.",
    ),
    "integration_duration_seconds": (
        "histogram",
        "Time from sending a request to a backend until the head of its answer{}.",
    ),
}


def _header(prefix: str, family: str, scope: str) -> str:
    kind, sentence = _HELP[family]
    name = prefix + family
    return f"# HELP {name} {sentence.format(scope)}\n# TYPE {name} {kind}\n"


_ARM_PREFIX: Final = "stagegate_"
_METHOD_PREFIX: Final = "stagegate_method_"
_UNMATCHED_PREFIX: Final = "stagegate_unmatched_"


class BlockSeries:
    """Reads the blocks of all workers. Single user: the control process's thread.

    Counters never go back while their labels live: a block that changes hands leaves what it
    counted with its stage arm, and starts from zero for its new owner.
    """

    def __init__(self, table: memoryview[float], *, workers: int, block_capacity: int) -> None:
        self._table = table
        self._segments = [
            worker * (segment_bytes(block_capacity) // table.itemsize) + HEADER_CELLS
            for worker in range(workers)
        ]
        self._labels: dict[int, BlockLabels] = {}
        self._retired: dict[int, BlockLabels] = {}
        """Blocks without an owner: requests begun under an older release may still count there."""
        self._since: dict[int, list[float]] = {}
        """What a block held when its owner got it. At first, when a control process takes over a
        table in use, what all blocks hold: it does not know whose that was."""
        self._carried: dict[Arm, list[float]] = {}
        """What blocks that changed hands counted for an arm that lives on."""
        self._templates: dict[BlockLabels, _Templates] = {}
        self._unmatched = _Templates(_UNMATCHED_PREFIX, "")
        for block in range(block_capacity):
            cells = self._read(block)
            if block != NO_METHOD and any(cells):
                self._since[block] = cells

    def __repr__(self) -> str:
        return f"<BlockSeries {len(self._labels)} labelled, {len(self._retired)} retired blocks>"

    def relabel(self, blocks: Mapping[str, int]) -> None:
        """Say who the blocks belong to from now on, as `{identity: block}`; before workers know.

        Block 0 is nobody's, whatever it is called.

        Raises:
            ValueError: an identity cannot be read; nothing has changed then.
        """
        labels = {
            block: BlockLabels.parse(identity)
            for identity, block in blocks.items()
            if block != NO_METHOD
        }
        for block, new in labels.items():
            old = self._labels.get(block) or self._retired.pop(block, None)
            if old is not None and old != new:
                self._hand_over(block, old.arm)
        for block, old in self._labels.items():
            if block not in labels:
                self._retired[block] = old
        self._labels = labels
        living = {new.arm for new in labels.values()}
        for arm in [arm for arm in self._carried if arm not in living]:
            del self._carried[arm]
        self._templates = {
            new: self._templates.get(new) or _Templates(_prefix_of(new), new.text())
            for new in [*labels.values(), *(BlockLabels(arm) for arm in living)]
        }

    def _hand_over(self, block: int, arm: Arm) -> None:
        counted = self._counted(block)
        carried = self._carried.get(arm)
        self._carried[arm] = counted if carried is None else list(map(add, carried, counted))
        self._since[block] = self._read(block)

    def _read(self, block: int) -> list[float]:
        """Return a block's cells, summed over the workers."""
        start = block * BLOCK_CELLS
        rows = [
            list(self._table[segment + start : segment + start + BLOCK_CELLS])
            for segment in self._segments
        ]
        if len(rows) == 1:
            return rows[0]
        return [sum(column, 0.0) for column in zip(*rows, strict=True)]

    def _counted(self, block: int) -> list[float]:
        """Return what a block counted for its owner."""
        cells = self._read(block)
        since = self._since.get(block)
        return cells if since is None else list(map(sub, cells, since))

    def _totals(self, methods: Mapping[int, list[float]]) -> dict[Arm, list[float]]:
        """Return what each arm counted: its own block, its methods' blocks, and what is past."""
        totals = {arm: list(cells) for arm, cells in self._carried.items()}
        owned = ((labels.arm, methods[block]) for block, labels in self._labels.items())
        past = ((old.arm, self._counted(block)) for block, old in self._retired.items())
        living = {labels.arm for labels in self._labels.values()}
        for arm, cells in (*owned, *(pair for pair in past if pair[0] in living)):
            total = totals.get(arm)
            totals[arm] = cells if total is None else list(map(add, total, cells))
        return totals

    def text(self) -> str:
        """Return the samples of all blocks in Prometheus's text format."""
        counted = {block: self._counted(block) for block in self._labels}
        templates = self._templates
        arms = [
            (templates[BlockLabels(arm)], cells) for arm, cells in self._totals(counted).items()
        ]
        methods = [
            (templates[labels], counted[block])
            for block, labels in self._labels.items()
            if labels.method
        ]
        unmatched = [(self._unmatched, self._read(NO_METHOD))]
        return "".join(
            [
                *_families(_ARM_PREFIX, " by a stage", arms),
                *_families(_METHOD_PREFIX, " by a method with metrics of its own", methods),
                _header(_UNMATCHED_PREFIX, "requests_total", " that reached no stage"),
                *(template.requests_text(cells) for template, cells in unmatched),
            ]
        )


def _prefix_of(labels: BlockLabels) -> str:
    return _METHOD_PREFIX if labels.method else _ARM_PREFIX


def _families(
    prefix: str, scope: str, rows: Iterable[tuple[_Templates, list[float]]]
) -> Iterator[str]:
    """Yield the families, the samples of each together as the format demands."""
    rows = list(rows)
    if not rows:
        return
    yield _header(prefix, "requests_total", scope)
    yield from [templates.requests_text(cells) for templates, cells in rows]
    yield _header(prefix, "throttled_requests_total", scope)
    yield from [templates.throttled_text(cells) for templates, cells in rows]
    yield _header(prefix, "quota_exceeded_requests_total", scope)
    yield from [templates.quota_text(cells) for templates, cells in rows]
    yield _header(prefix, "shadow_refused_requests_total", scope)
    yield from [templates.shadow_text(cells) for templates, cells in rows]
    # As CloudWatch's: there are none for what caches nothing.
    if caching := [row for row in rows if row[1][CACHE_HITS] or row[1][CACHE_MISSES]]:
        yield _header(prefix, "cache_hits_total", scope)
        yield from [templates.hits % cells[CACHE_HITS] for templates, cells in caching]
        yield _header(prefix, "cache_misses_total", scope)
        yield from [templates.misses % cells[CACHE_MISSES] for templates, cells in caching]
    yield _header(prefix, "request_duration_seconds", scope)
    yield from [templates.latency_text(cells) for templates, cells in rows]
    yield _header(prefix, "integration_duration_seconds", scope)
    yield from [templates.integration_text(cells) for templates, cells in rows]
