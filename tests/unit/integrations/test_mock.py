"""Facts about MOCK (semantics sheet 10.6, 10.8)."""

import pytest

from gateway.definitions.integration import (
    Integration,
    IntegrationResponse,
    IntegrationType,
    PassthroughBehavior,
)
from tests.builders import World, api, body, mock, release


def world(integration: Integration) -> World:
    return World(release(api({"/pets": {"ANY": integration}})))


def selecting(template: str, **fields: object) -> Integration:
    return Integration(
        type=IntegrationType.MOCK,
        request_templates={"application/json": template},
        integration_responses={
            "200": IntegrationResponse(response_templates={"application/json": "default"}),
            "404": IntegrationResponse(
                selection_pattern="4\\d\\d", response_templates={"application/json": "missing"}
            ),
        },
        **fields,  # type: ignore[arg-type]
    )


def test_a_constant_answer_is_made_once_and_shared() -> None:
    shop = world(mock(201, '{"a": 1}', **{"X-Kind": "'cat'"}))
    first, second = shop.ask()[1], shop.ask()[1]

    assert first is second
    assert (first.status, first.body) == (201, b'{"a": 1}')
    assert first.head == b"X-Kind: cat\r\nContent-Type: application/json\r\n"


def test_the_answer_may_hold_what_the_request_brings() -> None:
    shop = world(
        mock(200, "$context.httpMethod $input.params('q')", **{"X-Id": "context.requestId"})
    )
    exchange, response = shop.ask("PUT", "/dev/pets?q=a%20b")

    assert response.body == b"PUT a b"
    assert f"X-Id: {exchange.request_id}\r\n".encode() in response.head


@pytest.mark.parametrize(
    ("template", "status", "expected"),
    [
        ('{"statusCode": 404}', 404, b"missing"),
        ("{statusCode: 200}", 200, b"default"),
        ('{"statusCode": $input.params("s")}', 404, b"missing"),
    ],
)
def test_the_status_code_selects_the_response(template: str, status: int, expected: bytes) -> None:
    response = world(selecting(template)).ask("GET", "/dev/pets?s=404")[1]

    assert (response.status, response.body) == (status, expected)


@pytest.mark.parametrize("template", ['{"statusCode": "200"}', "{}", "", "nonsense"])
def test_a_template_without_an_integer_status_code_is_a_500(template: str) -> None:
    assert world(selecting(template)).status() == 500


def test_no_matching_response_and_no_default_is_a_500() -> None:
    integration = Integration(
        type=IntegrationType.MOCK,
        request_templates={"application/json": '{"statusCode": 500}'},
        integration_responses={"200": IntegrationResponse(selection_pattern="200")},
    )
    exchange, response = world(integration).ask()

    assert response.status == 500
    assert exchange.fault is not None
    assert "no default output mapping configured" in exchange.fault.detail


def test_a_body_without_template_passes_and_may_hold_the_status_code() -> None:
    shop = world(selecting('{"statusCode": 200}'))
    headers = {"Content-Type": "text/plain"}
    content = body(b'{"statusCode": 404}')

    assert shop.status("POST", headers=headers, content=content) == 404
    assert shop.status("POST", headers=headers) == 500


def test_a_body_that_may_not_pass_is_a_415() -> None:
    shop = world(selecting('{"statusCode": 200}', passthrough_behavior=PassthroughBehavior.NEVER))
    response = shop.ask("POST", headers={"Content-Type": "text/plain"})[1]

    assert (response.status, response.body) == (415, b'{"message":"Unsupported Media Type"}')


def test_a_mock_has_no_trace_header_and_calls_nobody() -> None:
    shop = world(mock(200, "x"))
    _, response = shop.ask()

    assert b"Trace" not in response.head
    assert shop.endpoints.requests == []


@pytest.mark.parametrize("template", ["", "$context.requestId"])
def test_a_status_that_only_announces_an_answer_is_a_500(
    template: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever puts it into a release past the checks gets a refusal, not a broken connection."""
    shop = world(mock(103, template))

    assert shop.status() == 500
    assert caplog.text == ""
