"""Facts about identities and what a release needs of the shared tables."""

from gateway.definitions.stage import CanarySettings, Stage
from gateway.release import (
    arms,
    bucket_identity,
    is_method_block,
    method_block_identity,
    required_blocks,
    required_buckets,
    stage_block_identity,
)
from gateway.release.release import identity_api
from tests.builders import api, mock, release, settings

PETS = api({"/": {"GET": mock()}, "/pets": {"GET": mock(), "POST": mock()}})
MORE = api({"/pets": {"GET": mock()}, "/dogs": {"ANY": mock()}})
CANARY = CanarySettings(percent_traffic=10, deployment_id="d2")


def test_identities_name_api_stage_and_method() -> None:
    assert bucket_identity("shop", "dev", "/pets", "GET") == "shop/dev/pets#GET"
    assert stage_block_identity("shop", "dev", "base") == "shop/dev/base"
    assert method_block_identity("shop", "dev", "canary", "/", "ANY") == "shop/dev/canary/#ANY"
    assert identity_api("shop/dev/pets#GET") == "shop"


def test_a_method_has_a_bucket_where_its_settings_have_an_entry() -> None:
    stage = Stage(stage_name="dev", method_settings=settings(pets__GET={"metricsEnabled": True}))
    made = release(PETS, Stage(stage_name="bare"), stage)

    assert list(required_buckets(made.stages, made.deployments)) == ["shop/dev/pets#GET"]


def test_every_method_has_a_bucket_where_all_have_settings() -> None:
    stage = Stage(stage_name="dev", method_settings=settings(all_={"throttlingRateLimit": 5}))
    made = release(PETS, stage)

    assert list(required_buckets(made.stages, made.deployments)) == [
        "shop/dev/#GET",
        "shop/dev/pets#GET",
        "shop/dev/pets#POST",
    ]


def test_base_and_canary_share_buckets_and_have_blocks_of_their_own() -> None:
    stage = Stage(
        stage_name="dev",
        deployment_id="d1",
        canary_settings=CANARY,
        method_settings=settings(all_={"metricsEnabled": True}),
    )
    made = release({"d1": MORE, "d2": MORE}, stage)
    blocks = list(required_blocks(made.stages, made.deployments))

    assert list(required_buckets(made.stages, made.deployments)) == [
        "shop/dev/pets#GET",
        "shop/dev/dogs#ANY",
    ]
    assert blocks == [
        "shop/dev/base",
        "shop/dev/canary",
        "shop/dev/base/pets#GET",
        "shop/dev/base/dogs#ANY",
        "shop/dev/canary/pets#GET",
        "shop/dev/canary/dogs#ANY",
    ]
    assert [is_method_block(block) for block in blocks] == [False] * 2 + [True] * 4


def test_a_method_without_metrics_has_no_block_of_its_own() -> None:
    made = release(PETS, Stage(stage_name="dev", method_settings=settings(all_={})))

    assert list(required_blocks(made.stages, made.deployments)) == ["shop/dev/base"]


def test_a_canary_without_a_deployment_serves_that_of_its_stage() -> None:
    stage = Stage(stage_name="dev", deployment_id="d1", canary_settings=CanarySettings())

    assert arms(stage) == (("base", "d1"), ("canary", "d1"))
