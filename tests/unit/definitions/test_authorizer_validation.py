from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.definitions.authorizer import (
    Authorizer,
    AuthorizerType,
    JwtAlgorithm,
    JwtConfiguration,
    JwtIssuer,
)
from gateway.definitions.authorizer_validation import (
    EXPRESSION_CHARACTERS,
    ISSUERS_MAX,
    PROVIDERS_MAX,
    problems_of_authorizer,
)

URI = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${stageVariables.f}/invocations"
)
POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abcdefghi"
HEADER = "method.request.header.Authorization"

TOKEN = Authorizer(type=AuthorizerType.TOKEN, authorizer_uri=URI, identity_source=HEADER)
REQUEST = dataclasses.replace(TOKEN, type=AuthorizerType.REQUEST)
POOLS = Authorizer(
    type=AuthorizerType.COGNITO_USER_POOLS, provider_arns=(POOL,), identity_source=HEADER
)
ISSUER = JwtIssuer(issuer="https://issuer.example.com/", audiences=("a",))
JWT = Authorizer(
    type=AuthorizerType.JWT,
    jwt_configuration=JwtConfiguration(issuers=(ISSUER,), default_algorithms=(JwtAlgorithm.RS256,)),
)


def found(authorizer: Authorizer) -> list[tuple[str, str]]:
    return [(each.path, each.message) for each in problems_of_authorizer(authorizer, "x")]


@pytest.mark.parametrize("authorizer", [TOKEN, REQUEST, POOLS, JWT])
def test_a_plain_one_of_each_type_is_fine(authorizer: Authorizer) -> None:
    assert found(authorizer) == []


@pytest.mark.parametrize(
    ("authorizer", "changes", "path", "part"),
    [
        (TOKEN, {"name": "n" * 129}, "name", "at most 128 characters"),
        (TOKEN, {"authorizer_uri": None}, "authorizerUri", "Invalid Authorizer URI: null."),
        (TOKEN, {"authorizer_uri": "http://a"}, "authorizerUri", "URI: http://a."),
        (TOKEN, {"authorizer_uri": URI + " "}, "authorizerUri", "Invalid Authorizer URI"),
        (TOKEN, {"identity_source": None}, "identitySource", "is required for TOKEN"),
        (TOKEN, {"identity_source": f"{HEADER},{HEADER}"}, "identitySource", "mapping expression"),
        (TOKEN, {"identity_source": "context.stage"}, "identitySource", "mapping expression"),
        (REQUEST, {"identity_source": f"{HEADER},"}, "identitySource", "specified: ]"),
        (REQUEST, {"identity_source": "method.request.path.a"}, "identitySource", "path.a"),
        (TOKEN, {"authorizer_result_ttl_in_seconds": -1}, "authorizerResultTtlInSeconds", "-1"),
        (
            TOKEN,
            {"identity_validation_expression": "a" * (EXPRESSION_CHARACTERS + 1)},
            "identityValidationExpression",
            "characters",
        ),
        (
            TOKEN,
            {"identity_validation_expression": "a{99999999999999999999}"},
            "identityValidationExpression",
            "no regular expression",
        ),
        (
            TOKEN,
            {"identity_validation_expression": "(" * 1000},
            "identityValidationExpression",
            "no regular expression",
        ),
        (POOLS, {"provider_arns": ()}, "providerARNs", "providerARNs is required"),
        (POOLS, {"provider_arns": (POOL,) * (PROVIDERS_MAX + 1)}, "providerARNs", "at most"),
        (POOLS, {"provider_arns": ("x",)}, "providerARNs", 'request: "x" is no user pool\'s'),
        (POOLS, {"identity_source": None}, "identitySource", "COGNITO_USER_POOLS"),
        (JWT, {"jwt_configuration": None}, "jwtConfiguration.issuers", "1 to 100 issuers"),
        (JWT, {"authorizer_result_ttl_in_seconds": 1}, "authorizerResultTtlInSeconds", "has no"),
        (JWT, {"authorizer_credentials": "a"}, "authorizerCredentials", "leave it out"),
        (POOLS, {"jwt_configuration": JWT.jwt_configuration}, "jwtConfiguration", "belongs to JWT"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    authorizer: Authorizer, changes: dict[str, Any], path: str, part: str
) -> None:
    problems = found(dataclasses.replace(authorizer, **changes))

    assert problems[0][0] == f"x.{path}"
    assert part in problems[0][1]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://issuer.example.com",
        "https://",
        "https://a?b",
        "https://a#",
        "issuer",
        "https://a b",
        "https://[",
        "",
    ],
)
def test_an_issuer_is_a_plain_https_url(issuer: str) -> None:
    configuration = JwtConfiguration(
        issuers=(JwtIssuer(issuer=issuer, audiences=("a",)),),
        default_algorithms=(JwtAlgorithm.ES256,),
    )

    ((path, message),) = found(dataclasses.replace(JWT, jwt_configuration=configuration))

    assert path == "x.jwtConfiguration.issuers[0].issuer"
    assert "must be an https URL" in message


def test_issuers_are_some_with_audiences_and_algorithms() -> None:
    many = JwtConfiguration(issuers=(JwtIssuer(issuer="https://a"),) * (ISSUERS_MAX + 1))

    paths = [path for path, _ in found(dataclasses.replace(JWT, jwt_configuration=many))]

    assert paths[:3] == [
        "x.jwtConfiguration.issuers",
        "x.jwtConfiguration.defaultAlgorithms",
        "x.jwtConfiguration.issuers[0].audiences",
    ]


def test_what_remembers_nothing_needs_no_identity_source() -> None:
    forgetful = dataclasses.replace(
        REQUEST, identity_source=None, authorizer_result_ttl_in_seconds=0
    )

    assert found(forgetful) == []
