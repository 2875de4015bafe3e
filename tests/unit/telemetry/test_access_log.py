"""Access log formats: what they may hold, and the lines they make."""

import csv
import json
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.definitions.stage import AccessLogSettings
from gateway.errors import Fault, GatewayResponseType, Problem
from gateway.messages import Exchange
from gateway.telemetry.access_log import PRESETS, CompiledAccessLog, compile_access_log
from tests.exchanges import EXTENDED_REQUEST_ID, REQUEST_ID, exchange, request

ID = '"id":"$context.requestId"'
EVIL = 'x","status":"200"}\r\n{"forged":"\u2028\udc80\\'


def compiled(format_: str, destination: str = "stdout") -> CompiledAccessLog:
    problems: list[Problem] = []
    log = compile_access_log(
        AccessLogSettings(destination=destination, format=format_), "accessLogSettings", problems
    )
    assert problems == []
    assert log is not None
    return log


def line(format_: str, finished: Exchange | None = None) -> str:
    rendered = compiled(format_).line(finished or exchange()).decode()
    assert rendered.endswith("\n")
    assert len(rendered.splitlines()) == 1
    return rendered[:-1]


def problems_of(format_: str) -> list[str]:
    problems: list[Problem] = []
    settings = AccessLogSettings(format=format_)
    assert compile_access_log(settings, "stages.prod.accessLogSettings", problems) is None
    assert {problem.path for problem in problems} == {"stages.prod.accessLogSettings.format"}
    return [problem.message for problem in problems]


def test_the_json_preset_has_aws_s_members() -> None:
    assert json.loads(line("json")) == {
        "requestId": REQUEST_ID,
        "extendedRequestId": EXTENDED_REQUEST_ID,
        "ip": "203.0.113.9",
        "caller": "-",
        "user": "-",
        "requestTime": "22/Nov/2026:12:00:00 +0000",
        "httpMethod": "GET",
        "resourcePath": "/pets/{petId}",
        "status": "200",
        "protocol": "HTTP/1.1",
        "responseLength": "192",
    }


def test_the_clf_preset_is_aws_s_line() -> None:
    assert line("clf") == (
        "203.0.113.9 - - [22/Nov/2026:12:00:00 +0000] "
        '"GET /pets/{petId} HTTP/1.1" 200 192 '
        f"{REQUEST_ID} {EXTENDED_REQUEST_ID}"
    )


def test_the_csv_preset_is_aws_s_row() -> None:
    assert line("csv") == (
        "203.0.113.9,-,-,22/Nov/2026:12:00:00 +0000,GET,/pets/{petId},HTTP/1.1,200,192,"
        f"{REQUEST_ID},{EXTENDED_REQUEST_ID}"
    )


def test_the_xml_preset_is_aws_s_element() -> None:
    element = ET.fromstring(line("xml"))

    assert element.tag == "request"
    assert element.get("id") == REQUEST_ID
    assert [child.tag for child in element] == [
        "extendedRequestId", "ip", "caller", "user", "requestTime", "httpMethod", "resourcePath",
        "status", "protocol", "responseLength",
    ]  # fmt: skip
    assert element.findtext("resourcePath") == "/pets/{petId}"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_s_layout_written_out_is_the_preset(preset: str) -> None:
    assert line(PRESETS[preset]) == line(preset)


def test_a_missing_value_is_a_dash() -> None:
    unmatched = exchange(identity=None, status=0)

    assert line("$context.requestId $context.stage $context.status $context.identity.user",
                unmatched) == f"{REQUEST_ID} - - -"  # fmt: skip


@pytest.mark.parametrize(
    "format_",
    [
        "$context.requestId $context.responseLength",
        "$context.requestId,$context.responseLength",
        '"$context.requestId","$context.responseLength"',
        '{"id":"$context.requestId","length":"$context.responseLength"}',
        '{"id":"$context.requestId","length":$context.responseLength}',
        "<a id='$context.requestId'>$context.responseLength</a>",
    ],
)
def test_an_answer_without_a_body_has_the_length_0_in_all_formats(format_: str) -> None:
    empty = line(format_, exchange(response_length=0))

    assert empty == line(format_).replace("192", "0")


def test_an_empty_value_is_a_dash() -> None:
    served = exchange(request(headers=(("User-Agent", ""),)))

    assert line("$context.requestId $context.identity.userAgent", served) == f"{REQUEST_ID} -"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\\n"])
