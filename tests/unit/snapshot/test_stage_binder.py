"""Facts about stages bound to the deployments they point at."""

import dataclasses

from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.integration import ConnectionType
from gateway.definitions.stage import AccessLogSettings, CanarySettings, Stage
from gateway.release import Release
from gateway.snapshot.compiled import CompiledMethod
from gateway.snapshot.on_demand import OnDemand
from tests.backend_certificates import self_signed
from tests.builders import World, api, declared, mock, proxy, release, settings

PETS = api({"/pets": {"GET": mock(200, "one")}})
OTHER = api({"/pets": {"GET": mock(200, "two")}})


def served(world: World) -> OnDemand[CompiledMethod]:
    return world.cell.current.apis["shop"]["dev"].base.methods


def test_a_changed_setting_binds_its_stage_again_and_not_the_others() -> None:
    stages = (Stage(stage_name="dev"), Stage(stage_name="prod"))
    world = World(release(PETS, *stages))
    before = world.cell.current.apis["shop"]
    limited = Stage(stage_name="dev", method_settings=settings(all_={"throttlingRateLimit": 0}))
    world.publish(release(PETS, limited, stages[1], revision=2))
    after = world.cell.current.apis["shop"]

    assert after["prod"] is before["prod"]
    assert world.status("GET", "/dev/pets") == 429
    assert world.status("GET", "/prod/pets") == 200


def test_a_bucket_keeps_its_tokens_over_a_release() -> None:
    limits = settings(all_={"throttlingRateLimit": 1, "throttlingBurstLimit": 2})
    world = World(release(PETS, Stage(stage_name="dev", method_settings=limits)))
    spent = [world.status(), world.status(), world.status()]
    world.publish(
        release(PETS, Stage(stage_name="dev", description="x", method_settings=limits), revision=2)
    )

    assert spent == [200, 200, 429]
    assert world.status() == 429


def test_what_stages_have_in_common_is_made_once() -> None:
    """A changed API is bound anew beside traffic: its log is not compiled again for that."""
    definition = api({"/pets": {"GET": mock(), "POST": mock()}})

    def dev(description: str) -> Stage:
        return Stage(
            stage_name="dev",
            description=description,
            access_log_settings=AccessLogSettings(destination="logs/a.log", format="json"),
        )

    world = World(release(definition, dev("before"), account=(10.0, 10)))
    before = served(world)
    world.publish(release(definition, dev("after"), account=(10.0, 10), revision=2))
    after = served(world)

    assert after[0] is not before[0]
    assert after[0].access_log is not None
    assert after[0].access_log is before[0].access_log
    assert after[0].meters[-1] is after[1].meters[-1]


def test_metrics_go_to_the_methods_block_where_metrics_are_enabled() -> None:
    definition = api({"/pets": {"GET": mock(), "POST": mock()}})
    stage = Stage(stage_name="dev", method_settings=settings(pets__GET={"metricsEnabled": True}))
    served = release(definition, stage)
    methods = World(served).cell.current.apis["shop"]["dev"].base.methods

    assert methods[0].metrics_block == served.metric_slots["shop/dev/base/pets#GET"]
    assert methods[1].metrics_block == served.metric_slots["shop/dev/base"]


def test_a_canary_without_a_deployment_of_its_own_serves_the_stages() -> None:
    stage = Stage(stage_name="dev", canary_settings=CanarySettings(percent_traffic=100.0))

    assert World(release(PETS, stage)).ask()[1].body == b"one"


def test_all_stages_share_the_accounts_meter_as_long_as_its_limits_stay() -> None:
    """Workers trust a bucket for each meter that they have of it."""
    stages = (Stage(stage_name="dev"), Stage(stage_name="qa"))
    changed = (stages[0], Stage(stage_name="qa", description="x"))
    world = World(release(PETS, *stages, account=(10.0, 10)))

    def meters() -> set[int]:
        compiled = world.cell.current.apis["shop"].values()
        return {id(stage.base.methods[0].meters[-1]) for stage in compiled}

    before = meters()
    world.publish(release(PETS, *changed, account=(10.0, 10), revision=2))
    assert len(before) == 1
    assert meters() == before
    assert world.status("GET", "/qa/pets") == 200

    world.publish(release(PETS, *changed, account=(0.0, 0), revision=3))
    assert len(meters()) == 1
    assert world.status("GET", "/qa/pets") == 429


