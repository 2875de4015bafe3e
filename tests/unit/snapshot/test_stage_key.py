"""Facts about what a compiled stage depends on."""

import gc
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.definitions.stage import CanarySettings, Stage
from gateway.release import Release
from gateway.snapshot import CompiledStage, finish
from gateway.snapshot.compiled import CompiledMethod
from gateway.snapshot.stage_key import StageKey, StageSlots
from gateway.throttle import Meter
from tests.builders import World, api, joined, mock, release, settings

PETS = api({"/pets": {"GET": mock(200, "one"), "POST": mock()}, "/cats": {"GET": mock()}})
LIMITS = settings(
    all_={"throttlingRateLimit": 10, "throttlingBurstLimit": 10, "metricsEnabled": True}
)
CANARY = CanarySettings(percent_traffic=50.0)
DEV = Stage(stage_name="dev", method_settings=LIMITS, canary_settings=CANARY)
QA = Stage(stage_name="qa", method_settings=LIMITS)
PLACES = [("/pets", "GET"), ("/pets", "POST"), ("/cats", "GET")]


def slots(served: Release, stage_name: str = "dev") -> StageSlots:
    """Return a stage's slots, as workers hold them."""
    return StageSlots(
        replace(
            served,
            bucket_slots=joined("account", served.bucket_slots),
            metric_slots=joined("", served.metric_slots),
        ),
        "shop",
        stage_name,
    )


def moved(served: Release, **moves: int) -> Release:
    """Return a release in which what ends like a name is at another index."""
    names = {"bucket": "/dev/pets#POST", "block": "/dev/base/pets#POST", "stage": "/dev/canary"}
    others = {f"shop{names[name]}": index for name, index in moves.items()}

    def other(table: Mapping[str, int]) -> dict[str, int]:
        return {identity: others.get(identity, index) for identity, index in table.items()}

    return replace(
        served, bucket_slots=other(served.bucket_slots), metric_slots=other(served.metric_slots)
    )


def test_slots_are_those_of_the_release() -> None:
    served = release(PETS, DEV, QA)
    mine = slots(served)

    assert mine.bucket("/pets", "POST") == served.bucket_slots["shop/dev/pets#POST"]
    assert mine.bucket("/pets", "PUT") == 0
    assert mine.stage_block("canary") == served.metric_slots["shop/dev/canary"]
    assert (
        mine.method_block("base", "/cats", "GET") == served.metric_slots["shop/dev/base/cats#GET"]
    )
    assert mine.method_block("base", "/cats", "PUT") == 0
    assert repr(mine) == "<StageSlots of shop/dev>"


@pytest.mark.parametrize(
    ("moves", "is_like"),
    [({}, True), ({"bucket": 60}, False), ({"block": 61}, False), ({"stage": 62}, False)],
)
def test_a_stage_stays_as_long_as_all_of_it_is_where_it_was(
    *, moves: dict[str, int], is_like: bool
) -> None:
    served = release(PETS, DEV, QA)
    arms = [("base", lambda: PLACES), ("canary", lambda: PLACES)]

    assert finish(slots(moved(served, **moves)).are_like(slots(served), arms)) is is_like


def test_other_stages_of_the_api_do_not_count() -> None:
    served = release(PETS, DEV, QA)
    arms = [("base", lambda: PLACES)]

    assert finish(slots(moved(served, bucket=60), "qa").are_like(slots(served, "qa"), arms))


def test_buckets_that_are_the_same_say_nothing_of_blocks() -> None:
    served = release(PETS, DEV, QA)
    buckets = joined("account", served.bucket_slots)
    one, two = (
        StageSlots(
            replace(each, bucket_slots=buckets, metric_slots=joined("", each.metric_slots)),
            "shop",
            "dev",
        )
        for each in (served, moved(served, block=61))
    )

    assert not finish(one.are_like(two, [("base", lambda: PLACES)]))


def test_looking_at_many_methods_pauses_after_each() -> None:
    served = release(PETS, DEV, QA)
    steps = slots(served).are_like(slots(moved(served)), [("base", lambda: PLACES)])

    assert sum(1 for _ in steps) == 3


def test_what_is_not_equal_is_not_alike_whatever_the_slots() -> None:
    mine = slots(release(PETS, DEV, QA))

    assert finish(StageKey(("a",), mine, ()).is_like(StageKey(("a",), mine, ())))
    assert not finish(StageKey(("a",), mine, ()).is_like(StageKey(("b",), mine, ())))


def stage_of(world: World, name: str = "dev") -> CompiledStage:
    return world.cell.current.apis["shop"][name]


def rows(methods: list[CompiledMethod]) -> list[tuple[int, int]]:
    """Return bucket and block of each method."""
    return [(meter_of(each).index, each.metrics_block) for each in methods]


def meter_of(method: CompiledMethod) -> Meter:
    return method.meters[0]


def test_a_method_that_is_called_late_is_where_a_later_release_has_it() -> None:
    """The stage stays, since nothing of it has moved; the other stage's slots are others now."""
    served = release(PETS, DEV, QA)
    world = World(served)
    before = stage_of(world)
    later = release(PETS, DEV, replace(QA, description="changed"), revision=2)
    world.publish(later)

    assert stage_of(world) is before
    assert rows(list(before.base.methods)) == [
        (
            later.bucket_slots[f"shop/dev{path}#{verb}"],
            later.metric_slots[f"shop/dev/base{path}#{verb}"],
        )
        for path, verb in PLACES
    ]
    assert before.canary is not None
    assert [each.metrics_block for each in before.canary.methods] == [
        later.metric_slots[f"shop/dev/canary{path}#{verb}"] for path, verb in PLACES
    ]


def test_a_stage_of_which_anything_has_moved_is_bound_again() -> None:
    world = World(release(PETS, DEV, QA))
    before, other = stage_of(world), stage_of(world, "qa")
    world.publish(moved(release(PETS, DEV, QA, revision=2), bucket=60))

    assert stage_of(world) is not before
    assert stage_of(world, "qa") is other
    assert meter_of(stage_of(world).base.methods[1]).index == 60


def tables(world: World, name: str) -> set[int]:
    """Return which tables of slots a stage looks into."""
    slots = world.cell.current.stage_keys["shop"][name].slots
    return {id(each) for each in gc.get_referents(slots) if isinstance(each, dict)}


def test_a_stage_that_stays_keeps_no_earlier_release() -> None:
    """Each would keep the slots of all stages of its API, every stage those of another release."""
    world = World(release(PETS, DEV, QA))
    before, looked_into, releases = stage_of(world), tables(world, "dev"), alive(Release)
    world.publish(release(PETS, DEV, replace(QA, description="changed"), revision=2))

    assert stage_of(world) is before
    assert len(looked_into) == 2
    assert looked_into != tables(world, "dev") == tables(world, "qa")
    assert alive(Release) == releases


def test_what_is_bound_late_keeps_no_release() -> None:
    world = World(release(PETS, DEV, QA))
    releases = alive(Release)
    world.publish(release(PETS, replace(DEV, description="changed"), QA, revision=2))

    assert alive(Release) == releases
    assert world.ask()[1].status == 200


def alive(kind: type) -> int:
    """Count the objects of a class, without what earlier tests left in cycles."""
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())