def test_a_format_may_end_its_line_or_not(end: str) -> None:
    assert line("$context.requestId x" + end) == f"{REQUEST_ID} x"


def test_percent_signs_and_dollars_of_a_format_are_constant_text() -> None:
    assert line("100% of %s costs $5 # $context.requestId") == f"100% of %s costs $5 # {REQUEST_ID}"


def test_a_name_ends_where_a_sentence_does() -> None:
    assert line("It was $context.requestId. $context.status!") == f"It was {REQUEST_ID}. 200!"


def test_claims_may_be_named_in_brackets() -> None:
    text = "$context.requestId $context.authorizer.claims['custom:role']"

    assert line(text) == f"{REQUEST_ID} -"


@given(agent=st.text(st.characters(), max_size=40), path=st.text(st.characters(), max_size=40))
def test_no_client_can_forge_a_json_line(agent: str, path: str) -> None:
    text = f'{{{ID},"ua":"$context.identity.userAgent","path":"$context.path","end":1}}'
    served = exchange(_with_agent(agent), context_path=path)

    members = orjson.loads(line(text, served))

    assert list(members) == ["id", "ua", "path", "end"]
    assert members["end"] == 1


def _with_agent(agent: str) -> Any:
    # Built without encoding: what arrived in bytes that are no UTF-8 is a lone surrogate here.
    built = request()
    built.fields = {"User-Agent": agent}
    return built


@pytest.mark.parametrize("preset", ["clf", "csv", "xml", "json"])
def test_no_client_can_add_a_line_to_a_preset(preset: str) -> None:
    assert line(preset, exchange(request(method=EVIL, source_ip=EVIL)))


def test_no_client_can_end_a_quoted_part_of_a_text_line() -> None:
    text = '$context.requestId "$context.identity.userAgent" $context.status'

    served = exchange(_with_agent('x" 200 "'))

    assert line(text, served) == f'{REQUEST_ID} "x\\" 200 \\"" 200'


def test_no_client_can_add_a_csv_field() -> None:
    served = exchange(request(source_ip='1,2"3'))

    assert len(next(csv.reader([line("csv", served)], strict=True))) == 11


def test_no_client_can_add_an_xml_element() -> None:
    served = exchange(request(method="</httpMethod><status>200</status>"))

    assert len(ET.fromstring(line("xml", served))) == 10


def test_custom_xml_is_escaped_as_xml() -> None:
    text = "<r i='$context.requestId' a='$context.identity.userAgent'/>"

    assert ET.fromstring(line(text, exchange(_with_agent("a'<b>")))).get("a") == "a'<b>"


def test_outside_quotes_a_json_format_gets_json_values() -> None:
    text = (
        f'{{{ID},"status":$context.status,"ms":$context.integrationLatency,"ua":'
        '$context.identity.userAgent,"canary":$context.isCanaryRequest,'
        '"api":$context.apiId,"user":$context.identity.user}'
    )

    served = exchange(_with_agent('a",b'), integration_latency=0.1)
    assert orjson.loads(line(text, served)) == {
        "id": REQUEST_ID, "status": 200, "ms": 100, "ua": 'a",b', "canary": "-",
        "api": "petstore", "user": "-",
    }  # fmt: skip
    assert orjson.loads(line(text))["ms"] == "-"


@pytest.mark.parametrize("place", ["$context.error.messageString", '"$context.error.message"'])
def test_an_error_message_is_one_json_string_in_both_forms(place: str) -> None:
    failed = exchange(fault=Fault(GatewayResponseType.DEFAULT_4XX, message='say "no"'))

    assert orjson.loads(line(f'{{{ID},"m":{place}}}', failed))["m"] == 'say "no"'
    assert orjson.loads(line(f'{{{ID},"m":{place}}}'))["m"] == "-"


def test_a_message_string_within_json_quotes_keeps_the_line_valid() -> None:
    failed = exchange(fault=Fault(GatewayResponseType.DEFAULT_4XX, message='say "no"'))

    members = orjson.loads(line(f'{{{ID},"m":"$context.error.messageString"}}', failed))

    assert orjson.loads(members["m"]) == 'say "no"'


def test_a_message_string_in_text_is_quoted_once() -> None:
    failed = exchange(fault=Fault(GatewayResponseType.DEFAULT_4XX, message='say "no"'))

    assert line("$context.requestId $context.error.messageString", failed) == (
        f'{REQUEST_ID} "say \\"no\\""'
    )


