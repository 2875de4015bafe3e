"""Facts about compiling a release."""

from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.stage import Deployment, Stage
from gateway.errors import Problem
from gateway.snapshot import finish
from gateway.snapshot.compiled import CompiledMethod
from gateway.snapshot.deployments import compile_deployment
from gateway.snapshot.on_demand import OnDemand
from tests.builders import World, api, declared, domain, mock, proxy, release

PETS = api({"/pets": {"GET": mock(200, "one")}})
OTHER = api({"/pets": {"GET": mock(200, "two")}})


def test_an_unchanged_deployment_is_not_compiled_again() -> None:
    world = World(release({"d1": PETS, "d2": OTHER}))
    before = world.cell.current
    world.publish(release({"d1": PETS, "d2": OTHER}, revision=2))

    assert world.cell.current.deployments["d1"] is before.deployments["d1"]
    assert world.cell.current.apis["shop"]["dev"] is before.apis["shop"]["dev"]
    assert world.cell.current.revision == 2


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


def served(world: World) -> OnDemand[CompiledMethod]:
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


def test_deployments_without_gateway_responses_of_their_own_share_awss() -> None:
    world = World(release({"d1": PETS, "d2": OTHER}))
    one, two = world.cell.current.deployments.values()

    assert one.gateway_responses is two.gateway_responses
