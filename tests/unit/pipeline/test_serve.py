"""The life of a request, without a socket."""

import gc
import weakref

import pytest

from gateway.definitions.rest_api import AuthorizationType, Method, RestApi
from gateway.definitions.stage import CanarySettings, Stage
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest
from tests.builders import World, api, domain, mock, proxy, release, settings

FORBIDDEN = b'{"message":"Forbidden"}'
NO_TOKEN = b'{"message":"Missing Authentication Token"}'


def shop(*stages: Stage, **fields: object) -> World:
    definition = api(
        {"/pets": {"GET": mock(200, "all pets"), "POST": mock(201, "created")},
         "/pets/{id}": {"GET": mock(200, "pet $input.params('id')")},
         "/files/{proxy+}": {"ANY": mock(200, "file $input.params('proxy')")}}
    )  # fmt: skip
    return World(release(definition, *stages, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/dev/pets", b"all pets"),
        ("GET", "/dev/pets/", b"all pets"),
        ("GET", "//dev/pets?x=1", b"all pets"),
        ("POST", "/dev/pets", b"created"),
        ("GET", "/dev/pets/7%2F8", b"pet 7%2F8"),
        ("DELETE", "/dev/files/a//b/", b"file a//b"),
    ],
)
def test_a_request_is_answered_by_its_method(method: str, target: str, expected: bytes) -> None:
    assert shop().ask(method, target)[1].body == expected


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/dev/nope"), ("DELETE", "/dev/pets"), ("GET", "/dev/files"), ("GET", "/dev")],
)
def test_an_unknown_path_or_verb_is_missing_authentication_token(method: str, target: str) -> None:
    exchange, response = shop().ask(method, target)

    assert (response.status, response.body) == (403, NO_TOKEN)
    assert b"x-amzn-ErrorType: MissingAuthenticationTokenException\r\n" in response.head
    assert exchange.identity is not None
    assert exchange.identity.stage == "dev"


def test_a_refused_request_leaves_nothing_to_the_garbage_collector() -> None:
    """It would keep the snapshot, for ever if the next release comes before a collection."""
    world = shop(Stage(stage_name="dev"))
    hosts = ["example.com", "shop.execute-api.local"]
    gc.collect()
    statuses = [world.ask("GET", "/nope/pets", host=host)[1].status for host in hosts]

    assert gc.collect() == 0
    assert statuses == [403, 403]


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("shop.execute-api.local", "/nope/pets"),
        ("nope.execute-api.local", "/dev/pets"),
        ("example.com", "/pets"),
        ("api.example.com", "/pets"),
        ("127.0.0.1", "/"),
    ],
)
def test_an_unknown_host_api_stage_or_base_path_is_forbidden(host: str, target: str) -> None:
    world = shop(domains=(domain("api.example.com", store="dev"),))
    _, response = world.ask("GET", target, host=host)

    assert (response.status, response.body) == (403, FORBIDDEN)
    assert b"x-amzn-ErrorType: ForbiddenException\r\n" in response.head


@pytest.mark.parametrize(
    ("host", "target", "context_path", "base_path"),
    [
        ("shop.execute-api.eu-west-1.amazonaws.com", "/dev/pets", "/dev/pets", None),
        ("localhost", "/restapis/shop/dev/_user_request_/pets", "/dev/pets", None),
        ("localhost", "/_aws/execute-api/shop/dev/pets", "/dev/pets", None),
        ("api.example.com", "/store/pets", "/store/pets", "store"),
        ("api.example.com", "/any/dev/pets", "/any/dev/pets", "any"),
        ("api.example.com", "/pets", "/pets", "(none)"),
        ("eu.example.org", "/dev/pets", "/dev/pets", "(none)"),
    ],
)
def test_every_form_of_address_reaches_the_stage(
    host: str, target: str, context_path: str, base_path: str | None
) -> None:
    domains = (
        domain("api.example.com", none="dev", store="dev", any="(none)"),
        domain("*.example.org", none="(none)"),
    )
    exchange, response = shop(domains=domains).ask("GET", target, host=host)

    assert response.body == b"all pets"
    assert (exchange.context_path, exchange.base_path) == (context_path, base_path)


def test_a_disabled_default_endpoint_is_forbidden_but_the_domain_serves() -> None:
    definition = api(
        {"/pets": {"GET": mock()}},
        rest_api=RestApi(name="Shop", disable_execute_api_endpoint=True),
    )
    world = World(release(definition, domains=(domain("api.example.com", none="dev"),)))

    assert world.status("GET", "/dev/pets") == 403
    assert world.status("GET", "/pets", host="api.example.com") == 200


