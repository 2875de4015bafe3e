from __future__ import annotations

from gateway.errors import Fault, GatewayResponseType
from gateway.telemetry.invocation_log import EndpointTrace, invocation_log
from tests.exchanges import REQUEST_ID, exchange, request

AT = "Sun Nov 22 12:00:00 UTC 2026 : "


def test_the_whole_story_of_a_backend() -> None:
    sent = request(headers=(("Authorization", "Bearer x"),), query="a=1&token=x")
    done = exchange(
        sent,
        endpoint_uri="http://user:pass@backend/x",
        integration_status=200,
        integration_latency=0.025,
    )
    trace = EndpointTrace(((b"X-Api-Key", b"k"),), b"out", ((b"Date", b"now"),), b"in")

    log = invocation_log(done, b"body", trace, (((b"A", b"b"),), b"answer"))

    first, *rest = log.splitlines()
    assert first == f"Execution log for request {REQUEST_ID}"
    assert [line.removeprefix(AT) for line in rest] == [
        f"Starting execution for request: {REQUEST_ID}",
        "HTTP Method: GET, Resource Path: /prod/pets/7",
        "Method request path: {petId=7}",
        "Method request query string: {a=1, token=******}",
        "Method request headers: {Authorization=******}",
        "Method request body before transformations: body",
        "Endpoint request URI: http://******@backend/x",
        "Endpoint request headers: {X-Api-Key=******}",
        "Endpoint request body after transformations: out",
        "Sending request to http://******@backend/x",
        "Received response. Status: 200, Integration latency: 25 ms",
        "Endpoint response headers: {Date=now}",
        "Endpoint response body before transformations: in",
        "Method response body after transformations: answer",
        "Method response headers: {A=b}",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]


def test_without_a_backend_s_answer_there_is_none_in_it() -> None:
    fault = Fault(GatewayResponseType.INTEGRATION_FAILURE, detail="refused")
    done = exchange(fault=fault, status=504)

    log = invocation_log(done, b"", EndpointTrace(), ((), b""))

    assert "Received response" not in log
    assert "Sending request to" in log
    assert log.endswith("Method completed with status: 504\n")
    assert "Endpoint" not in invocation_log(exchange(), b"", None, ((), b""))


def test_lines_are_cut_and_bytes_are_not_shown() -> None:
    log = invocation_log(exchange(), "ü".encode() * 5000, None, ((), b"\xff\x00"))

    lines = log.splitlines()
    assert max(map(len, lines)) == 1024
    assert any(line.endswith(" [TRUNCATED]") for line in lines)
    assert "Method response body after transformations: [Binary Data: 2 bytes]" in log
