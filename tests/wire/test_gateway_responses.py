"""Gateway responses through AWS's client, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from gateway.errors import GatewayResponseType
from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal

TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}
PARAMETERS = {
    "gatewayresponse.header.Access-Control-Allow-Origin": "'a.b.c'",
    "gatewayresponse.header.x-request-path": "method.request.path.petId",
    "gatewayresponse.header.x-request-query": "method.request.querystring.q",
    "gatewayresponse.header.x-request-header": "method.request.header.Accept",
}
UNKNOWN_TYPE = (
    "1 validation error detected: Value 'FAKE_RESPONSE_TYPE' at 'responseType' failed to satisfy "
    "constraint: Member must satisfy enum value set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, "
    "AUTHORIZER_CONFIGURATION_ERROR, MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, "
    "INVALID_SIGNATURE, INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, "
    "INTEGRATION_TIMEOUT, ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, "
    "THROTTLED, API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, "
    "EXPIRED_TOKEN]"
)


@pytest.fixture
def api(aws: Any) -> str:
    made: str = aws.create_rest_api(name="pets")["id"]
    return made


def listed(aws: Any, api: str) -> dict[str, Any]:
    return {
        each["responseType"]: each for each in aws.get_gateway_responses(restApiId=api)["items"]
    }


def test_every_type_is_there_with_its_default(control: ControlPlane, aws: Any, api: str) -> None:
    found = listed(aws, api)

    assert [*found] == sorted(GatewayResponseType)
    assert len(found) == 21
    assert found["MISSING_AUTHENTICATION_TOKEN"] == {
        "responseType": "MISSING_AUTHENTICATION_TOKEN",
        "statusCode": "403",
        "responseParameters": {},
        "responseTemplates": TEMPLATES,
        "defaultResponse": True,
    }
    assert "position" not in control.answers[-1][3]
    for general in ("DEFAULT_4XX", "DEFAULT_5XX"):
        assert "statusCode" not in found[general]
    statuses = {"REQUEST_TOO_LARGE": "413", "THROTTLED": "429", "UNSUPPORTED_MEDIA_TYPE": "415"}
    assert {name: found[name]["statusCode"] for name in statuses} == statuses


def test_types_come_in_pages(aws: Any, api: str) -> None:
    first = aws.get_gateway_responses(restApiId=api, limit=20)
    rest = aws.get_gateway_responses(restApiId=api, position=first["position"])

    assert len(first["items"]) == 20
    assert [each["responseType"] for each in rest["items"]] == ["WAF_FILTERED"]
    assert "position" not in rest


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"statusCode": "404"}, {"statusCode": "404"}),
        ({"responseParameters": PARAMETERS}, {"responseParameters": PARAMETERS}),
        (
            {"responseTemplates": {"application/json": "{}"}},
            {"responseTemplates": {"application/json": "{}"}},
        ),
        ({}, {}),
    ],
)
def test_what_is_left_out_takes_its_default(
    control: ControlPlane, aws: Any, api: str, given: dict[str, Any], shown: dict[str, Any]
) -> None:
    aws.put_gateway_response(
        restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN", statusCode="410"
    )
    aws.put_gateway_response(restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN", **given)

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {
        "responseType": "MISSING_AUTHENTICATION_TOKEN",
        "statusCode": "403",
        "responseParameters": {},
        "responseTemplates": TEMPLATES,
        "defaultResponse": False,
        **shown,
    }
    aws.get_gateway_response(restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    assert control.answers[-1][3] == told


def test_a_general_type_speaks_for_those_that_nobody_set(aws: Any, api: str) -> None:
    header = {"gatewayresponse.header.x": "method.request.header.Accept"}
    aws.put_gateway_response(
        restApiId=api,
        responseType="AUTHORIZER_FAILURE",
        responseParameters={"gatewayresponse.header.foo": "'bar'"},
    )
    aws.put_gateway_response(
        restApiId=api,
        responseType="DEFAULT_5XX",
        statusCode="599",
        responseParameters=header,
        responseTemplates={"application/json": "{}"},
    )

    found = listed(aws, api)

    assert found["INTEGRATION_TIMEOUT"] == {
        "responseType": "INTEGRATION_TIMEOUT",
        "statusCode": "599",
        "responseParameters": header,
        "responseTemplates": {"application/json": "{}"},
        "defaultResponse": True,
    }
    assert found["AUTHORIZER_FAILURE"] == {
        "responseType": "AUTHORIZER_FAILURE",
        "statusCode": "500",
        "responseParameters": {"gatewayresponse.header.foo": "'bar'"},
        "responseTemplates": TEMPLATES,
        "defaultResponse": False,
    }
    assert found["THROTTLED"]["statusCode"] == "429"


def test_deleting_brings_the_default_back(control: ControlPlane, aws: Any, api: str) -> None:
    named = {"restApiId": api, "responseType": "THROTTLED"}
    aws.put_gateway_response(**named, statusCode="503")

    aws.delete_gateway_response(**named)

    assert control.answers[-1][1] == 202
    told = aws.get_gateway_response(**named)
    assert (told["statusCode"], told["defaultResponse"]) == ("429", True)
    with pytest.raises(ClientError) as error:
        aws.delete_gateway_response(**named)
    assert refusal(error) == ("NotFoundException", "Gateway response type not defined on api")


def test_an_update_of_what_nobody_set_sets_it(control: ControlPlane, aws: Any, api: str) -> None:
    aws.update_gateway_response(
        restApiId=api,
        responseType="DEFAULT_4XX",
        patchOperations=[patch("replace", "/statusCode", "444")],
    )

    _, status, _, told = control.answers[-1]
    assert status == 200
    assert told == {
        "responseType": "DEFAULT_4XX",
        "statusCode": "444",
        "responseParameters": {},
        "responseTemplates": TEMPLATES,
        "defaultResponse": False,
    }
    aws.update_gateway_response(
        restApiId=api,
        responseType="DEFAULT_4XX",
        patchOperations=[patch("replace", "/statusCode")],
    )
    assert "statusCode" not in control.answers[-1][3]


def test_an_update_of_nothing_sets_nothing(aws: Any, api: str) -> None:
    told = aws.update_gateway_response(restApiId=api, responseType="THROTTLED", patchOperations=[])

    assert told["defaultResponse"] is True


def test_parameters_and_templates_are_patched(control: ControlPlane, aws: Any, api: str) -> None:
    named = {"restApiId": api, "responseType": "DEFAULT_4XX"}
    aws.put_gateway_response(**named, statusCode="404", responseParameters=PARAMETERS)
    origin = "/responseParameters/gatewayresponse.header.Access-Control-Allow-Origin"

    aws.update_gateway_response(
        **named,
        patchOperations=[
            patch("replace", "/statusCode", "444"),
            patch("replace", origin, "'example.com'"),
            patch("add", "/responseTemplates/application~1xml", "<m/>"),
            patch("remove", "/responseParameters/gatewayresponse.header.x-request-path"),
        ],
    )

    told = control.answers[-1][3]
    assert told["statusCode"] == "444"
    assert told["responseTemplates"] == {**TEMPLATES, "application/xml": "<m/>"}
    assert sorted(told["responseParameters"].values()) == [
        "'example.com'",
        "method.request.header.Accept",
        "method.request.querystring.q",
    ]
    aws.update_gateway_response(
        **named, patchOperations=[patch("remove", "/responseTemplates/application~1json")]
    )
    assert control.answers[-1][3]["responseTemplates"] == {"application/xml": "<m/>"}


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        (
            patch("add", "/statusCode", "400"),
            "BadRequestException",
            "Invalid patch path /statusCode",
        ),
        (patch("remove", "/statusCode"), "BadRequestException", "Invalid patch path /statusCode"),
        ({"op": "replace", "value": "400"}, "BadRequestException", "Invalid patch path null"),
        (
            patch("replace", "/wrongPath", "400"),
            "BadRequestException",
            "Invalid patch path /wrongPath",
        ),
        (
            patch("replace", "/statusCode", "999"),
            "BadRequestException",
            "Invalid status code specified: 999",
        ),
        (
            patch("replace", "/responseTemplates/application~1json"),
            "BadRequestException",
            "Invalid null or empty value in responseTemplates",
        ),
        (
            patch("add", "/responseParameters/gatewayresponse.header.x"),
            "BadRequestException",
            "Invalid null or empty value in responseParameters",
        ),
        (
            patch("replace", "/responseParameters/gatewayresponse.header.x", "'x'"),
            "NotFoundException",
            "Invalid parameter name specified",
        ),
        (
            patch("remove", "/responseTemplates/text~1html"),
            "NotFoundException",
            "Content-Type specified was not found",
        ),
        (
            patch("wrong-op", "/statusCode", "400"),
            "ValidationException",
            (
                "1 validation error detected: Value 'wrong-op' at "
                "'updateGatewayResponseInput.patchOperations.1.member.op' failed to satisfy "
                "constraint: Member must satisfy enum value set: "
                "[add, remove, move, test, replace, copy]"
            ),
        ),
    ],
)
def test_a_wrong_patch_is_refused(
    aws: Any, api: str, operation: dict[str, str], code: str, message: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws.update_gateway_response(
            restApiId=api, responseType="DEFAULT_4XX", patchOperations=[operation]
        )

    assert refusal(error) == (code, message)
    told = aws.get_gateway_response(restApiId=api, responseType="DEFAULT_4XX")
    assert told["defaultResponse"] is True


def test_an_unknown_type_or_api_is_named(control: ControlPlane) -> None:
    for verb in ("GET", "PUT", "PATCH", "DELETE"):
        path = "/restapis/nothing/gatewayresponses/"
        assert control.error(verb, f"{path}FAKE_RESPONSE_TYPE") == (
            400,
            "ValidationException",
            UNKNOWN_TYPE,
        )
        assert control.error(verb, f"{path}THROTTLED") == (
            404,
            "NotFoundException",
            f"Invalid API identifier specified {ACCOUNT}:nothing",
        )
    assert control.error("GET", "/restapis/nothing/gatewayresponses")[:2] == (
        404,
        "NotFoundException",
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"responseTemplates": {"application/json": None}},
            "BadRequestException",
            "Invalid null or empty value in responseTemplates",
        ),
        (
            {"responseParameters": {"gatewayresponse.header.x": ""}},
            "BadRequestException",
            "Invalid null or empty value in responseParameters",
        ),
        (
            {"statusCode": "600"},
            "ValidationException",
            (
                "1 validation error detected: Value '600' at 'putGatewayResponseInput.statusCode' "
                "failed to satisfy constraint: Member must satisfy regular expression pattern: "
                r"[1-5]\d\d"
            ),
        ),
        (
            {"responseParameters": {"header.x": "'x'"}},
            "BadRequestException",
            (
                "Invalid gateway response specified: responseParameters.header.x: header.x is no "
                "destination; write gatewayresponse.header.NAME"
            ),
        ),
        (
            {"statusCode": "101"},
            "BadRequestException",
            (
                "Invalid gateway response specified: statusCode: '101' is no status to answer "
                "with; write 200 to 599"
            ),
        ),
    ],
)
def test_a_response_that_cannot_be_served_is_refused(
    control: ControlPlane, aws: Any, api: str, body: dict[str, Any], code: str, message: str
) -> None:
    path = f"/restapis/{api}/gatewayresponses/THROTTLED"

    assert control.error("PUT", path, body) == (400, code, message)
    assert listed(aws, api)["THROTTLED"]["defaultResponse"] is True