@pytest.mark.parametrize(
    "method",
    [
        Method(integration=mock(), authorization_type=AuthorizationType.AWS_IAM),
        Method(integration=mock(), authorization_type=AuthorizationType.CUSTOM),
        Method(integration=mock(), request_validator_id="v1"),
        Method(),
    ],
)
def test_a_method_is_never_served_without_what_it_asks_for(method: Method) -> None:
    exchange, response = World(release(api({"/pets": {"GET": method}}))).ask()

    assert (response.status, response.body) == (500, b'{"message":"Internal server error"}')
    assert exchange.fault is not None
    assert exchange.fault.detail.startswith("Execution failed due to configuration error: ")


def test_a_policy_blocks_every_method_of_its_api() -> None:
    world = World(release(api({"/pets": {"GET": mock()}}, rest_api=RestApi(name="x", policy="{}"))))

    assert world.status() == 500


def test_a_throttled_method_answers_429_and_others_go_on() -> None:
    limits = settings(pets__GET={"throttlingRateLimit": 10, "throttlingBurstLimit": 2})
    world = shop(Stage(stage_name="dev", method_settings=limits))
    statuses = [world.status() for _ in range(3)]
    _, refused = world.ask()

    assert statuses == [200, 200, 429]
    assert refused.body == b'{"message":"Too Many Requests"}'
    assert world.status("POST") == 201
    world.clock.time += 0.1
    assert world.status() == 200


@pytest.mark.parametrize("zero", ["throttlingRateLimit", "throttlingBurstLimit"])
def test_a_limit_of_zero_blocks(zero: str) -> None:
    limits = settings(all_={zero: 0})

    assert shop(Stage(stage_name="dev", method_settings=limits)).status() == 429


def test_the_account_limit_counts_all_methods_together() -> None:
    world = shop(account=(10.0, 2))
    statuses = [world.status(), world.status("POST"), world.status()]

    assert statuses == [200, 201, 429]


def test_a_refused_request_costs_no_token_of_another_bucket() -> None:
    limits = settings(pets__GET={"throttlingRateLimit": 1, "throttlingBurstLimit": 1})
    world = shop(Stage(stage_name="dev", method_settings=limits), account=(10.0, 2))
    statuses = [world.status(), world.status(), world.status("POST")]

    assert statuses == [200, 429, 201]


def test_the_canary_takes_its_share_with_its_own_variables() -> None:
    old = api({"/pets": {"GET": mock(200, "old $stageVariables.name")}})
    new = api({"/pets": {"GET": mock(200, "new $stageVariables.name")}})
    stage = Stage(
        stage_name="dev",
        deployment_id="d1",
        variables={"name": "a"},
        canary_settings=CanarySettings(
            percent_traffic=10.0, deployment_id="d2", stage_variable_overrides={"name": "b"}
        ),
    )
    world = World(release({"d1": old, "d2": new}, stage))
    world.drawn = 0.0999
    canary_exchange, canary = world.ask()
    world.drawn = 0.1
    base_exchange, base = world.ask()

    assert (canary.body, base.body) == (b"new b", b"old a")
    assert canary_exchange.identity is not None
    assert canary_exchange.identity.is_canary is True
    assert base_exchange.identity is not None
    assert base_exchange.identity.is_canary is False


def test_an_undefined_variable_in_a_uri_is_a_500() -> None:
    world = World(release(api({"/pets": {"GET": proxy("http://${stageVariables.nope}/x")}})))
    exchange, response = world.ask()

    assert response.status == 500
    assert exchange.fault is not None
    assert "Invalid endpoint address" in exchange.fault.detail


def timed_out(_request: IntegrationRequest) -> EndpointResponse:
    raise Fault(GatewayResponseType.INTEGRATION_TIMEOUT)


@pytest.mark.parametrize(
    ("target", "status"),
    [("/nope/pets", 403), ("/dev/key", 403), ("/dev/timeout", 504)],
)
def test_a_refused_request_is_freed_with_its_snapshot_without_a_collection(
    target: str, status: int
) -> None:
    """Garbage in cycles would be frozen with the next snapshot, and keep this one for good."""
    world = World(
        release(
            api(
                {
                    "/key": {"GET": Method(integration=mock(), api_key_required=True)},
                    "/timeout": {"GET": proxy()},
                }
            )
        )
    )
    world.endpoints.answer = timed_out
    gc.disable()
    try:
        exchange, response = world.ask(target=target)
        assert (response.status, exchange.fault is None) == (status, False)
        fault = weakref.ref(exchange.fault)
        del exchange
        assert fault() is None
    finally:
        gc.enable()
