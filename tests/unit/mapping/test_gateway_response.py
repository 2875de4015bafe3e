from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.definitions.responses import GatewayResponse
from gateway.errors import DEFAULTS, Fault, GatewayResponseType, Problem, forbidden
from gateway.mapping.gateway_response import compile_gateway_responses
from gateway.messages import Exchange, InvocationResponse
from tests.unit.mapping.exchanges import exchange, messages

TYPES = GatewayResponseType
JSON_HEAD = b"Content-Type: application/json\r\nx-amzn-ErrorType: "


def answer(
    fault: Fault,
    custom: dict[str, GatewayResponse] | None = None,
    asked: Exchange | None = None,
) -> InvocationResponse:
    problems: list[Problem] = []
    compiled = compile_gateway_responses(custom or {}, path="here", problems=problems)
    assert messages(problems) == []
    asked = asked or exchange()
    asked.fault = fault
    return compiled[fault.type].render(fault, asked)


def found_in(custom: dict[str, GatewayResponse], severity: str = "error") -> list[str]:
    problems: list[Problem] = []
    compile_gateway_responses(custom, path="here", problems=problems)
    return messages(problems, severity)


@pytest.mark.parametrize("type_", [type_ for type_ in TYPES if type_ != "REQUEST_TOO_LARGE"])
def test_every_type_has_awss_default(type_: GatewayResponseType) -> None:
    default = DEFAULTS[type_]
    response = answer(Fault(type_))
    key = "Message" if type_ is TYPES.ACCESS_DENIED else "message"

    assert response.status == default.status
    assert response.head == JSON_HEAD + default.error_type.encode() + b"\r\n"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {key: default.message}


def test_a_default_body_is_spelled_as_aws_spells_it() -> None:
    assert answer(Fault(TYPES.THROTTLED)).body == b'{"message":"Too Many Requests"}'
    assert answer(Fault(TYPES.AUTHORIZER_CONFIGURATION_ERROR)).body == b'{"message":null}'


def test_the_faults_own_message_status_and_error_type_win() -> None:
    fault = Fault(TYPES.DEFAULT_4XX, message='a "quoted" é', status=418, error_type="TeapotError")
    response = answer(fault)

    assert response.status == 418
    assert response.head == JSON_HEAD + b"TeapotError\r\n"
    assert response.body == '{"message":"a \\"quoted\\" é"}'.encode()


def test_a_broken_backend_answer_is_a_502() -> None:
    response = answer(Fault(TYPES.DEFAULT_5XX, status=502))

    assert (response.status, response.body) == (502, b'{"message":"Internal server error"}')


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_no_message_breaks_the_json(message: str) -> None:
    body = answer(Fault(TYPES.DEFAULT_4XX, message=message)).body

    assert isinstance(body, bytes)
    assert isinstance(json.loads(body)["message"], str)


def test_no_error_type_breaks_the_head() -> None:
    response = answer(Fault(TYPES.DEFAULT_4XX, error_type="a\r\nX-Forged: 1"))

    assert response.head.count(b"\r\n") == 2


def test_a_request_too_large_is_plain_text_and_cannot_be_customised() -> None:
    custom = {
        name: GatewayResponse(
            status_code="400", response_parameters={"gatewayresponse.header.X-A": "'1'"}
        )
        for name in ("DEFAULT_4XX", "REQUEST_TOO_LARGE")
    }
    message = "HTTP content length exceeded 10485760 bytes."
    response = answer(Fault(TYPES.REQUEST_TOO_LARGE, message=message), custom)

    assert response.status == 413
    assert response.head == b"Content-Type: text; charset=utf-8\r\n"
    assert response.body == message.encode()
    assert len(found_in(custom, "warning")) == 1


def test_a_types_own_customisation_beats_the_general_one() -> None:
    custom = {
        "DEFAULT_4XX": GatewayResponse(
            status_code="422", response_parameters={"gatewayresponse.header.X-A": "'1'"}
        ),
        "THROTTLED": GatewayResponse(status_code="503"),
    }
    throttled = answer(Fault(TYPES.THROTTLED), custom)
    unauthorized = answer(Fault(TYPES.UNAUTHORIZED), custom)

    assert (throttled.status, throttled.head) == (
        503,
        JSON_HEAD + b"TooManyRequestsException\r\n",
    )
    assert (unauthorized.status, unauthorized.head) == (
        422,
        JSON_HEAD + b"UnauthorizedException\r\nX-A: 1\r\n",
    )
    assert answer(Fault(TYPES.INTEGRATION_TIMEOUT), custom).status == 504


def test_a_general_5xx_customisation_serves_all_5xx_types() -> None:
    custom = {"DEFAULT_5XX": GatewayResponse(status_code="599")}

    assert {answer(Fault(type_), custom).status for type_ in TYPES} == {
        400, 401, 403, 404, 413, 415, 429, 599,
    }  # fmt: skip