def test_account_limits_take_part_in_what_a_stage_depends_on() -> None:
    world = World(release(PETS))
    world.publish(dataclasses.replace(release(PETS, account=(0.0, 0)), revision=2))

    assert world.status() == 429


def test_a_changed_region_or_account_id_is_every_methods() -> None:
    first = release(PETS)
    second = dataclasses.replace(first, region="eu-central-1", revision=2)
    third = dataclasses.replace(second, account="210987654321", revision=3)
    world = World(first)
    named = []
    for each in (second, third):
        world.publish(each)
        identity = world.cell.current.apis["shop"]["dev"].base.methods[0].identity
        named.append((identity.region, identity.account_id))

    assert named == [("eu-central-1", first.account), ("eu-central-1", "210987654321")]


def test_stages_with_other_variables_share_no_address() -> None:
    uri = "http://${stageVariables.host}/"
    stages = [Stage(stage_name=name, variables={"host": f"{name}.test"}) for name in ("dev", "qa")]
    world = World(release(api({"/a": {"GET": declared(proxy(uri))}}), *stages))
    compiled = world.cell.current.apis["shop"]
    addresses = {
        name: integration.describe()["backend"]
        for name in ("dev", "qa")
        if (integration := compiled[name].base.methods[0].integration) is not None
    }

    assert addresses == {"dev": "http://dev.test/", "qa": "http://qa.test/"}


def test_an_address_without_stage_variables_is_worked_out_once_for_all_stages() -> None:
    stages = (Stage(stage_name="dev"), Stage(stage_name="qa"))
    world = World(release(api({"/a": {"GET": proxy()}}), *stages))
    one, two = (
        stage.base.methods[0].integration for stage in world.cell.current.apis["shop"].values()
    )

    assert one is not two
    assert one._uri is two._uri  # type: ignore[union-attr]


def test_a_rotated_certificate_binds_its_stages_again_and_no_others() -> None:
    definition = api({"/pets": {"GET": proxy("https://backend.test/")}})
    stages = (Stage(stage_name="dev", client_certificate_id="a"), Stage(stage_name="open"))
    old, new = self_signed().client("a"), self_signed().client("a")

    def served(certificate: ClientCertificate, revision: int) -> Release:
        made = release(definition, *stages, revision=revision)
        return dataclasses.replace(made, client_certificates={"a": certificate})

    world = World(served(old, 1))
    before = world.cell.current.apis["shop"]
    same = served(old, 2)
    world.publish(dataclasses.replace(same, stages=world.cell.current.sources))
    assert world.cell.current.apis["shop"] is before
    # The API's part of the release did not change: only the certificate did.
    world.publish(dataclasses.replace(served(new, 3), stages=world.cell.current.sources))
    after = world.cell.current.apis["shop"]

    assert after["open"] is before["open"]
    world.ask(target="/dev/pets")
    world.ask(target="/open/pets")
    assert [each.origin.client_certificate for each in world.endpoints.requests] == [new, None]


def test_a_certificate_that_nobody_has_closes_https_and_nothing_else() -> None:
    definition = api(
        {
            "/pets": {"GET": proxy("https://backend.test/")},
            "/plain": {"GET": proxy("http://backend.test/")},
        }
    )
    world = World(release(definition, Stage(stage_name="dev", client_certificate_id="lost")))
    exchange, response = world.ask()

    assert response.status == 500
    assert exchange.fault is not None
    assert "client certificate lost is not there" in exchange.fault.detail
    assert world.status(target="/dev/plain") == 200


def test_a_link_whose_addresses_change_binds_its_stages_again() -> None:
    link = proxy(
        "http://shop.internal/", connection_type=ConnectionType.VPC_LINK, connection_id="shop"
    )
    made = release(api({"/pets": {"GET": link}}))
    world = World(made)
    assert world.status() == 500
    world.publish(dataclasses.replace(made, vpc_links={"shop": ("10.0.0.5",)}, revision=2))
    assert world.status() == 200
    world.publish(dataclasses.replace(made, vpc_links={"shop": ("10.0.0.6",)}, revision=3))
    world.ask()

    assert [each.origin.targets for each in world.endpoints.requests] == [
        ("10.0.0.5",),
        ("10.0.0.6",),
    ]
