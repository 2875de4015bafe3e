"""What is noted of a traced method; and that whoever calls it notices nothing."""

from __future__ import annotations

import pytest

from gateway.definitions.stage import AccessLogSettings, LoggingLevel, MethodSetting, Stage
from gateway.errors import Fault, GatewayResponseType
from gateway.integrations.base import Answer, Endpoints
from gateway.integrations.traced import Traced
from gateway.messages import EndpointResponse, Exchange, InvocationResponse
from gateway.telemetry.execution_trace import ExecutionTrace
from tests.builders import World, api, body, mock, proxy, release
from tests.exchanges import exchange

TRACED = {"*/*": MethodSetting(logging_level=LoggingLevel.INFO, data_trace_enabled=True)}
LOG = "logs/API-Gateway-Execution-Logs_shop/dev.log"


def shop(**fields: object) -> World:
    definition = api({"/pets": {"GET": mock(200, "x"), "POST": proxy()}})
    stage = Stage(stage_name="dev", **{"method_settings": TRACED, **fields})  # type: ignore[arg-type]
    return World(release(definition, stage))


def told(world: World) -> list[str]:
    return [line.decode().split(") ", 1)[1].rstrip("\n") for line in world.logs.lines[LOG]]


def noted(exchange_: Exchange) -> ExecutionTrace:
    trace = exchange_.execution_trace
    assert isinstance(trace, ExecutionTrace)
    return trace


def test_a_mock_s_answer_is_told_and_no_endpoint() -> None:
    world = shop()
    world.ask()

    lines = told(world)
    assert "Method request body before transformations: " in lines
    assert "Method response body after transformations: x" in lines
    assert any(line.startswith("Method response headers: {Content-Type=") for line in lines)
    assert not any("Endpoint" in line for line in lines)


def test_bodies_are_told_in_both_directions() -> None:
    world = shop()
    answer = body(b'{"n":', b"1}")
    world.endpoints.answer = lambda _: EndpointResponse(
        201, ((b"Set-Cookie", b"a=b"), (b"X-A", b"1")), answer, 7
    )
    content = body(b"one\n", b"two", is_complete=False)
    done, response = world.ask("POST", content=content, headers={"Authorization": "Basic eA=="})
    sent = world.endpoints.requests[0].body

    assert sent is done.request.body
    assert response.body is not answer
    assert response.length == 7
    assert noted(done).endpoint_request is noted(done).request
    lines = told(world)
    assert "Method request headers: {Host=shop.execute-api.local, Authorization=******}" in lines
    assert "Endpoint response headers: {Set-Cookie=******, X-A=1}" in lines
    assert 'Endpoint response body before transformations: {"n":1}' in lines
    assert 'Method response body after transformations: {"n":1}' in lines
    assert any(
        line.startswith("Endpoint request headers: {Host=backend.test:9000") for line in lines
    )
    assert lines[-1] == "Method completed with status: 201"


def test_a_whole_body_is_told_with_its_newlines_shown() -> None:
    world = shop()
    world.ask("POST", content=body(b"one\n", b"two"))

    assert "Endpoint request body after transformations: one\\x0atwo" in told(world)
    assert world.endpoints.requests[0].body == b"one\ntwo"


def test_a_failure_tells_the_gateway_response() -> None:
    world = shop()

    def refuse(_: object) -> EndpointResponse:
        raise Fault(GatewayResponseType.INTEGRATION_FAILURE, source="integration", detail="refused")

    world.endpoints.answer = refuse
    world.ask("POST")
    lines = told(world)

    assert "Execution failed due to configuration error: refused" in lines
    assert any(line.startswith('Gateway response body: {"message":') for line in lines)
    assert any("x-amzn-ErrorType=" in line for line in lines)
    assert any(line.startswith("Sending request to http://backend.test:9000/") for line in lines)
    assert not any(line.startswith("Received response") for line in lines)


@pytest.mark.parametrize("level", [LoggingLevel.OFF, LoggingLevel.ERROR])
def test_only_info_is_traced(level: LoggingLevel) -> None:
    setting = MethodSetting(logging_level=level, data_trace_enabled=True)
    world = shop(method_settings={"*/*": setting})
    done, _ = world.ask()

    assert done.execution_trace is None
    assert not world.logs.lines


def test_the_time_to_first_content_is_known_where_a_format_asks_for_it() -> None:
    names = "$context.integration.timeToAllHeaders $context.integration.timeToFirstContent"
    log = AccessLogSettings(destination="a.log", format=f"$context.requestId {names}")
    world = shop(method_settings={}, access_log_settings=log)
    answer = body(is_complete=False)

    def slowly(_: object) -> EndpointResponse:
        world.clock.time += 0.025
        return EndpointResponse(200, (), answer)

    world.endpoints.answer = slowly
    done, response = world.ask("POST")
    assert noted(done).has_data is False
    assert world.logs.lines["a.log"][-1].endswith(b" 25 -\n")
    assert not isinstance(response.body, bytes)
    response.body.resume()
    world.clock.time += 0.010
    answer.feed(b"x")
    world.service.record(done)
    assert world.logs.lines["a.log"][-1].endswith(b" 25 35\n")
    assert list(world.logs.lines) == ["a.log"]


def test_an_answer_that_others_share_is_not_changed() -> None:
    shared = InvocationResponse(200, b"A: b\r\n", body(b"x", is_complete=False))
    kept = shared.body

    class Inner:
        def invoke(self, _exchange: Exchange, _endpoints: Endpoints) -> Answer:
            return shared

        def describe(self) -> dict[str, str]:
            return {"type": "MOCK"}

    traced = Traced(Inner(), has_data=True, now=lambda: 0.0)
    answer = traced.invoke(exchange(), World(release(api({}))).endpoints)

    assert isinstance(answer, InvocationResponse)
    assert answer.body is not kept
    assert shared.body is kept
    assert traced.describe()["data trace"]