def test_without_a_status_of_its_own_the_faults_is_kept() -> None:
    custom = {"DEFAULT_5XX": GatewayResponse(response_templates={"text/plain": "sorry"})}
    response = answer(Fault(TYPES.DEFAULT_5XX, status=502), custom)

    assert (response.status, response.body) == (502, b"sorry")
    assert response.head == (
        b"Content-Type: text/plain\r\nx-amzn-ErrorType: InternalServerErrorException\r\n"
    )


def test_a_general_template_serves_access_denied_too() -> None:
    custom = {"DEFAULT_4XX": GatewayResponse(response_templates={"application/json": "{}"})}

    assert answer(Fault(TYPES.ACCESS_DENIED), custom).body == b"{}"


ASKED = exchange(
    query="q=a%20b",
    headers=((b"Origin", b"https://a.test"), (b"X-Bad", b"\xff"), (b"Accept", b"text/html")),
    path_parameters={"id": "7"},
    stage_variables={"team": "core"},
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$context.error.message", "Too Many Requests"),
        ("$context.error.messageString", '"Too Many Requests"'),
        ("$context.error.responseType", "THROTTLED"),
        ("${context.error.responseType}s", "THROTTLEDs"),
        ("$context.stage.", "dev."),
        ("$stageVariables.team/${stageVariables.team}", "core/core"),
        ("<$stageVariables.absent>", "<>"),
        ("method.request.header.Origin", "https://a.test"),
        ("$method.request.path.id.", "7."),
        ("a method.request.querystring.q.", "a a b."),
        ("method.request.body", "method.request.body"),
        ("xmethod.request.header.Origin", "xmethod.request.header.Origin"),
        ("$5 #set($x = 1) $foo ${bar", "$5 #set($x = 1) $foo ${bar"),
        ("", ""),
    ],
)
def test_templates_are_plain_substitution(template: str, expected: str) -> None:
    custom = {"THROTTLED": GatewayResponse(response_templates={"application/json": template})}

    assert answer(Fault(TYPES.THROTTLED), custom, ASKED).body == expected.encode()


def test_a_clients_bytes_survive_in_a_body() -> None:
    text = "method.request.header.X-Bad"
    custom = {"THROTTLED": GatewayResponse(response_templates={"text/plain": text})}

    assert answer(Fault(TYPES.THROTTLED), custom, ASKED).body == b"\xff"


def test_the_template_is_chosen_by_accept() -> None:
    both = {"application/json": "{}", "Text/HTML; charset=utf-8": "<p>"}
    custom = {"THROTTLED": GatewayResponse(response_templates=both)}

    assert answer(Fault(TYPES.THROTTLED), custom, ASKED).body == b"<p>"
    assert answer(Fault(TYPES.THROTTLED), custom).body == b"{}"


def test_headers_come_from_all_their_sources() -> None:
    custom = {
        "THROTTLED": GatewayResponse(
            response_parameters={
                "gatewayresponse.header.A": "'text'",
                "gatewayresponse.header.B": "context.stage",
                "gatewayresponse.header.C": "stageVariables.team",
                "gatewayresponse.header.D": "method.request.header.Origin",
                "gatewayresponse.header.E": "method.request.path.id",
                "gatewayresponse.header.F": "method.request.querystring.q",
                "gatewayresponse.header.G": "method.request.querystring.absent",
            }
        )
    }

    assert answer(Fault(TYPES.THROTTLED), custom, ASKED).head == (
        JSON_HEAD + b"TooManyRequestsException\r\n"
        b"A: text\r\nB: dev\r\nC: core\r\nD: https://a.test\r\nE: 7\r\nF: a b\r\n"
    )


def test_a_header_value_cannot_forge_another() -> None:
    parameters = {"gatewayresponse.header.A": "method.request.querystring.q"}
    custom = {"THROTTLED": GatewayResponse(response_parameters=parameters)}
    response = answer(Fault(TYPES.THROTTLED), custom, exchange(query="q=1%0d%0aSet-Cookie:%20x"))

    assert response.head.endswith(b"\r\nA: 1  Set-Cookie: x\r\n")


def test_own_content_type_and_error_type_replace_the_defaults() -> None:
    custom = {
        "THROTTLED": GatewayResponse(
            response_parameters={
                "gatewayresponse.header.content-type": "'a/b'",
                "gatewayresponse.header.X-Amzn-ErrorType": "method.request.querystring.q",
            }
        )
    }

    assert answer(Fault(TYPES.THROTTLED), custom, ASKED).head == (
        b"content-type: a/b\r\nX-Amzn-ErrorType: a b\r\n"
    )
    assert answer(Fault(TYPES.THROTTLED), custom).head == (
        b"x-amzn-ErrorType: TooManyRequestsException\r\ncontent-type: a/b\r\n"
    )


