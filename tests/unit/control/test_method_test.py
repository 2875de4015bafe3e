"""A method's test, with backends that are values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.clock import IdMinter, SystemClock
from gateway.control.method_test import MethodTest, header_lines, run_test, timed_out
from gateway.definitions.integration import (
    ConnectionType,
    Integration,
    IntegrationType,
    ResponseTransferMode,
)
from gateway.definitions.rest_api import (
    ApiDefinition,
    AuthorizationType,
    Method,
    Resource,
    RestApi,
)
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest
from gateway.streams import BodyError, BodyStream


class Endpoints:
    """Answers with what it is given."""

    def __init__(self, body: bytes | BodyStream = b"ok", fault: Fault | None = None) -> None:
        self.body = body
        self.fault = fault
        self.requests: list[IntegrationRequest] = []

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        self.requests.append(request)
        if self.fault is not None:
            raise self.fault
        return EndpointResponse(200, [(b"Content-Type", b"text/plain")], self.body)


class NoProducer:
    def pause_body(self) -> None:
        """Nothing to pause."""

    def resume_body(self) -> None:
        """Nothing to resume."""

    def abandon_body(self) -> None:
        """Nothing to abandon."""


def proxy(**changes: Any) -> MethodTest:
    """A test of a guarded GET /pets/{id} that a backend serves."""
    method = Method(
        authorization_type=AuthorizationType.CUSTOM,
        authorizer_id="a",
        api_key_required=True,
        integration=Integration(
            type=IntegrationType.HTTP_PROXY,
            uri="http://backend/{id}",
            response_transfer_mode=ResponseTransferMode.STREAM,
        ),
    )
    definition = ApiDefinition(
        rest_api=RestApi(name="pets", id="abc", policy="{}"),
        resources=(Resource(path="/pets/{id}", id="r", methods={"GET": method, "ANY": method}),),
    )
    fields: dict[str, Any] = {
        "definition": definition,
        "api_id": "abc",
        "region": "us-east-1",
        "account": "000000000000",
        "resource_path": "/pets/{id}",
        "http_method": "GET",
        "verb": "GET",
        "target": "/pets/7?a=b",
    }
    return MethodTest(**(fields | changes))


async def answer_of(
    test: MethodTest, endpoints: Endpoints, body_bytes: int = 1000
) -> dict[str, Any]:
    return await run_test(
        test,
        endpoints=endpoints,
        vpc_links={"shop": ("10.0.0.5:8080",)},
        body_bytes=body_bytes,
        ids=IdMinter(),
        clock=SystemClock(),
    )


async def test_vpc_link_is_gone_through() -> None:
    endpoints, test = Endpoints(), proxy()
    method = test.definition.resources[0].methods["GET"]
    assert method.integration is not None
    linked = replace(
        method.integration, connection_type=ConnectionType.VPC_LINK, connection_id="shop"
    )
    resource = replace(
        test.definition.resources[0], methods={"GET": replace(method, integration=linked)}
    )

    test = replace(test, definition=replace(test.definition, resources=(resource,)))
    assert (await answer_of(test, endpoints))["status"] == 200

    assert endpoints.requests[0].origin.targets == ("10.0.0.5:8080",)


async def test_guards_are_skipped_and_the_backend_is_called() -> None:
    endpoints = Endpoints()

    told = await answer_of(proxy(headers=((b"X-A", b"1"),), body=b"sent"), endpoints)

    assert (told["status"], told["body"]) == (200, "ok")
    assert told["headers"] == {"Content-Type": "text/plain"}
    (request,) = endpoints.requests
    assert request.head.startswith(b"GET /7?a=b HTTP/1.1\r\n")
    assert b"X-A: 1\r\n" in request.head
    assert request.body == b"sent"


@pytest.mark.parametrize("error", [None, BodyError("it broke off")])
async def test_a_streamed_answer_is_bounded_and_whole(error: BodyError | None) -> None:
    stream = BodyStream(NoProducer(), None)
    stream.feed(b"x" * 11)
    if error is None:
        stream.finish()
    else:
        stream.fail(error)

    told = await answer_of(proxy(), Endpoints(stream), body_bytes=10)

    assert told["status"] == 502
    assert list(told["headers"]) == ["x-amzn-ErrorType"]
    assert "response body" in told["log"]


async def test_a_failing_backend_has_its_gateway_response() -> None:
    fault = Fault(GatewayResponseType.INTEGRATION_TIMEOUT, detail="too slow")

    told = await answer_of(proxy(), Endpoints(fault=fault))

    assert told["status"] == 504
    assert "Execution failed due to a timeout error: too slow" in told["log"]
    assert "Received response" not in told["log"]


async def test_the_method_that_is_named_is_tested() -> None:
    told = await answer_of(proxy(http_method="ANY", verb="POST", target="/elsewhere"), Endpoints())

    assert told["status"] == 200
    assert "HTTP Method: POST, Resource Path: /elsewhere" in told["log"]


def test_header_lines_are_pairs() -> None:
    assert header_lines(b"A: b\r\nC:d: e \r\n\r\n") == ((b"A", b"b"), (b"C", b"d: e"))


def test_a_test_that_was_given_up_says_so() -> None:
    told = timed_out(60.0)

    assert (told["status"], told["latency"]) == (504, 60000)
    assert "given up after 60 s" in told["log"]