def test_escaped_quotes_of_a_format_do_not_end_its_strings() -> None:
    text = f'{{{ID},"said":"\\"$context.stage\\"","back":"\\\\","n":$context.status}}'

    members = orjson.loads(line(text))

    assert members == {"id": REQUEST_ID, "said": '"prod"', "back": "\\", "n": 200}


def test_a_format_without_a_request_id_is_refused() -> None:
    (message,) = problems_of("$context.status $context.requestIdx.y".removesuffix("x.y") + "Epoch")[
        :1
    ]

    assert "$context.requestId or $context.extendedRequestId" in message


def test_a_misspelt_preset_is_told_the_presets() -> None:
    (message,) = problems_of("jsno")

    assert "json, clf, xml, csv" in message


def test_an_extended_request_id_alone_is_enough() -> None:
    assert line("$context.extendedRequestId") == EXTENDED_REQUEST_ID


def test_an_unknown_variable_is_named_with_the_nearest_one() -> None:
    (message,) = problems_of("$context.requestId $context.identity.sourceIP")

    assert "$context.identity.sourceIP" in message
    assert "did you mean $context.identity.sourceIp?" in message


@pytest.mark.parametrize(
    ("text", "named"),
    [("$input.body", "$input"), ("$stageVariables.x", "$stageVariables"), ("$util.x()", "$util"),
     ("${stageVariables.x}", "${stageVariables"), ("$!input", "$!input"), ("$foo", "$foo"),
     ("#if(true)", "#if"), ("#set($x = 1)", "#set"), ("## note", "##"), ("$context", "$context"),
     ("${context.status}", "${")],
)  # fmt: skip
def test_templates_are_refused_by_the_construct_they_use(text: str, named: str) -> None:
    messages = problems_of(f"$context.requestId {text}")

    assert any(f"cannot hold {named}" in message for message in messages)


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x00b", "a\u2028b"])
def test_a_format_of_several_lines_is_refused(text: str) -> None:
    (message,) = problems_of(f"$context.requestId {text}")

    assert "single line" in message


def test_a_format_may_have_tabs() -> None:
    assert line("$context.requestId\t$context.status") == f"{REQUEST_ID}\t200"


def test_a_format_of_3_kb_is_the_longest() -> None:
    start = "$context.requestId"
    assert line(start + " " * (3072 - len(start) - 1) + "x")

    (message,) = problems_of(start + "é" * 1528)

    assert "3 KB" in message


def test_every_problem_is_told_at_once() -> None:
    problems: list[Problem] = []
    settings = AccessLogSettings(destination="../x", format="$context.nope $input.body")

    assert compile_access_log(settings, "a", problems) is None
    assert [problem.path for problem in problems] == ["a.destination", *["a.format"] * 3]


def test_the_destination_is_resolved() -> None:
    arn = "arn:aws:logs:eu-west-1:000000000000:log-group:shop"
    problems: list[Problem] = []
    settings = AccessLogSettings(destination=arn)

    base = compile_access_log(settings, "a", problems)
    canary = compile_access_log(settings, "a", problems, is_canary=True)

    assert base is not None
    assert canary is not None
    assert (base.destination, canary.destination) == ("logs/shop.log", "logs/shop/Canary.log")


@pytest.mark.parametrize("name", ["JSON", "Clf", "XML", "csv"])
def test_presets_are_known_in_any_case(name: str) -> None:
    assert line(name) == line(PRESETS[name.lower()])


@pytest.mark.parametrize(
    "format_",
    [
        "$context.requestId,$context.identity.userAgent,$context.status",
        '"$context.requestId","$context.identity.userAgent","$context.status"',
        '$context.requestId,"$context.identity.userAgent",$context.status',
        '"$context.requestId",$context.identity.userAgent,"$context.status"',
    ],
)
@given(agent=st.text())
def test_no_client_can_add_a_field_to_a_csv_format_of_ones_own(format_: str, agent: str) -> None:
    for value in (agent, EVIL, '",200,"', "a,b"):
        served = exchange(request(fields={"User-Agent": value}))
        rows = list(csv.reader([line(format_, served)], strict=True))

        assert [len(row) for row in rows] == [3]
        assert (rows[0][0], rows[0][2]) == (REQUEST_ID, "200")


def test_commas_of_a_sentence_make_no_csv() -> None:
    served = exchange(request(fields={"User-Agent": "a,b"}))

    assert line("$context.requestId, by $context.identity.userAgent", served).endswith(" by a,b")
