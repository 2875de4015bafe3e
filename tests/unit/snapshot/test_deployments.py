"""Facts about deployments whose methods are compiled when they are called first."""

from typing import NoReturn

import pytest

from gateway.definitions.integration import IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method
from gateway.definitions.stage import AccessLogSettings, Stage
from gateway.release.encode import encode_deployment
from gateway.release.recorded import RecordedDeployment, read_deployment, unreadable
from gateway.snapshot import CompiledDeployment, deployments, finish
from gateway.snapshot.deployments import NOT_COMPILED, compile_deployment, compile_recorded
from tests.builders import World, api, declared, mock, proxy, release

SHARED = declared(proxy("http://backend.test/{id}"))
PETS = api(
    {
        "/pets": {"GET": declared(mock(200, "one"))},
        "/pets/{id}": {"GET": SHARED},
        "/cats/{id}": {"GET": SHARED},
        "/dogs/{dog}": {"GET": SHARED},
        "/ftp": {"GET": proxy("ftp://x")},
    }
)


def recorded(definition: ApiDefinition) -> RecordedDeployment:
    return finish(read_deployment(encode_deployment(release(definition).deployments["d1"])))


def compiled(
    definition: ApiDefinition, earlier: CompiledDeployment | None = None
) -> CompiledDeployment:
    return finish(compile_recorded(recorded(definition), earlier))


def test_a_method_is_compiled_when_it_is_asked_for_and_forgotten_as_text() -> None:
    deployment = compiled(PETS)
    assert list(deployment.methods.asked_for()) == []
    found = deployment.routes.find("/pets", "GET")
    assert found is not None
    plan = deployment.methods[found[0]]

    assert (plan.resource_path, plan.http_method) == ("/pets", "GET")
    assert list(deployment.methods.asked_for()) == [plan]
    assert deployment.recorded is not None
    texts = [each for each in deployment.recorded.pieces() if isinstance(each, bytes)]
    assert [not each for each in texts] == [True, False, False]


def test_it_is_compiled_to_the_same_as_beforehand() -> None:
    late = compiled(PETS)
    before = finish(compile_deployment(release(PETS).deployments["d1"], []))

    def shown(deployment: CompiledDeployment) -> list[tuple[object, ...]]:
        return [
            (
                each.resource_path,
                each.resource_id,
                each.http_method,
                each.refusal,
                each.cache_key,
                each.is_key_required,
                each.is_streamed,
                type(each.integration),
            )
            for each in deployment.methods
        ]

    assert shown(late) == shown(before)
    assert list(late.places()) == list(before.places())
    assert list(late.routes) == list(before.routes)
    assert (late.id, late.api_name, late.endpoint_type) == ("d1", "Shop", "REGIONAL")


def test_equal_methods_share_what_is_made_of_them_where_paths_name_the_same() -> None:
    methods = compiled(PETS).methods

    assert methods[2].integration is methods[1].integration
    assert methods[3].integration is None
    assert "{id}" in (methods[3].refusal or "")


def test_a_method_of_another_version_is_its_own_500() -> None:
    late = recorded(PETS)
    late.add_text({"unheardOf": 1})
    late.add("/odd", "", {"GET": 3})
    methods = finish(compile_recorded(late)).methods

    assert methods[5].integration is None
    assert "resources./odd.GET" in (methods[5].refusal or "")
    assert methods[0].integration is not None


def test_what_cannot_be_read_is_never_served_open() -> None:
    late = finish(compile_recorded(unreadable("d1")))

    assert late.id == "d1"
    assert {plan.resource_path for plan in late.methods} == {"/", "/{proxy+}"}
    assert all(plan.integration is None and plan.refusal for plan in late.methods)


def test_a_deployment_with_the_methods_of_an_earlier_one_has_its_routes() -> None:
    one = compiled(api({"/pets": {"GET": mock(200, "one")}}))
    two = compiled(api({"/pets": {"GET": mock(200, "two")}}), one)
    other = compiled(api({"/pets": {"PUT": mock(200, "one")}}), one)

    assert two.routes is one.routes
    assert two.methods[0].integration is not one.methods[0].integration
    assert other.routes.find("/pets", "GET") is None


def failing(*_arguments: object) -> NoReturn:
    raise RuntimeError("a bug")


def test_a_method_that_a_bug_keeps_from_being_compiled_is_its_own_500_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    definition = api({"/pets": {"GET": proxy()}, "/cats": {"GET": mock(200, "cat")}})
    logged = AccessLogSettings(destination="a.log", format="json")
    world = World(release(definition, Stage(stage_name="dev", access_log_settings=logged)))
    monkeypatch.setitem(deployments._COMPILERS, IntegrationType.HTTP_PROXY, failing)
    answers = [world.ask() for _ in range(3)]

    assert [response.status for _, response in answers] == [500] * 3
    details = [exchange.fault.detail for exchange, _ in answers if exchange.fault]
    assert [detail.endswith(NOT_COMPILED) for detail in details] == [True] * 3
    scopes = [exchange.scope for exchange, _ in answers]
    assert all(scope is not None and scope.access_log is not None for scope in scopes)
    assert caplog.text.count("GET /pets of deployment d1 cannot be compiled") == 1
    assert caplog.text.count("RuntimeError: a bug") == 1
    assert world.status(target="/dev/cats") == 200


def test_a_method_that_a_bug_keeps_from_being_bound_is_its_own_500(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(release(api({"/pets": {"GET": proxy()}})))
    found = world.cell.current.deployments["d1"].methods[0].integration
    monkeypatch.setattr(type(found), "bind", failing)

    assert [world.status(), world.status()] == [500, 500]
    assert caplog.text.count("GET /pets of stage dev of API shop cannot be bound") == 1


def test_what_cannot_be_read_is_told_in_one_line_however_much_is_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    late = recorded(PETS)
    late.add_text({f"unheardOf{n}": 1 for n in range(1000)})
    late.add("/odd", "", {"GET": 3})
    plan = finish(compile_recorded(late)).methods[5]

    assert len(plan.refusal or "") < 300
    assert caplog.text.count("\n") == 1
    assert "GET /odd of deployment d1 cannot be read and answers 500" in caplog.text
    assert next(reversed([each for each in late.pieces() if isinstance(each, bytes)])) == b""


def test_a_method_that_requires_a_key_requires_it_when_it_is_compiled_late() -> None:
    closed = Method(integration=mock(200, "one"), api_key_required=True)
    (plan,) = compiled(api({"/pets": {"GET": closed}})).methods

    assert plan.is_key_required
    assert World(release(api({"/pets": {"GET": closed}}))).status() == 403