def test_headers_that_frame_the_answer_are_not_the_users() -> None:
    names = ["Content-Length", "Connection", "Transfer-Encoding", "WWW-Authenticate"]
    custom = {
        "UNAUTHORIZED": GatewayResponse(
            response_parameters={f"gatewayresponse.header.{name}": "'Basic'" for name in names}
        )
    }

    assert answer(Fault(TYPES.UNAUTHORIZED), custom).head == (
        JSON_HEAD + b"UnauthorizedException\r\n"
        b"x-amzn-Remapped-Content-Length: Basic\r\n"
        b"x-amzn-Remapped-Connection: Basic\r\n"
        b"WWW-Authenticate: Basic\r\n"
    )


@pytest.mark.parametrize("status", ["204", "205", "304"])
def test_a_status_without_a_body_gets_none(status: str) -> None:
    response = answer(Fault(TYPES.THROTTLED), {"THROTTLED": GatewayResponse(status_code=status)})

    assert (response.status, response.body) == (int(status), b"")


def test_an_answer_that_the_fault_decides_is_one_for_all_and_says_so() -> None:
    compiled = compile_gateway_responses({}, path="", problems=[])
    throttled = compiled[TYPES.THROTTLED]
    first = throttled.render(Fault(TYPES.THROTTLED), ASKED)
    broken = compiled[TYPES.DEFAULT_5XX].render(Fault(TYPES.DEFAULT_5XX, status=502), ASKED)

    assert first.is_shared
    assert throttled.render(Fault(TYPES.THROTTLED).again(), ASKED) is first
    nowhere = compiled[TYPES.DEFAULT_4XX].render(forbidden("no such stage"), ASKED)

    assert broken.is_shared
    assert broken.status == 502
    assert nowhere.is_shared
    assert (nowhere.status, nowhere.body) == (403, b'{"message":"Forbidden"}')


def test_an_answer_that_the_request_has_a_part_in_is_its_own() -> None:
    custom = {"THROTTLED": GatewayResponse(response_templates={"text/plain": "$context.requestId"})}
    throttled = compile_gateway_responses(custom, path="", problems=[])[TYPES.THROTTLED]
    answers = [throttled.render(Fault(TYPES.THROTTLED), ASKED) for _ in range(2)]

    assert answers[0] is not answers[1]
    assert not answers[0].is_shared


def test_a_message_of_its_own_is_told() -> None:
    throttled = compile_gateway_responses({}, path="", problems=[])[TYPES.THROTTLED]
    response = throttled.render(Fault(TYPES.THROTTLED, message="too fast"), ASKED)

    assert response.body == b'{"message":"too fast"}'


@pytest.mark.parametrize("status", ["", "199", "100", "600", "20", "2000", "abc", "-200", "200\n"])
def test_a_bad_status_is_a_problem(status: str) -> None:
    assert found_in({"THROTTLED": GatewayResponse(status_code=status)}) == [
        f"{status!r} is no status to answer with; write 200 to 599"
    ]


def test_an_unknown_type_is_a_problem_with_a_suggestion() -> None:
    assert found_in({"DEFAULT_4xx": GatewayResponse()}) == [
        "there is no gateway response type DEFAULT_4xx; did you mean DEFAULT_4XX?"
    ]
    assert len(found_in({"": GatewayResponse(), "nonsense": GatewayResponse()})) == 2


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("gatewayresponse.header.", "'1'"),
        ("gatewayresponse.header.a b", "'1'"),
        ("gatewayresponse.header.a\r\nb", "'1'"),
        ("method.response.header.a", "'1'"),
        ("gatewayresponse.header.a", "true"),
        ("gatewayresponse.header.a", "method.request.body"),
        ("gatewayresponse.header.a", "method.request.body.x"),
        ("gatewayresponse.header.a", "integration.response.header.x"),
        ("gatewayresponse.header.a", "context.nonsense"),
    ],
)
def test_a_bad_parameter_is_a_problem(key: str, source: str) -> None:
    response = GatewayResponse(response_parameters={key: source})
    problems: list[Problem] = []
    compile_gateway_responses({"THROTTLED": response}, path="here", problems=problems)

    assert [problem.path for problem in problems] == [f"here.THROTTLED.responseParameters.{key}"]


def test_what_has_no_effect_is_a_warning() -> None:
    parameters = {"gatewayresponse.path.a": "'1'", "gatewayresponse.querystring.a": "'1'"}
    templates = {"application/json": "$context.nonsense $context.status"}
    response = GatewayResponse(response_parameters=parameters, response_templates=templates)

    assert len(found_in({"THROTTLED": response}, "warning")) == 4
    assert answer(Fault(TYPES.THROTTLED), {"THROTTLED": response}).body == b" "


def test_a_bad_template_is_a_problem() -> None:
    templates = {"123": "x", "text/plain": "x" * 400_000}

    assert len(found_in({"THROTTLED": GatewayResponse(response_templates=templates)})) == 2
