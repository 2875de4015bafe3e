"""Execution logs: AWS's sentences, without secrets."""

import pytest

from gateway.definitions.stage import LoggingLevel
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange, UsageNote
from gateway.telemetry.execution_log import MOST_EVENT_BYTES, destination, lines
from gateway.telemetry.execution_trace import ExecutionTrace
from tests.exchanges import EXTENDED_REQUEST_ID, REQUEST_ID, exchange, identity, request

PREFIX = f"2026-11-22T12:00:00.250Z ({REQUEST_ID}) "
ENDED = f"2026-11-22T12:00:00.262Z ({REQUEST_ID}) "


def story(finished: Exchange, level: LoggingLevel = LoggingLevel.INFO) -> list[str]:
    sentences = []
    for line in lines(finished, level):
        assert line.endswith(b"\n")
        assert len(line.splitlines()) == 1
        text = line.decode()[:-1]
        assert text.isprintable()
        assert text.startswith((PREFIX, ENDED))
        sentences.append(text[len(PREFIX) :])
    return sentences


def test_info_tells_the_whole_story() -> None:
    served = exchange(
        request(query="foo=bar&x", headers=(("Content-Type", "text/plain"), ("X-A", "1"))),
        endpoint_uri="http://127.0.0.1:9000/pets/7?foo=bar",
        integration_status=200,
        integration_latency=0.0254,
    )

    assert story(served) == [
        f"Extended Request Id: {EXTENDED_REQUEST_ID}",
        f"Starting execution for request: {REQUEST_ID}",
        "HTTP Method: GET, Resource Path: /prod/pets/7",
        "Method request path: {petId=7}",
        "Method request query string: {foo=bar, x=}",
        "Method request headers: {Content-Type=text/plain, X-A=1}",
        "Endpoint request URI: http://127.0.0.1:9000/pets/7?foo=bar",
        "Received response. Status: 200, Integration latency: 25 ms",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]


def test_without_a_backend_no_endpoint_is_named() -> None:
    assert not any("Endpoint" in line or "Received" in line for line in story(exchange()))


def test_error_tells_nothing_of_a_request_that_succeeded() -> None:
    assert lines(exchange(), LoggingLevel.ERROR) == []


def test_off_tells_nothing_at_all() -> None:
    failed = exchange(fault=Fault(GatewayResponseType.INTEGRATION_FAILURE), status=504)

    assert lines(failed, LoggingLevel.OFF) == []


def test_error_tells_how_a_request_failed() -> None:
    fault = Fault(
        GatewayResponseType.INTEGRATION_FAILURE, source="integration", detail="connection refused"
    )

    assert story(exchange(fault=fault, status=504), LoggingLevel.ERROR) == [
        "Execution failed due to configuration error: connection refused",
        "Gateway response type: INTEGRATION_FAILURE with status code: 504",
        "Method completed with status: 504",
    ]


def test_error_tells_of_a_backend_s_own_failure() -> None:
    assert story(exchange(status=500), LoggingLevel.ERROR)[-1] == (
        "Method completed with status: 500"
    )


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(GatewayResponseType.INTEGRATION_TIMEOUT),
         "Execution failed due to a timeout error: Endpoint request timed out"),
        (Fault(GatewayResponseType.MISSING_AUTHENTICATION_TOKEN),
         "Execution failed: Missing Authentication Token"),
        (Fault(GatewayResponseType.AUTHORIZER_CONFIGURATION_ERROR),
         "Execution failed due to configuration error: AUTHORIZER_CONFIGURATION_ERROR"),
    ],
)  # fmt: skip
def test_the_failure_says_why(fault: Fault, sentence: str) -> None:
    assert story(exchange(fault=fault, status=fault.status), LoggingLevel.ERROR)[0] == sentence


@pytest.mark.parametrize(
    "kind", [GatewayResponseType.THROTTLED, GatewayResponseType.REQUEST_TOO_LARGE]
)
@pytest.mark.parametrize("level", LoggingLevel)
def test_a_refused_flood_is_no_flood_of_lines(
    kind: GatewayResponseType, level: LoggingLevel
) -> None:
    assert lines(exchange(fault=Fault(kind), status=429), level) == []


def test_a_client_that_left_is_told_of() -> None:
    gone = "The client closed the connection before the response was complete"

    assert gone in story(exchange(status=499))


@pytest.mark.parametrize(
    "name",
    ["Authorization", "AUTHORIZATION", "X-Api-Key", "Cookie", "Proxy-Authorization",
     "X-Amz-Security-Token"],
)  # fmt: skip
def test_secret_headers_are_masked(name: str) -> None:
    served = exchange(request(headers=((name, "hunter2"), ("X-A", "1"))))

    text = "\n".join(story(served))

    assert f"{{{name}=******, X-A=1}}" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "query",
    ["api_key=hunter2", "a=1&X-Amz-Signature=hunter2", "%61pi_key=hunter2", "TOKEN=hunter2&b"],
)
def test_secret_parameters_are_masked(query: str) -> None:
    served = exchange(request(query=query), endpoint_uri=f"http://b/?{query}")

    assert "hunter2" not in "\n".join(story(served))


