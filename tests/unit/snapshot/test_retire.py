"""Facts about how a snapshot is let go of."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.definitions.stage import CanarySettings, Stage
from gateway.release import Release
from gateway.snapshot.compiled import CompiledDeployment, CompiledMethod, MethodPlan
from gateway.snapshot.retire import retire
from tests.builders import World, api, mock, release

COUNT = 100
OLD = api({f"/old{n}/{{id}}": {"GET": mock(200, "old")} for n in range(COUNT)})
KEPT = api({"/kept": {"GET": mock(200, "kept")}})


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Leave all that is there before a test out of `alive`, which would else take long."""
    gc.collect()
    gc.freeze()
    yield
    gc.collect()
    gc.freeze()


def alive() -> int:
    """Count what snapshots consist of for the most part."""
    kinds = {kind.__name__ for kind in (CompiledMethod, MethodPlan, CompiledDeployment)}
    # Of the routes: private to their module.
    kinds.add("_Node")
    return sum(type(each).__name__ in kinds for each in gc.get_objects())


def call_everything(world: World) -> None:
    """Have every method compiled, as calls do."""
    for stage in world.cell.current.apis["shop"].values():
        list(stage.base.methods)
        list(() if stage.canary is None else stage.canary.methods)


def swap(world: World, served: Release) -> list[int]:
    """Serve another release; return how many objects each step has freed of the one before."""
    before = world.cell.current
    world.publish(served)
    steps = retire(before, world.cell.current)
    del before
    counts = [alive()]
    counts += [alive() for _ in steps]
    return [earlier - later for earlier, later in itertools.pairwise(counts)]


def test_what_only_the_snapshot_before_held_is_freed_a_few_at_a_time() -> None:
    world = World(release({"old": OLD}))
    call_everything(world)
    made = alive()
    freed = swap(world, release({"new": KEPT}, revision=2))

    # A method and its plan for each path, and two places of the routes.
    assert made > 4 * COUNT
    # The new deployment and two places of its routes: its method was not called.
    assert alive() == 3
    assert sum(freed) == made
    assert max(freed) <= 9


@pytest.mark.parametrize("is_called", [True, False])
def test_no_step_frees_much_whatever_a_snapshot_consists_of(*, is_called: bool) -> None:
    """Counted in blocks of memory: methods that share nothing, with ids of their own."""
    definition = api(
        {
            f"/{n}/{{id}}": {"GET": mock(200, f"answer {n} $input.params('id')")}
            for n in range(4 * COUNT)
        }
    )
    resources = [replace(each, id=f"r{n}") for n, each in enumerate(definition.resources)]
    world = World(release({"old": replace(definition, resources=tuple(resources))}))
    if is_called:
        call_everything(world)
    before = world.cell.current
    world.publish(release({"new": KEPT}, revision=2))
    steps = retire(before, world.cell.current)
    del before
    # What was left in cycles until now would else be freed in some step.
    gc.collect()
    blocks = [sys.getallocatedblocks()]
    blocks += [sys.getallocatedblocks() for _ in steps]
    freed = [earlier - later for earlier, later in itertools.pairwise(blocks)]

    # Each reading takes a block itself.
    assert sum(freed) + len(freed) > 4 * COUNT * (20 if is_called else 8)
    assert max(freed) < 2 * COUNT


def test_routes_that_are_shared_stay_until_nobody_uses_them() -> None:
    world = World(release({"d1": OLD}))
    nodes = alive()
    changed = api({each.path: {"GET": mock(200, "new")} for each in OLD.resources})
    for id_ in ("d2", "d3"):
        both = {id_: changed, "d1": OLD}
        stages = [Stage(stage_name=name, deployment_id=name) for name in both]
        world.publish(release(both, *stages, revision=2))
    # One deployment more, and its routes are those of the other.
    assert alive() == nodes + 1
    swap(world, release({"d3": changed}, revision=3))
    assert world.ask(target="/dev/old7/1")[1].body == b"new"
    swap(world, release({"new": KEPT}, revision=4))

    assert alive() == 3


def test_what_the_next_snapshot_uses_stays() -> None:
    stages = [
        Stage(stage_name="same", deployment_id="kept"),
        Stage(
            stage_name="dev",
            deployment_id="kept",
            canary_settings=CanarySettings(deployment_id="old", percent_traffic=10.0),
        ),
    ]
    definitions = {"kept": KEPT, "old": OLD}
    world = World(release(definitions, *stages))
    call_everything(world)
    same = world.cell.current.apis["shop"]["same"]
    plain = Stage(stage_name="dev", deployment_id="kept")
    freed = swap(world, release({"kept": KEPT}, stages[0], plain, revision=2))

    # The canary's methods, their plans and places of the routes, the root among these, their
    # deployment, and the stage's own method.
    assert sum(freed) == 4 * COUNT + 3
    assert max(freed) <= 9
    assert world.cell.current.apis["shop"]["same"] is same
    assert world.ask(target="/same/kept")[1].status == 200


def test_a_stage_that_is_used_still_keeps_its_methods() -> None:
    world = World(release({"old": OLD}))
    used = world.cell.current.apis["shop"]["dev"]
    swap(world, release({"new": KEPT}, revision=2))

    assert len(used.base.methods) == COUNT
    assert used.base.routes.find("/old7/1", "GET") is not None


def test_a_snapshot_that_served_nothing_is_let_go_of() -> None:
    world = World(release({"new": KEPT}))
    nothing = world.compiled(Release(revision=0, digest="", region="", account=""))

    assert set(retire(nothing, world.cell.current)) == {None}
    assert world.ask(target="/dev/kept")[1].status == 200
