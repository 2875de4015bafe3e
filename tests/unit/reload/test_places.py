from __future__ import annotations

import dataclasses

from gateway.definitions.stage import MethodSetting, Stage
from gateway.release import Release
from gateway.release.encode import encode_release
from gateway.reload.places import Places
from tests.builders import api, mock, release

SETTINGS = {"*/*": MethodSetting(metrics_enabled=True)}
STAGE = Stage(stage_name="prod", deployment_id="d1", method_settings=SETTINGS)


def measured(path: str = "/pets", file: str | None = "shop.yaml") -> Release:
    """Return a release of the APIs `shop` and `other`, each of one method, with slots."""
    made = release(api({path: {"GET": mock(200, "one")}}))
    deployment = next(iter(made.deployments.values()))
    stages = {
        api_id: {"prod": dataclasses.replace(STAGE, deployment_id=deployment.id)}
        for api_id in ("shop", "other")
    }
    return dataclasses.replace(
        made,
        stages=stages,
        files={} if file is None else {"shop": file},
        bucket_slots={
            "account": 0, f"shop/prod{path}#GET": 1, f"other/prod{path}#GET": 2,
        },
        metric_slots={
            "": 0, "shop/prod/base": 1, "other/prod/base": 2,
            f"shop/prod/base{path}#GET": 3, f"other/prod/base{path}#GET": 4,
        },
    )  # fmt: skip


def taken(made: Release) -> Places:
    places = Places()
    places.take(made.stages, made.deployments)
    return places


def test_needs_are_those_of_all_apis_in_order() -> None:
    places = taken(measured())

    assert list(places.buckets()) == ["shop/prod/pets#GET", "other/prod/pets#GET"]
    assert list(places.stage_blocks()) == ["shop/prod/base", "other/prod/base"]
    assert list(places.method_blocks()) == [
        "shop/prod/base/pets#GET",
        "other/prod/base/pets#GET",
    ]
    assert repr(places) == "<Places of 2 APIs>"


def test_parts_are_what_the_release_encodes_as() -> None:
    made = measured()
    parts = encode_release(made)

    assert taken(made).parts(made) == {key: parts[key] for key in ("api/shop", "api/other")}


def test_what_did_not_change_is_not_encoded_again() -> None:
    made = measured()
    places = taken(made)
    before = places.parts(made)
    traced = dataclasses.replace(made.stages["shop"]["prod"], tracing_enabled=True)
    changed = dataclasses.replace(made, stages={**made.stages, "shop": {"prod": traced}})
    places.take(changed.stages, changed.deployments)
    after = places.parts(changed)

    assert after["api/other"] is before["api/other"]
    assert after["api/shop"] is not before["api/shop"]


def test_a_part_is_made_anew_for_another_file_or_another_slot() -> None:
    made = measured()
    places = taken(made)
    before = places.parts(made)["api/shop"]
    slots = {**made.metric_slots, "shop/prod/base": 9}
    for other in (
        measured(file=None),
        dataclasses.replace(made, metric_slots=slots),
        dataclasses.replace(made, bucket_slots={**made.bucket_slots, "shop/prod/pets#GET": 7}),
    ):
        again = dataclasses.replace(other, stages=made.stages)
        places.take(again.stages, again.deployments)
        part = places.parts(again)["api/shop"]

        assert part == encode_release(again)["api/shop"]
        assert part.digest != before.digest


def test_a_block_that_was_not_granted_is_in_no_part() -> None:
    made = measured()
    slots = {name: index for name, index in made.metric_slots.items() if "shop" not in name}
    fewer = dataclasses.replace(made, metric_slots=slots)

    assert taken(fewer).parts(fewer)["api/shop"] == encode_release(fewer)["api/shop"]
