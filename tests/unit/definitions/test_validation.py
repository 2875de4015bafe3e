"""Definitions whose values have the right types but cannot be deployed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.definitions import codec
from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.validation import errors_in, problems_of
from gateway.errors import Problem

MOCK = {"type": "MOCK"}
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/a/invocations"
REQUEST = {"type": "REQUEST", "authorizerUri": URI, "authorizerResultTtlInSeconds": 0}


def problems(
    method: dict[str, Any] | None = None, path: str = "/a", verb: str = "GET", **members: Any
) -> list[str]:
    """Return the problems of a definition with one method, or without any when it is `{}`."""
    value = {
        "restApi": {"name": "a"},
        "resources": [{"path": path, "methods": {verb: method or {"integration": MOCK}}}],
        **members,
    }
    found: list[Problem] = []
    definition = codec.decode(ApiDefinition, value, problems=found)
    assert found == []
    assert definition is not None
    return [str(problem) for problem in problems_of(definition)]


def of_integration(**members: Any) -> list[str]:
    return [
        text.removeprefix("resources./a.GET.integration.")
        for text in problems({"integration": members})
    ]


def test_a_sound_definition_has_none() -> None:
    assert problems() == []


def test_an_api_without_methods_is_refused() -> None:
    (text,) = problems(resources=[{"path": "/"}])

    assert text.startswith("resources: The REST API doesn't contain any methods")


def test_a_method_without_integration_is_refused() -> None:
    (text,) = problems({"apiKeyRequired": False})

    assert text.startswith("resources./a.GET: No integration defined for method")


def test_an_unknown_http_method_is_refused_with_awss_words() -> None:
    (text,) = problems(verb="get")

    assert text == (
        "resources./a.get: Invalid HttpMethod specified. Valid options are "
        'GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY; did you mean "GET"?'
    )


@pytest.mark.parametrize(
    ("rest_api", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 1025}, "name"),
        ({"name": "a", "id": "Pets"}, "id"),
        ({"name": "a", "id": "-a"}, "id"),
        ({"name": "a", "id": "a" * 64}, "id"),
        ({"name": "a", "binaryMediaTypes": ["image"]}, "binaryMediaTypes[0]"),
        ({"name": "a", "minimumCompressionSize": -1}, "minimumCompressionSize"),
        ({"name": "a", "minimumCompressionSize": 10485761}, "minimumCompressionSize"),
        ({"name": "a", "policy": "no json"}, "policy"),
        ({"name": "a", "policy": "[]"}, "policy"),
        ({"name": "a", "policy": '{"a": "' + "x" * 9000 + '"}'}, "policy"),
    ],
)
def test_attributes_of_the_api_have_bounds(rest_api: dict[str, Any], path: str) -> None:
    (text,) = problems(restApi=rest_api)

    assert text.startswith(f"restApi.{path}: ")


@pytest.mark.parametrize(
    "rest_api",
    [
        {"name": "a", "id": "a-1", "binaryMediaTypes": ["image/*", "*/*"]},
        {"name": "a", "minimumCompressionSize": 0, "policy": '{"Version": "2012-10-17"}'},
    ],
)
def test_attributes_within_bounds_pass(rest_api: dict[str, Any]) -> None:
    assert problems(restApi=rest_api) == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:9000/pets/{petId}?a=b",
        "https://${stageVariables.backend}/x",
        "http://${stageVariables.host}.example.com",
        "HTTP://example.com",
    ],
)
def test_http_uris_may_hold_variables(uri: str) -> None:
    assert of_integration(type="HTTP_PROXY", uri=uri) == []


@pytest.mark.parametrize(
    "uri",
    [None, "", "example.com", "ftp://a", "http://", "http:///a", "http://a b", "http://a\n",
     "http://a\\b", "${stageVariables.url}"],
)  # fmt: skip
def test_other_uris_are_refused_with_awss_words(uri: str | None) -> None:
    (text,) = of_integration(type="HTTP", uri=uri)

    assert text.startswith("uri: Invalid HTTP endpoint specified for URI")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        (None, "Invalid ARN specified in the request"),
        ("http://a", "Invalid ARN specified in the request"),
        ("arn:aws:lambda:us-east-1:0:function:f", "must contain path or action"),
        ("arn:aws:apigateway:us-east-1:sqs:queue/a", "must contain path or action"),
    ],
)
def test_aws_integrations_need_an_arn_with_path_or_action(uri: str | None, words: str) -> None:
    (text,) = of_integration(type="AWS", uri=uri)

    assert words in text


def test_a_lambda_function_is_invoked_by_post() -> None:
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"

    assert of_integration(type="AWS_PROXY", uri=uri, httpMethod="POST") == []
    assert of_integration(type="AWS_PROXY", uri=uri, httpMethod="GET") != []


@pytest.mark.parametrize("millis", [49, 29_001, -1])
def test_timeouts_have_awss_bounds(millis: int) -> None:
    (text,) = of_integration(type="MOCK", timeoutInMillis=millis)

    assert text.startswith("timeoutInMillis: Timeout should be between 50 ms and 29000 ms")


@pytest.mark.parametrize("millis", [50, 29_000])
def test_the_bounds_themselves_are_allowed(millis: int) -> None:
    assert of_integration(type="MOCK", timeoutInMillis=millis) == []


def test_the_integrations_own_method_is_checked() -> None:
    (text,) = of_integration(type="HTTP", uri="http://a", httpMethod="FETCH")

    assert text.startswith("httpMethod: Invalid HttpMethod specified")


def test_a_vpc_link_needs_its_id() -> None:
    (text,) = of_integration(type="HTTP", uri="http://a", connectionType="VPC_LINK")

    assert text.startswith("connectionId: ")


@pytest.mark.parametrize("type_", ["CUSTOM", "COGNITO_USER_POOLS", "JWT"])
def test_an_authorizer_must_be_named(type_: str) -> None:
    (text,) = problems({"authorizationType": type_, "integration": MOCK})

    assert text.startswith("resources./a.GET.authorizerId: ")


@pytest.mark.parametrize(
    "key", ["method.request.body.a", "querystring.a", "method.request.header.a b", ""]
)
def test_declared_parameters_have_a_grammar(key: str) -> None:
    (text,) = problems({"requestParameters": {key: True}, "integration": MOCK})

    assert "Invalid mapping expression specified" in text


def test_a_parameters_name_is_unique_across_places() -> None:
    names = {"method.request.querystring.a": True, "method.request.header.a": False}
    (text,) = problems({"requestParameters": names, "integration": MOCK})

    assert "Parameter names must be unique across querystring, header and path" in text


@pytest.mark.parametrize("status", ["20", "600", "2xx", "099", "２００"])
def test_statuses_are_three_digits(status: str) -> None:
    texts = problems(
        {
            "integration": {**MOCK, "integrationResponses": {status: {}}},
            "methodResponses": {status: {}},
        },
        gatewayResponses={"THROTTLED": {"statusCode": status}},
    )

    assert [text.partition(": ")[0] for text in texts] == [
        f"resources./a.GET.methodResponses.{status}",
        f"resources./a.GET.integration.integrationResponses.{status}",
        "gatewayResponses.THROTTLED.statusCode",
    ]


def test_declared_response_headers_have_a_grammar() -> None:
    response = {"responseParameters": {"integration.response.header.a": True}}
    (text,) = problems({"methodResponses": {"200": response}, "integration": MOCK})

    assert "must be method.response.header.NAME" in text


def test_media_types_are_checked_where_templates_and_models_are_chosen() -> None:
    texts = problems(
        {
            "requestModels": {"json": "A"},
            "integration": {
                **MOCK,
                "requestTemplates": {"123": "", "$default": ""},
                "integrationResponses": {"200": {"responseTemplates": {"123": ""}}},
            },
            "methodResponses": {"200": {}},
        },
        gatewayResponses={"THROTTLED": {"responseTemplates": {"json": ""}}},
    )

    assert len(texts) == 4
    assert all("Invalid content type specified" in text for text in texts)


def test_templates_have_awss_size() -> None:
    (text,) = of_integration(type="MOCK", requestTemplates={"a/b": "é" * 200_000})

    assert "307200 bytes" in text


def test_an_undeclared_method_response_is_a_warning() -> None:
    value = {"integration": {**MOCK, "integrationResponses": {"200": {}}}}
    found: list[Problem] = []
    definition = codec.decode(
        ApiDefinition,
        {"restApi": {"name": "a"}, "resources": [{"path": "/", "methods": {"GET": value}}]},
        problems=found,
    )
    assert definition is not None
    found = problems_of(definition)

    assert [problem.severity for problem in found] == ["warning"]
    assert errors_in(found) == []
    assert errors_in([dataclasses.replace(found[0], severity="error")]) != []


def test_an_unknown_gateway_response_type_gets_a_suggestion() -> None:
    (text,) = problems(gatewayResponses={"THROTLED": {}})

    assert 'did you mean "THROTTLED"?' in text


def test_models_validators_and_authorizers_may_be_sound() -> None:
    assert (
        problems(
            models={
                "Pet": {"schema": '{"$ref": "#"}'},
                "Xml": {"contentType": "a/b", "schema": "<"},
            },
            requestValidators={"all-1": {"name": "all"}},
            authorizers={"a": REQUEST},
        )
        == []
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"models": {"a-b": {"schema": "{}"}}}, "models.a-b: Model name must be alphanumeric"),
        ({"models": {"A": {}}}, "models.A.schema: Model schema must have at least 1 property"),
        (
            {"models": {"A": {"schema": "{}", "contentType": "json"}}},
            "models.A.contentType: Invalid content type specified",
        ),
        (
            {"models": {"A": {"schema": "{}", "id": "a"}, "B": {"schema": "{}", "id": "a"}}},
            'models.B.id: the id "a" is also that of A',
        ),
        ({"models": {"A": {"schema": "{}", "id": "/"}}}, 'models.A.id: the id "/" may hold'),
        ({"requestValidators": {"a b": {}}}, 'requestValidators.a b: the id "a b" may hold'),
        (
            {"requestValidators": {"a": {"name": "x" * 1025}}},
            "requestValidators.a.name: must have at most 1024 characters",
        ),
        (
            {"authorizers": {"a": {"type": "TOKEN", "authorizerUri": URI}}},
            "authorizers.a.identitySource: Invalid request input: identitySource is required",
        ),
        (
            {"authorizers": {"a": REQUEST, "b": {**REQUEST, "name": "a"}}},
            'authorizers.b.name: Authorizer name must be unique: "a" is also that of a',
        ),
        ({"authorizers": {"": REQUEST}}, 'authorizers.: the id "" may hold'),
    ],
)
def test_a_mistake_in_them_is_named_with_its_place(members: dict[str, Any], expected: str) -> None:
    (text,) = problems(**members)

    assert text.startswith(expected)


def test_paths_are_checked_too() -> None:
    (text,) = problems(path="/a/")

    assert text.startswith("resources./a/: ")


def test_a_status_that_only_announces_an_answer_is_no_answers() -> None:
    texts = problems(
        {
            "methodResponses": {"103": {}, "200": {}, "100": {}},
            "integration": {**MOCK, "integrationResponses": {"102": {}, "200": {}}},
        }
    )

    assert sum("1xx cannot be a final status" in text for text in texts) == 3


def test_a_path_of_too_many_segments_costs_no_more_than_its_message() -> None:
    # The paths above it together have 10 GB.
    (text,) = problems(path="/a" * 100_000)

    assert text.endswith("64 segments")
