"""Facts about compiling a release."""

import dataclasses

from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.integration import ConnectionType
from gateway.definitions.stage import CanarySettings, Deployment, Stage
from gateway.errors import Problem
from gateway.release import Release
from gateway.snapshot import finish
from gateway.snapshot.compile import compile_deployment
from gateway.snapshot.compiled import CompiledMethod
from tests.backend_certificates import self_signed
from tests.builders import World, api, declared, domain, mock, proxy, release, settings

PETS = api({"/pets": {"GET": mock(200, "one")}})
OTHER = api({"/pets": {"GET": mock(200, "two")}})


def test_an_unchanged_deployment_is_not_compiled_again() -> None:
    world = World(release({"d1": PETS, "d2": OTHER}))
    before = world.cell.current
    world.publish(release({"d1": PETS, "d2": OTHER}, revision=2))

    assert world.cell.current.deployments["d1"] is before.deployments["d1"]
    assert world.cell.current.apis["shop"]["dev"] is before.apis["shop"]["dev"]
    assert world.cell.current.revision == 2


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


def test_moving_a_stage_to_another_deployment_moves_its_answers() -> None:
    both = {"d1": PETS, "d2": OTHER}
    world = World(release(both, Stage(stage_name="dev", deployment_id="d1")))
    assert world.ask()[1].body == b"one"
    world.publish(release(both, Stage(stage_name="dev", deployment_id="d2"), revision=2))
    assert world.ask()[1].body == b"two"
    world.publish(release(both, Stage(stage_name="dev", deployment_id="d1"), revision=3))

    assert world.ask()[1].body == b"one"


def test_compiling_stops_between_methods() -> None:
    definition = api({f"/r{index}": {"GET": mock()} for index in range(50)})
    served = release(definition)
    deployment = served.deployments["d1"]
    slices = compile_deployment(deployment, [])

    assert sum(1 for _ in slices) == 50


def test_one_method_that_cannot_be_compiled_is_its_own_500() -> None:
    definition = api({"/bad": {"GET": proxy("ftp://x")}, "/pets": {"GET": mock()}})
    world = World(release(definition))
    problems: list[Problem] = []
    finish(compile_deployment(release(definition).deployments["d1"], problems))

    assert world.status("GET", "/dev/bad") == 500
    assert world.status() == 200
    assert [problem.path for problem in problems] == ["resources./bad.GET.integration.uri"]


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


def test_a_domain_may_name_an_api_that_is_not_there() -> None:
    lost = DomainName(
        domain_name="x.test", base_path_mappings=(BasePathMapping(rest_api_id="gone", stage="p"),)
    )

    assert World(release(PETS, domains=(lost,))).status("GET", "/a", host="x.test") == 403


def test_a_domain_that_moves_to_another_stage_is_served_by_it() -> None:
    stages = (
        Stage(stage_name="a", deployment_id="d1"),
        Stage(stage_name="b", deployment_id="d2"),
    )
    both = {"d1": PETS, "d2": OTHER}
    world = World(release(both, *stages, domains=(domain("x.test", none="a"),)))
    first = world.ask("GET", "/pets", host="x.test")[1].body
    world.publish(release(both, *stages, domains=(domain("x.test", none="b"),), revision=2))

    assert (first, world.ask("GET", "/pets", host="x.test")[1].body) == (b"one", b"two")


def test_a_snapshot_says_what_it_is() -> None:
    assert repr(World(release(PETS)).cell.current) == "<Snapshot revision 1 digest-1, 1 stages>"


def test_account_limits_take_part_in_what_a_stage_depends_on() -> None:
    world = World(release(PETS))
    world.publish(dataclasses.replace(release(PETS, account=(0.0, 0)), revision=2))

    assert world.status() == 429


def served(world: World) -> tuple[CompiledMethod, ...]:
    return world.cell.current.apis["shop"]["dev"].base.methods


def test_resources_with_one_method_share_what_is_made_of_it() -> None:
    shared = declared(proxy("http://backend.test/{id}"))
    one, two, three = served(
        World(
            release(
                api({"/a/{id}": {"GET": shared}, "/b/{id}": {"GET": shared}, "/c": {"GET": mock()}})
            )
        )
    )

    assert one.integration is two.integration
    assert one.integration is not three.integration
    assert (one.identity.resource_path, two.identity.resource_path) == ("/a/{id}", "/b/{id}")


def test_other_path_variables_make_another_plan() -> None:
    shared = declared(proxy("http://backend.test/{id}"))
    problems: list[Problem] = []
    both = api({"/a/{id}": {"GET": shared}, "/b/{other}": {"GET": shared}})
    finish(compile_deployment(Deployment(id="d1", api_id="shop", definition=both), problems))

    assert [problem.path for problem in problems] == ["resources./b/{other}.GET.integration.uri"]


def test_a_problem_of_a_shared_method_is_told_for_each_resource() -> None:
    shared = declared(proxy("ftp://backend.test/"))
    problems: list[Problem] = []
    both = api({"/a": {"GET": shared}, "/b": {"GET": shared}})
    finish(compile_deployment(Deployment(id="d1", api_id="shop", definition=both), problems))

    assert [problem.path.split(".")[1] for problem in problems] == ["/a", "/b"]


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


def test_deployments_without_gateway_responses_of_their_own_share_awss() -> None:
    world = World(release({"d1": PETS, "d2": OTHER}))
    one, two = world.cell.current.deployments.values()

    assert one.gateway_responses is two.gateway_responses


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
