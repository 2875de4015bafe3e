"""Methods, integrations and their responses through AWS's client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, api_with_method

BAD_MAPPING = (
    "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
    "[Invalid mapping expression parameter specified: {}]"
)


@pytest.fixture
def api(aws: Any) -> MadeApi:
    return api_with_method(aws)


def test_a_new_method_shows_what_was_given(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    aws.put_method(**{**api.method, "httpMethod": "POST"}, authorizationType="NONE")

    assert control.answers[-1][3] == {
        "httpMethod": "POST",
        "authorizationType": "NONE",
        "apiKeyRequired": False,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"httpMethod": "BREW"},
            (
                "Invalid HttpMethod specified. Valid options are "
                "GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"
            ),
        ),
        (
            {"authorizationType": "CUSTOM"},
            (
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
                "COGNITO_USER_POOLS requires a valid authorizer."
            ),
        ),
        (
            {"authorizationType": "COGNITO_USER_POOLS", "authorizerId": "nobody"},
            (
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
                "COGNITO_USER_POOLS requires a valid authorizer."
            ),
        ),
        ({"requestValidatorId": "nothing"}, "Invalid Request Validator identifier specified"),
        (
            {"requestModels": {"application/json": "Nothing"}},
            "Invalid model identifier specified: Nothing",
        ),
        (
            {
                "requestParameters": {
                    "method.request.header.a": True,
                    "method.request.querystring.a": True,
                }
            },
            "Parameter names must be unique across querystring, header and path",
        ),
        ({"requestParameters": {"header.a": True}}, BAD_MAPPING.format("header.a")),
    ],
)
def test_a_bad_method_is_refused(
    aws: Any, api: MadeApi, arguments: dict[str, Any], message: str
) -> None:
    named = {**api.method, "httpMethod": "POST", "authorizationType": "NONE"}

    with pytest.raises(ClientError) as error:
        aws.put_method(**{**named, **arguments})

    assert refusal(error) == ("BadRequestException", message)


def test_a_method_is_put_once(aws: Any, api: MadeApi) -> None:
    with pytest.raises(ClientError) as error:
        aws.put_method(**api.method, authorizationType="NONE")

    assert refusal(error) == ("ConflictException", "Method already exists for this resource")


def test_what_is_not_there_is_named(aws: Any, api: MadeApi) -> None:
    other = {**api.method, "httpMethod": "PUT"}
    status = {**api.method, "statusCode": "200"}
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: aws.get_method(**other), "Invalid Method identifier specified"),
        (lambda: aws.put_integration(**other, type="MOCK"), "Invalid Method identifier specified"),
        (lambda: aws.delete_integration(**other), "Invalid Method identifier specified"),
        (lambda: aws.get_method_response(**status), "Invalid Response status code specified"),
        (lambda: aws.delete_method_response(**status), "Invalid Response status code specified"),
        (lambda: aws.get_integration_response(**status), "Invalid Response status code specified"),
        (lambda: aws.put_integration_response(**status), "Invalid Response status code specified"),
        (
            lambda: aws.put_method(
                **{**api.method, "restApiId": "nothing"}, authorizationType="NONE"
            ),
            "Invalid Resource identifier specified",
        ),
    ]
    for call, message in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == ("NotFoundException", message)


def test_methods_are_patched(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    aws.update_method(
        **api.method,
        patchOperations=[
            patch("replace", "/apiKeyRequired", "true"),
            patch("replace", "/authorizationType", "AWS_IAM"),
            patch("replace", "/operationName", "listPets"),
            patch("add", "/requestParameters/method.request.querystring.tag", "true"),
            patch("add", "/requestParameters/method.request.header.x", "something"),
            patch("add", "/requestModels/application~1json", "Empty"),
            patch("add", "/authorizationScopes", "a/b"),
            patch("replace", "/authorizerId", "ignored"),
        ],
    )

    shown = control.answers[-1][3]
    del shown["methodIntegration"]
    assert shown == {
        "httpMethod": "GET",
        "authorizationType": "AWS_IAM",
        "apiKeyRequired": True,
        "operationName": "listPets",
        "requestParameters": {
            "method.request.querystring.tag": True,
            "method.request.header.x": False,
        },
        "requestModels": {"application/json": "Empty"},
        "authorizationScopes": ["a/b"],
    }


@pytest.mark.parametrize("path", ["/wrong", "/httpMethod", "/requestParameters", ""])
def test_a_wrong_patch_of_a_method_is_refused(aws: Any, api: MadeApi, path: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.update_method(**api.method, patchOperations=[patch("replace", path, "x")])

    assert refusal(error) == ("BadRequestException", f"Invalid patch path {path or 'null'}")


def test_method_responses_live_and_die(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    status = {**api.method, "statusCode": "200"}
    header = "method.response.header.x"
    aws.put_method_response(
        **status, responseParameters={header: True}, responseModels={"application/json": "Empty"}
    )
    told = control.answers[-1]
    assert told[3] == {
        "statusCode": "200",
        "responseParameters": {header: True},
        "responseModels": {"application/json": "Empty"},
    }
    with pytest.raises(ClientError) as error:
        aws.put_method_response(**status)
    assert refusal(error)[0] == "ConflictException"

    aws.update_method_response(
        **status,
        patchOperations=[
            patch("replace", f"/responseParameters/{header}", "false"),
            patch("remove", "/responseModels/application~1json"),
        ],
    )
    assert control.answers[-1][1] == 201
    assert control.answers[-1][3] == {"statusCode": "200", "responseParameters": {header: False}}
    aws.delete_method_response(**status)
    assert control.answers[-1][1] == 204


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        (
            patch("replace", "/responseModels/text~1html", "Empty"),
            "NotFoundException",
            "Content-Type specified was not found",
        ),
        (
            patch("remove", "/responseModels/text~1html"),
            "NotFoundException",
            "Content-Type specified was not found",
        ),
        (
            patch("remove", "/responseParameters/method.response.header.y"),
            "NotFoundException",
            "Invalid parameter name specified",
        ),
        (
            patch("replace", "/responseParameters/method.response.header.y", "true"),
            "NotFoundException",
            "Invalid parameter name specified",
        ),
        (
            patch("add", "/wrong/something", "x"),
            "BadRequestException",
            "Invalid patch path /wrong/something",
        ),
    ],
)
def test_a_wrong_patch_of_a_method_response_is_refused(
    aws: Any, api: MadeApi, operation: dict[str, str], code: str, message: str
) -> None:
    status = {**api.method, "statusCode": "200"}
    aws.put_method_response(**status)

    with pytest.raises(ClientError) as error:
        aws.update_method_response(**status, patchOperations=[operation])

    assert refusal(error) == (code, message)


def test_a_status_that_is_none_is_a_validation_error(control: ControlPlane, api: MadeApi) -> None:
    path = f"/restapis/{api.id}/resources/{api.resource}/methods/GET/responses/600"

    assert control.error("PUT", path, {}) == (
        400,
        "ValidationException",
        (
            "1 validation error detected: Value '600' at 'putMethodResponseInput.statusCode' "
            r"failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"[1-5]\d\d"
        ),
    )


def test_an_http_integration_shows_its_defaults(
    control: ControlPlane, aws: Any, api: MadeApi
) -> None:
    aws.put_integration(
        **api.method, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://example.com/a"
    )

    assert control.answers[-1][3] == {
        "type": "HTTP_PROXY",
        "httpMethod": "GET",
        "uri": "http://example.com/a",
        "connectionType": "INTERNET",
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000,
        "cacheNamespace": api.resource,
        "cacheKeyParameters": [],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"type": "HTTP", "uri": "http://a"}, "Enumeration value for HttpMethod must be non-empty"),
        (
            {"type": "HTTP", "uri": "ftp://a", "integrationHttpMethod": "GET"},
            "Invalid HTTP endpoint specified for URI",
        ),
        (
            {"type": "HTTP", "integrationHttpMethod": "GET"},
            "Invalid HTTP endpoint specified for URI",
        ),
        (
            {"type": "AWS", "uri": "http://a", "integrationHttpMethod": "POST"},
            "Invalid ARN specified in the request",
        ),
        (
            {"type": "AWS_PROXY", "uri": "arn:aws:iam::a:x", "integrationHttpMethod": "POST"},
            "AWS ARN for integration must contain path or action",
        ),
        ({"type": "MOCK", "timeoutInMillis": 49}, "Timeout should be between 50 ms and 29000 ms"),
        (
            {"type": "MOCK", "timeoutInMillis": 29001},
            "Timeout should be between 50 ms and 29000 ms",
        ),
        (
            {
                "type": "MOCK",
                "requestParameters": {"integration.request.path.a": "method.request.path.a"},
            },
            BAD_MAPPING.format("method.request.path.a"),
        ),
        (
            {"type": "MOCK", "requestParameters": {"integration.request.wrong.a": "'a'"}},
            BAD_MAPPING.format("integration.request.wrong.a"),
        ),
        (
            {"type": "MOCK", "requestParameters": {"integration.request.header.a": "a"}},
            BAD_MAPPING.replace("parameter ", "").format("a"),
        ),
        (
            {
                "type": "AWS_PROXY",
                "uri": "arn:aws:apigateway:us-east-1:sqs:action/SendMessage",
                "integrationHttpMethod": "POST",
            },
            (
                "Integrations of type 'AWS_PROXY' currently only supports Lambda function and "
                "Firehose stream invocations."
            ),
        ),
    ],
)
def test_a_bad_integration_is_refused(
    aws: Any, api: MadeApi, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws.put_integration(**api.method, **arguments)

    assert refusal(error) == ("BadRequestException", message)


@pytest.mark.parametrize(
    ("body", "type_", "message"),
    [
        (
            {"type": "HTTPS_PROXY"},
            "ValidationException",
            (
                "1 validation error detected: Value 'HTTPS_PROXY' at 'putIntegrationInput.type' "
                "failed to satisfy constraint: Member must satisfy enum value set: "
                "[HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]"
            ),
        ),
        (
            {"type": "HTTPS", "contentHandling": "x"},
            "ValidationException",
            (
                "2 validation errors detected: Value 'HTTPS' at 'putIntegrationInput.type' "
                "failed to satisfy constraint: Member must satisfy enum value set: "
                "[HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]; Value 'x' at "
                "'putIntegrationInput.contentHandling' failed to satisfy constraint: Member must "
                "satisfy enum value set: [CONVERT_TO_BINARY, CONVERT_TO_TEXT]"
            ),
        ),
        (
            {"type": "MOCK", "requestParameters": {"integration.request.header.a": True}},
            "SerializationException",
            "class java.lang.Boolean can not be converted to an String",
        ),
        (
            {"type": "MOCK", "requestParameters": {"integration.request.header.a": "true"}},
            "BadRequestException",
            (
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                "[Invalid mapping expression specified: true]"
            ),
        ),
    ],
)
def test_what_aws_client_would_not_send_is_refused_in_its_words(
    control: ControlPlane, api: MadeApi, body: dict[str, Any], type_: str, message: str
) -> None:
    path = f"/restapis/{api.id}/resources/{api.resource}/methods/GET/integration"

    assert control.error("PUT", path, body) == (400, type_, message)


def test_an_integration_without_responses_replaces_one_with(aws: Any, api: MadeApi) -> None:
    status = {**api.method, "statusCode": "200"}
    aws.put_method_response(**status)
    aws.put_integration_response(**status)

    aws.put_integration(**api.method, type="MOCK")

    assert "integrationResponses" not in aws.get_integration(**api.method)


def test_integrations_are_patched(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    aws.put_integration(
        **api.method, type="HTTP", integrationHttpMethod="GET", uri="http://example.com"
    )

    aws.update_integration(
        **api.method,
        patchOperations=[
            patch("replace", "/uri", "https://example.com/b"),
            patch("replace", "/httpMethod", "POST"),
            patch("replace", "/timeoutInMillis", "100"),
            patch("replace", "/passthroughBehavior", "NEVER"),
            patch("add", "/requestTemplates/application~1json", "{}"),
            patch("add", "/requestParameters/integration.request.header.x", "'y'"),
            patch("add", "/cacheKeyParameters/method.request.querystring.a"),
            patch("replace", "/tlsConfig/insecureSkipVerification", "true"),
            patch("replace", "/contentHandling", "CONVERT_TO_TEXT"),
        ],
    )

    shown = control.answers[-1][3]
    assert shown["uri"] == "https://example.com/b"
    assert shown["httpMethod"] == "POST"
    assert shown["timeoutInMillis"] == 100
    assert shown["passthroughBehavior"] == "NEVER"
    assert shown["requestTemplates"] == {"application/json": "{}"}
    assert shown["requestParameters"] == {"integration.request.header.x": "'y'"}
    assert shown["cacheKeyParameters"] == ["method.request.querystring.a"]
    assert shown["tlsConfig"] == {"insecureSkipVerification": True}
    assert shown["contentHandling"] == "CONVERT_TO_TEXT"
    with pytest.raises(ClientError) as error:
        aws.update_integration(**api.method, patchOperations=[patch("replace", "/type", "MOCK")])
    assert refusal(error)[1] == "Invalid patch path /type"


def test_integration_responses_live_and_die(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    status = {**api.method, "statusCode": "200"}
    aws.put_method_response(**status, responseParameters={"method.response.header.x": False})
    aws.put_integration_response(
        **status,
        selectionPattern="2..",
        responseTemplates={"application/json": ""},
        responseParameters={"method.response.header.x": "'y'"},
    )
    with pytest.raises(ClientError) as error:
        aws.put_integration_response(
            **status, responseParameters={"method.response.header.y": "'y'"}
        )
    assert refusal(error)[1] == BAD_MAPPING.format("method.response.header.y")

    aws.update_integration_response(
        **status,
        patchOperations=[
            patch("replace", "/selectionPattern", "200"),
            patch("replace", "/responseTemplates/application~1json", "text"),
            patch("remove", "/responseParameters/method.response.header.x"),
        ],
    )

    assert control.answers[-1][3] == {
        "statusCode": "200",
        "selectionPattern": "200",
        "responseTemplates": {"application/json": "text"},
    }
    aws.delete_integration_response(**status)
    assert control.answers[-1][1] == 204
    aws.delete_integration(**api.method)
    assert control.answers[-1][1] == 204
    aws.delete_method(**api.method)
    assert control.answers[-1][1] == 204
