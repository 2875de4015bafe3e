"""Facts about how a worker comes from one snapshot to the next."""

import asyncio
import gc
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pytest

from gateway.errors import ConfigurationError, Problem
from gateway.release import Release
from gateway.release.encode import encode_release
from gateway.release.parts import digests_of
from gateway.release.recorded import RecordedDeployment
from gateway.snapshot import Snapshot, compile_release
from gateway.snapshot.compiled import CompiledDeployment
from gateway.snapshot.deployments import compile_recorded
from gateway.worker import applier
from gateway.worker.applier import Applier
from gateway.worker.shelf import PartShelf
from gateway.worker.slicing import IDLE_SLICE_SECONDS, SLICE_SECONDS, in_slices
from tests.builders import NOTHING, FakeClock, World, api, mock, release

PETS = api({"/pets": {"GET": mock(200, "one")}})
OTHER = api({"/pets": {"GET": mock(200, "two")}})


class Bench:
    """An applier with everything around it; `outcomes` has what it told."""

    def __init__(self) -> None:
        self.world = World(release(PETS))
        self.shelf = PartShelf()
        self.outcomes: list[tuple[str, int]] = []
        self.settled: list[int] = []
        self.at_settled: Callable[[], None] = lambda: None
        self.compiled: list[int] = []
        self.deployments: list[str] = []
        self.earlier: list[str | None] = []
        self.thresholds: list[tuple[int, int, int]] = []
        self.failure: Exception | None = None
        self.applier = Applier(
            cell=None,
            shelf=self.shelf,
            compiler=self,
            clock=FakeClock(),
            on_applied=lambda snapshot, _: self.outcomes.append(("applied", snapshot.revision)),
            on_settled=self.note_settled,
            on_refused=lambda revision, *_: self.outcomes.append(("refused", revision)),
        )

    def note_settled(self, snapshot: Snapshot) -> None:
        self.settled.append(snapshot.revision)
        self.at_settled()

    def empty(self) -> Snapshot:
        return self.world.compiled(NOTHING)

    def compile_deployment(
        self, recorded: RecordedDeployment, earlier: CompiledDeployment | None
    ) -> Generator[None, None, CompiledDeployment]:
        self.deployments.append(recorded.deployment.id)
        self.earlier.append(None if earlier is None else earlier.id)
        return compile_recorded(recorded, earlier)

    def compile_release(self, made: Release, previous: Snapshot) -> Generator[None, None, Snapshot]:
        self.compiled.append(made.revision)
        self.thresholds.append(gc.get_threshold())
        if self.failure is not None:
            raise self.failure
        yield
        return (yield from compile_release(made, previous, self.world.binding))

    def offer(self, made: Release) -> Mapping[str, str]:
        parts = encode_release(made)
        for part in parts.values():
            self.shelf.put(part)
        self.applier.offer(made.revision, digests_of(parts))
        return digests_of(parts)

    async def told(self, count: int) -> list[tuple[str, int]]:
        while len(self.outcomes) < count:  # noqa: ASYNC110 (what is told has no event)
            await asyncio.sleep(0)
        return self.outcomes

    async def done(self, count: int) -> list[int]:
        while len(self.settled) < count:  # noqa: ASYNC110 (what is told has no event)
            await asyncio.sleep(0)
        return self.settled

    @property
    def current(self) -> Snapshot:
        assert self.applier.cell is not None
        return self.applier.cell.current


async def test_a_release_is_served_once_it_is_compiled() -> None:
    bench = Bench()
    bench.offer(release(PETS, revision=1))

    assert bench.applier.cell is None
    assert await bench.told(1) == [("applied", 1)]
    assert bench.current.revision == 1


async def test_the_next_release_builds_on_the_one_that_is_served() -> None:
    bench = Bench()
    bench.offer(release(PETS, revision=1))
    await bench.told(1)
    first = bench.current
    cell = bench.applier.cell
    bench.offer(release(PETS, revision=2))
    await bench.told(2)

    assert bench.applier.cell is cell
    assert bench.deployments == ["d1"]
    assert bench.current.deployments["d1"] is first.deployments["d1"]


async def test_of_releases_that_come_meanwhile_only_the_last_is_compiled() -> None:
    bench = Bench()
    for revision in (1, 2, 3):
        bench.offer(release(PETS, revision=revision))
    await bench.told(1)
    bench.offer(release(PETS, revision=4))
    bench.offer(release(PETS, revision=5))

    await bench.told(2)
    assert bench.outcomes[-1] == ("applied", 5)
    assert 4 not in bench.compiled