def test_user_information_of_an_endpoint_is_masked() -> None:
    served = exchange(endpoint_uri="https://me:hunter2@backend/x")

    assert "Endpoint request URI: https://******@backend/x" in story(served)


def test_no_client_can_forge_a_line() -> None:
    evil = "x\r\n(forged) \u2028 \x1b[2J \udc80"
    served = exchange(
        request(query=evil, method=evil, headers=(("X-A", "b\x85\tc"),)),
        context_path=evil,
        path_parameters={"petId": evil},
        fault=Fault(GatewayResponseType.DEFAULT_4XX, detail=evil),
        endpoint_uri=evil,
    )

    assert len(story(served)) == 10


def test_a_header_that_is_no_utf_8_is_shown() -> None:
    built = request()
    built.headers = ((b"X-A", b"\xff\xe4"),)

    assert "Method request headers: {X-A=\\xff\\xe4}" in story(exchange(built))


def test_a_line_is_cut_at_1024_bytes_between_characters() -> None:
    served = exchange(context_path="/" + "é" * 2000)

    cut = [line for line in lines(served, LoggingLevel.INFO) if b"TRUNCATED" in line]

    assert len(cut) == 1
    assert cut[0].endswith(b" [TRUNCATED]\n")
    event = cut[0].removesuffix(b"\n").partition(b" ")[2]
    assert MOST_EVENT_BYTES - 1 <= len(event) <= MOST_EVENT_BYTES
    assert cut[0].decode()


@pytest.mark.parametrize(
    ("is_canary", "place"),
    [
        (None, "logs/API-Gateway-Execution-Logs_petstore/prod.log"),
        (False, "logs/API-Gateway-Execution-Logs_petstore/prod.log"),
        (True, "logs/API-Gateway-Execution-Logs_petstore/prod/Canary.log"),
    ],
)
def test_base_and_canary_have_files_of_their_own(is_canary: bool | None, place: str) -> None:
    assert destination(identity(is_canary=is_canary)) == place


def keyed(fault: Fault | None = None, plan: str = "gold") -> Exchange:
    usage = UsageNote()
    usage.api_key = "mobile-0123456789-abcdef"
    usage.usage_plan_id = plan
    return exchange(usage=usage, fault=fault, status=403 if fault else 200)


VERIFYING = (
    f"Verifying Usage Plan for request: {REQUEST_ID}. API Key: ******abcdef"
    " API Stage: petstore/prod"
)
SUCCEEDED = "Usage Plan check succeeded for API Key ******abcdef and API Stage petstore/prod"


def test_a_key_s_usage_plan_is_told_before_the_execution() -> None:
    assert story(keyed())[1:3] == [VERIFYING, SUCCEEDED]


@pytest.mark.parametrize(
    "kind", [GatewayResponseType.INVALID_API_KEY, GatewayResponseType.QUOTA_EXCEEDED]
)
def test_a_key_that_is_refused_has_not_succeeded(kind: GatewayResponseType) -> None:
    told = story(keyed(Fault(kind)))

    assert VERIFYING in told
    assert SUCCEEDED not in told
    assert SUCCEEDED not in story(keyed(plan=""))


def test_bodies_and_headers_are_told_where_they_were_traced() -> None:
    trace = ExecutionTrace(has_data=True)
    trace.request.add(b"forged\n2026 (x) line")
    trace.endpoint_headers = ((b"X-Api-Key", b"hunter2"),)
    trace.endpoint_answer_headers = ((b"A", b"b\r\n"),)
    trace.endpoint_answer.add(b"\xff" * 2000)
    trace.answer_headers = ((b"Set-Cookie", b"hunter2"),)
    trace.answer.add(b"x" * 2000)
    traced = exchange(execution_trace=trace, endpoint_uri="http://b/x", integration_status=200)
    told = story(traced)

    assert told[6:] == [
        "Method request body before transformations: forged\\x0a2026 (x) line",
        "Endpoint request URI: http://b/x",
        "Endpoint request headers: {X-Api-Key=******}",
        "Endpoint request body after transformations: ",
        "Sending request to http://b/x",
        "Received response. Status: 200, Integration latency: 0 ms",
        "Endpoint response headers: {A=b\\x0d\\x0a}",
        "Endpoint response body before transformations: [Binary Data: 2000 bytes]",
        told[14],
        "Method response headers: {Set-Cookie=******}",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]
    assert told[14].endswith("x [TRUNCATED]")


def test_times_alone_add_nothing_to_the_story() -> None:
    assert story(exchange(execution_trace=ExecutionTrace(has_data=False))) == story(exchange())
