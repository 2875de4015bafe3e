"""The reserved paths of API hosts and custom domains."""

import pytest

from gateway.definitions.domain import DomainName, EndpointAccessMode
from gateway.definitions.rest_api import RestApi
from gateway.definitions.stage import Stage
from gateway.pipeline.health import HEALTH_BODY, healthy
from tests.builders import World, api, domain, mock, release

PING = {"/ping": {"GET": mock(200, "the API's")}, "/": {"GET": mock(200, "the root")}}
HOST = "shop.execute-api.local"


def shop(*stages: Stage, domains: tuple[DomainName, ...] = (), **rest_api: bool) -> World:
    definition = api(PING, rest_api=RestApi(name="Shop", **rest_api))  # type: ignore[arg-type]
    return World(release(definition, *stages, domains=domains))


@pytest.mark.parametrize("path", ["/ping", "/sping", "//ping", "/ping?x=1"])
@pytest.mark.parametrize("paths", [{}, {"none": "dev"}, {"ping": "dev"}])
@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST"])
def test_a_domain_answers_itself_whatever_it_maps(
    path: str, paths: dict[str, str], verb: str
) -> None:
    world = shop(domains=(domain("api.example.com", **paths),))

    exchange, response = world.ask(verb, path, host="api.example.com")

    assert (response.status, response.body) == (200, HEALTH_BODY)
    assert exchange.scope is None


@pytest.mark.parametrize("path", ["/ping/", "/ping/x", "/pingx", "/Ping", "/dev/ping"])
def test_other_paths_are_the_apis(path: str) -> None:
    world = shop(domains=(domain("api.example.com", none="(none)"),))

    assert world.ask("GET", path, host="api.example.com")[1].body != HEALTH_BODY
    assert world.ask("GET", path, host=HOST)[1].body != HEALTH_BODY


@pytest.mark.parametrize("stage", ["dev", "ping"])
@pytest.mark.parametrize("path", ["/ping", "/sping"])
def test_the_host_of_an_api_answers_too(stage: str, path: str) -> None:
    world = shop(Stage(stage_name=stage))

    assert world.ask("GET", path, host=HOST)[1].body == HEALTH_BODY
    assert world.ask("GET", f"/{stage}/ping", host=HOST)[1].body == b"the API's"


@pytest.mark.parametrize("host", ["nope.execute-api.local", "localhost", "127.0.0.1"])
def test_hosts_that_are_none_of_ours_are_forbidden(host: str) -> None:
    assert shop().status("GET", "/ping", host=host) == 403


def test_a_disabled_default_endpoint_has_none() -> None:
    world = shop(domains=(domain("api.example.com"),), disable_execute_api_endpoint=True)

    assert world.status("GET", "/ping", host=HOST) == 403
    assert world.status("GET", "/ping", host="api.example.com") == 200


def test_a_domain_whose_rules_are_not_met_has_none() -> None:
    strict = DomainName(
        domain_name="api.example.com", endpoint_access_mode=EndpointAccessMode.STRICT
    )

    assert shop(domains=(strict,)).status("GET", "/ping", host="api.example.com") >= 400


def test_each_answer_is_a_new_one() -> None:
    assert healthy() is not healthy()