@pytest.mark.parametrize(
    "failure", [ConfigurationError((Problem("x", "wrong"),)), RuntimeError("a bug")]
)
async def test_what_cannot_be_compiled_is_refused_and_the_old_one_stays(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    bench.offer(release(PETS, revision=1))
    await bench.told(1)
    bench.failure = failure
    bench.offer(release({"d2": OTHER}, revision=2))

    assert await bench.told(2) == [("applied", 1), ("refused", 2)]
    assert bench.current.revision == 1
    assert "release 2 is not served" in caplog.text

    bench.failure = None
    bench.offer(release({"d2": OTHER}, revision=3))
    await bench.told(3)
    assert bench.current.revision == 3
    assert bench.deployments == ["d1", "d2"]


async def test_a_bug_after_the_swap_keeps_no_release_from_coming(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.offer(release(PETS, revision=1))
    await bench.done(1)

    def fail() -> None:
        bench.at_settled = lambda: None
        bench.offer(release({"d3": PETS}, revision=3))
        raise RuntimeError("a bug")

    bench.at_settled = fail
    bench.offer(release({"d2": OTHER}, revision=2))

    assert await bench.done(3) == [1, 2, 3]
    assert bench.current.revision == 3
    assert "release 2 is not told of as served" in caplog.text


async def test_a_missing_part_is_an_error_of_the_offer() -> None:
    bench = Bench()

    with pytest.raises(ConfigurationError, match="is missing"):
        bench.applier.offer(1, {"settings": "x"})


@pytest.fixture
def without_collection() -> Iterator[None]:
    """Collect what earlier tests left in cycles, and nothing from then on."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collection")
async def test_reference_counts_alone_free_the_snapshot_before() -> None:
    """The garbage collector looks at nothing that a snapshot consists of."""
    bench = Bench()
    bench.offer(release({"old": PETS}, revision=1))
    await bench.told(1)
    bench.offer(release({"new": OTHER}, revision=2))
    await bench.done(2)
    await asyncio.sleep(0)
    gc.unfreeze()
    alive = {each.id for each in gc.get_objects() if isinstance(each, CompiledDeployment)}

    assert "new" in alive
    assert "old" not in alive


async def test_until_somebody_can_connect_slices_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[float] = []

    async def noted(
        steps: Generator[None, None, Any],
        now: Callable[[], float],
        seconds: float = SLICE_SECONDS,
    ) -> tuple[Any, float]:
        slices.append(seconds)
        return await in_slices(steps, now, seconds)

    monkeypatch.setattr(applier, "in_slices", noted)
    bench = Bench()
    for revision in (1, 2):
        bench.offer(release(PETS, revision=revision))
        await bench.done(revision)

    # The last is for what frees the snapshot before.
    assert slices == [IDLE_SLICE_SECONDS, SLICE_SECONDS, SLICE_SECONDS]


async def test_what_a_start_makes_is_not_looked_at_by_the_garbage_collector() -> None:
    bench = Bench()
    bench.offer(release(PETS, revision=1))
    await bench.done(1)

    assert gc.get_freeze_count() > 0


@pytest.mark.parametrize("failure", [None, ConfigurationError((Problem("x", "wrong"),))])
async def test_while_a_release_is_compiled_collections_are_small(failure: Exception | None) -> None:
    before = gc.get_threshold()
    bench = Bench()
    bench.failure = failure
    bench.offer(release(PETS, revision=1))
    await bench.told(1)

    ((young, middle, old),) = bench.thresholds
    assert young < before[0]
    assert middle > 1_000
    assert old == before[2]
    assert gc.get_threshold() == before


class Ring:
    """Garbage in a cycle, as a request may leave it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("without_collection")
@pytest.mark.parametrize(("work_seconds", "is_frozen"), [(0.0, False), (1.0, True)])
async def test_no_garbage_of_requests_is_frozen(
    monkeypatch: pytest.MonkeyPatch, *, work_seconds: float, is_frozen: bool
) -> None:
    """Neither what they leave before a release, nor while it is compiled or told of."""
    monkeypatch.setattr(applier, "_MUCH_WORK_SECONDS", 0.5)
    bench = Bench()
    bench.offer(release(PETS, revision=1))
    await bench.done(1)
    gc.collect()
    gc.unfreeze()

    async def beside_requests(
        steps: Generator[None, None, Any],
        now: Callable[[], float],
        seconds: float = SLICE_SECONDS,
    ) -> tuple[Any, float]:
        Ring()
        result, _ = await in_slices(steps, now, seconds)
        Ring()
        return result, work_seconds

    monkeypatch.setattr(applier, "in_slices", beside_requests)
    bench.offer(release({"d2": OTHER}, revision=2))
    await bench.done(2)
    assert (gc.get_freeze_count() > 0) is is_frozen
    gc.collect()
    gc.unfreeze()

    assert not any(isinstance(each, Ring) for each in gc.get_objects())


async def test_the_first_api_of_a_gateway_that_served_nothing_is_told_of() -> None:
    bench = Bench()
    bench.offer(NOTHING)
    await bench.done(1)
    bench.offer(release(PETS, revision=2))

    async with asyncio.timeout(10):
        assert await bench.done(2) == [0, 2]


async def test_a_deployment_is_compiled_beside_the_newest_of_its_api() -> None:
    bench = Bench()
    for revision, id_ in enumerate(["d1", "d2", "d3"], start=1):
        bench.offer(release({id_: PETS if revision < 3 else OTHER}, revision=revision))
        await bench.done(revision)

    assert bench.deployments == ["d1", "d2", "d3"]
    assert bench.earlier == [None, "d1", "d2"]


async def test_a_release_is_told_of_once_the_one_before_is_freed() -> None:
    bench = Bench()
    bench.offer(release({"old": PETS}, revision=1))
    await bench.done(1)
    held = bench.current.deployments["old"].methods[0]
    users: list[int] = []
    bench.at_settled = lambda: users.append(sys.getrefcount(held))
    bench.offer(release({"new": OTHER}, revision=2))
    await bench.done(2)

    # This test's, and that of the call.
    assert users == [2]


@pytest.mark.parametrize(("seconds", "calls"), [(0.0, 0), (1.0, 1)])
def test_memory_is_given_back_after_much_work(
    monkeypatch: pytest.MonkeyPatch, seconds: float, calls: int
) -> None:
    trimmed: list[int] = []
    monkeypatch.setattr(applier, "_malloc_trim", trimmed.append)
    applier.give_back(seconds)

    assert trimmed == [0] * calls
