"""What HTTP sends and returns: only what is mapped (semantics sheet 10.3 to 10.5, 10.8)."""

import pytest

from gateway.definitions.integration import (
    Integration,
    IntegrationResponse,
    IntegrationType,
    PassthroughBehavior,
)
from gateway.definitions.rest_api import Method
from gateway.messages import EndpointResponse
from gateway.streams import BodyError, BodyStream
from tests.builders import FakeProducer, World, api, body, release


def world(**fields: object) -> World:
    responses = fields.pop("responses", {"200": IntegrationResponse()})
    integration = Integration(
        type=IntegrationType.HTTP,
        uri="http://backend.test/items/{id}?fixed=1",
        integration_responses=responses,  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )
    return World(release(api({"/pets/{id}": {"ANY": integration}})))


def test_no_header_of_the_client_leaks() -> None:
    shop = world()
    shop.ask("POST", "/dev/pets/7?q=1", headers={"X-A": "b", "Content-Type": "text/plain"})
    head = shop.endpoints.head()

    assert head[:6] == [
        "POST /items/7?fixed=1 HTTP/1.1",
        "Host: backend.test",
        "Accept: application/json",
        "User-Agent: AmazonAPIGateway_shop",
        "X-Amzn-Apigateway-Api-Id: shop",
        head[5],
    ]
    assert head[5].startswith("X-Amzn-Trace-Id: Root=1-")
    assert head[6:] == ["Content-Type: text/plain"]


def test_a_get_has_no_content_type() -> None:
    shop = world()
    shop.ask("GET", "/dev/pets/7", headers={"Content-Type": "text/plain"})

    assert not any(line.startswith("Content-Type") for line in shop.endpoints.head())


def test_mapped_parameters_are_sent_and_override_ours() -> None:
    shop = world(
        request_parameters={
            "integration.request.header.accept": "'text/csv'",
            "integration.request.querystring.kind": "method.request.querystring.q",
            "integration.request.path.id": "'fixed id'",
        }
    )
    shop.ask("GET", "/dev/pets/7?q=a&q=b%26c")
    head = shop.endpoints.head()

    assert head[0] == "GET /items/fixed%20id?fixed=1&kind=b%26c HTTP/1.1"
    assert "accept: text/csv" in head
    assert "Accept: application/json" not in head


def test_a_matching_template_makes_the_backends_body() -> None:
    shop = world(request_templates={"application/json": '{"id": "$input.params(\'id\')"}'})
    shop.ask("POST", "/dev/pets/7", content=body(b"ignored"))

    assert shop.endpoints.requests[0].body == b'{"id": "7"}'


def test_without_a_matching_template_the_body_passes_or_is_refused() -> None:
    templates = {"application/json": "x"}
    passing = world(request_templates=templates)
    never = world(
        request_templates=templates, passthrough_behavior=PassthroughBehavior.WHEN_NO_TEMPLATES
    )
    headers = {"Content-Type": "text/plain"}

    passing.ask("POST", "/dev/pets/7", headers=headers, content=body(b"text"))
    assert passing.endpoints.requests[0].body == b"text"
    assert never.status("POST", "/dev/pets/7", headers=headers, content=body(b"text")) == 415


def test_the_clients_status_is_the_integration_responses() -> None:
    shop = world(
        responses={
            "200": IntegrationResponse(),
            "502": IntegrationResponse(selection_pattern="5.."),
        }
    )
    shop.endpoints.answer = lambda _request: EndpointResponse(404, [], b"no")
    assert shop.ask("GET", "/dev/pets/7")[1].status == 200
    shop.endpoints.answer = lambda _request: EndpointResponse(503, [], b"no")

    assert shop.ask("GET", "/dev/pets/7")[1].status == 502


def test_only_mapped_headers_of_the_answer_reach_the_client() -> None:
    shop = world(
        responses={
            "200": IntegrationResponse(
                response_parameters={
                    "method.response.header.X-Kind": "integration.response.header.Kind",
                    "method.response.header.X-Name": "integration.response.body.name",
                    "method.response.header.Server": "'ours'",
                }
            )
        }
    )
    shop.endpoints.answer = lambda _request: EndpointResponse(
        200, [(b"Kind", b"cat"), (b"Secret", b"s")], b'{"name":"Tom"}'
    )
    response = shop.ask("GET", "/dev/pets/7")[1]

    assert response.head.startswith(
        b"X-Kind: cat\r\nX-Name: Tom\r\nx-amzn-Remapped-Server: ours\r\n"
        b"Content-Type: application/json\r\nX-Amzn-Trace-Id: Root=1-"
    )
    assert response.head.count(b"\r\n") == 5
    assert response.body == b'{"name":"Tom"}'


def test_a_response_template_replaces_the_body_and_lets_the_backend_go() -> None:
    shop = world(responses={"200": IntegrationResponse(response_templates={"text/plain": "done"})})
    producer = FakeProducer()
    stream = BodyStream(producer, None)
    shop.endpoints.answer = lambda _request: EndpointResponse(200, [], stream)
    response = shop.ask("GET", "/dev/pets/7")[1]

    assert response.body == b"done"
    assert response.head.startswith(b"Content-Type: text/plain\r\nX-Amzn-Trace-Id: Root=1-")
    assert producer.calls == ["abandon"]


@pytest.mark.parametrize("answer", [b"{oops", BodyError("gone")])
def test_a_broken_body_that_is_mapped_is_a_5xx(answer: bytes | BodyError) -> None:
    shop = world(
        responses={
            "200": IntegrationResponse(
                response_parameters={"method.response.header.X": "integration.response.body.name"}
            )
        }
    )

    def respond(_request: object) -> EndpointResponse:
        if isinstance(answer, bytes):
            return EndpointResponse(200, [], answer)
        stream = BodyStream(FakeProducer(), None)
        stream.fail(answer)
        return EndpointResponse(200, [], stream)

    shop.endpoints.answer = respond

    assert shop.ask("GET", "/dev/pets/7")[1].status in {500, 502}


def test_a_broken_selection_pattern_is_its_methods_500() -> None:
    shop = world(responses={"200": IntegrationResponse(selection_pattern="(")})

    assert shop.status("GET", "/dev/pets/7") == 500


def test_a_selected_status_that_the_method_does_not_declare_is_a_500() -> None:
    integration = Integration(
        type=IntegrationType.HTTP,
        uri="http://backend.test/",
        integration_responses={"200": IntegrationResponse()},
    )
    shop = World(release(api({"/pets": {"GET": Method(integration=integration)}})))
    exchange, response = shop.ask()

    assert response.status == 500
    assert exchange.fault is not None
    assert "invalid method response: 200" in exchange.fault.detail
