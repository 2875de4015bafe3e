"""`$context` variables: their values, and the names that exist."""

import pytest

from gateway.context import KNOWN, UnknownVariableError, clf_time, getter, variable
from gateway.errors import Fault, GatewayResponseType
from gateway.telemetry.execution_trace import ExecutionTrace
from tests.exchanges import exchange, identity, request


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accountId", "000000000000"),
        ("apiId", "petstore"),
        ("deploymentId", "abcdefghij"),
        ("domainName", "petstore.execute-api.localhost"),
        ("domainPrefix", "petstore"),
        ("endpointType", "REGIONAL"),
        ("extendedRequestId", "AbCdEfGhIjKlMn8="),
        ("httpMethod", "GET"),
        ("identity.sourceIp", "203.0.113.9"),
        ("path", "/prod/pets/7"),
        ("protocol", "HTTP/1.1"),
        ("requestId", "5a1c9a4e-0d3f-4b5e-9f3e-0123456789ab"),
        ("requestTime", "22/Nov/2026:12:00:00 +0000"),
        ("requestTimeEpoch", "1795348800250"),
        ("resourceId", "abc123"),
        ("resourcePath", "/pets/{petId}"),
        ("responseLatency", "12"),
        ("responseLength", "192"),
        ("stage", "prod"),
        ("status", "200"),
    ],
)
def test_every_request_has_these(name: str, value: str) -> None:
    assert getter(name)(exchange()) == value


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_request_that_reached_no_stage_has_every_variable_or_none(name: str) -> None:
    value = getter(name)(exchange(identity=None, status=0))

    assert value is None or isinstance(value, str)
    assert value is not None or not variable(name).is_always_there


@pytest.mark.parametrize(
    "name", ["stage", "apiId", "status", "isCanaryRequest", "error.message", "xrayTraceId",
             "integrationLatency", "customDomain.basePathMatched", "identity.userAgent"]
)  # fmt: skip
def test_what_a_request_does_not_have_is_missing(name: str) -> None:
    assert getter(name)(exchange(identity=None, status=0)) is None


@pytest.mark.parametrize(("is_canary", "value"), [(None, None), (True, "true"), (False, "false")])
def test_is_canary_request_is_there_only_while_the_stage_has_a_canary(
    is_canary: bool | None, value: str | None
) -> None:
    assert getter("isCanaryRequest")(exchange(identity=identity(is_canary=is_canary))) == value


def test_error_variables_come_from_the_fault() -> None:
    failed = exchange(fault=Fault(GatewayResponseType.THROTTLED, message='Too "many"'))

    assert getter("error.message")(failed) == 'Too "many"'
    assert getter("error.messageString")(failed) == '"Too \\"many\\""'
    assert getter("error.responseType")(failed) == "THROTTLED"


def test_a_fault_without_a_message_has_the_message_string_null() -> None:
    failed = exchange(fault=Fault(GatewayResponseType.AUTHORIZER_CONFIGURATION_ERROR))

    assert getter("error.messageString")(failed) == "null"
    assert getter("error.message")(failed) is None


def test_a_message_string_never_holds_a_lone_surrogate() -> None:
    failed = exchange(fault=Fault(GatewayResponseType.DEFAULT_4XX, message="bad \udc80"))

    text = getter("error.messageString")(failed)

    assert text is not None
    assert text.encode() == b'"bad \\\\udc80"'


def test_integration_variables_come_from_the_backend() -> None:
    served = exchange(integration_status=404, integration_latency=0.0254)

    assert getter("integrationStatus")(served) == "404"
    assert getter("integration.status")(served) == "404"
    assert getter("integrationLatency")(served) == "25"
    assert getter("integration.latency")(served) == "25"


def test_integration_errors_are_those_of_the_backend_only() -> None:
    read = getter("integrationErrorMessage")
    of_backend = Fault(
        GatewayResponseType.INTEGRATION_FAILURE, source="integration", detail="refused"
    )

    assert read(exchange(fault=of_backend)) == "refused"
    assert read(exchange(fault=Fault(GatewayResponseType.THROTTLED))) is None


def test_xray_trace_id_is_the_root_alone() -> None:
    traced = exchange(trace_id="Parent=53995c3f42cd8ad8;Root=1-5759e988-bd862e3fe1be46a9;Sampled=1")

    assert getter("xrayTraceId")(traced) == "1-5759e988-bd862e3fe1be46a9"


def test_a_user_agent_is_found_whatever_its_case() -> None:
    read = getter("identity.userAgent")

    assert read(exchange(request(headers=(("USER-AGENT", "curl/8"),)))) == "curl/8"


def test_http_1_0_is_said() -> None:
    assert getter("protocol")(exchange(request(is_http_1_0=True))) == "HTTP/1.0"


def test_before_a_stage_is_located_the_path_is_the_request_s() -> None:
    assert getter("path")(exchange(request(path="/x"), context_path="")) == "/x"


def test_times_stay_right_when_many_seconds_were_asked_for() -> None:
    texts = {clf_time(1_795_348_800 + second) for second in range(1000)}

    assert len(texts) == 1000
    assert clf_time(0) == "01/Jan/1970:00:00:00 +0000"


@pytest.mark.parametrize(
    "name",
    ["authorizer.principalId", "authorizer.claims.sub", "authorizer.tenant", "identity.caller",
     "identity.cognitoIdentityId", "requestOverride.header.X",
     "responseOverride.status", "wafResponseCode", "waf.latency"],
)  # fmt: skip
def test_variables_of_features_to_come_are_known_and_missing(name: str) -> None:
    assert variable(name).is_reserved
    assert getter(name)(exchange()) is None


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("requestID", "requestId"), ("identity.sourceIP", "identity.sourceIp"), ("stat", "status")],
)
def test_an_unknown_name_gets_the_nearest_one_suggested(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownVariableError) as raised:
        getter(name)

    assert raised.value.suggestion == suggestion
    assert f"$context.{name}" in str(raised.value)
    assert f"did you mean $context.{suggestion}?" in str(raised.value)


def test_a_name_that_is_near_nothing_gets_no_suggestion() -> None:
    with pytest.raises(UnknownVariableError) as raised:
        getter("zzzzzzzz.qqqqqqqq")

    assert raised.value.suggestion is None
    assert "documentation" in str(raised.value)


@pytest.mark.parametrize("name", ["status", "responseLength", "integrationLatency", "waf.error"])
def test_what_is_known_at_the_end_only_is_for_logs(name: str) -> None:
    assert variable(name).is_log_only


@pytest.mark.parametrize("name", ["requestId", "error.message", "identity.sourceIp", "path"])
def test_what_is_known_before_is_for_templates_too(name: str) -> None:
    assert not variable(name).is_log_only


def test_the_method_s_stage_says_how_answers_come_and_what_kind_the_endpoint_is() -> None:
    edge = exchange(identity=identity(endpoint_type="EDGE", response_transfer_mode="STREAM"))

    assert getter("endpointType")(edge) == "EDGE"
    assert getter("integration.responseTransferMode")(edge) == "STREAM"
    assert getter("integration.responseTransferMode")(exchange()) is None


def test_the_times_of_a_streamed_answer_are_milliseconds() -> None:
    trace = ExecutionTrace(has_data=False)
    trace.first_content = 0.0351
    streamed = exchange(integration_latency=0.0254, execution_trace=trace)

    assert getter("integration.timeToAllHeaders")(streamed) == "25"
    assert getter("integration.timeToFirstContent")(streamed) == "35"
    trace.first_content = None
    assert getter("integration.timeToFirstContent")(streamed) is None
