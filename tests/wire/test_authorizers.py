"""Authorizers through AWS's client, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gateway.control.api import authorizers
from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, api_with_method

URI = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:decide/invocations"
)
POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abcdefghi"
SOURCE = "method.request.header.Authorization"
TOKEN = {"name": "who", "type": "TOKEN", "authorizerUri": URI, "identitySource": SOURCE}
COGNITO = {
    "name": "pool",
    "type": "COGNITO_USER_POOLS",
    "providerARNs": [POOL],
    "identitySource": SOURCE,
}
JWT = {
    "name": "jwt",
    "type": "JWT",
    "jwtConfiguration": {
        "issuers": [
            {
                "issuer": "https://issuer.example.com/",
                "audiences": ["pets"],
                "additionalClaims": [
                    {
                        "claimName": "tier",
                        "format": "SINGLE_STRING",
                        "required": True,
                        "expectedValues": ["gold"],
                    }
                ],
            }
        ],
        "defaultAlgorithms": ["RS256"],
    },
}
NEEDS_VALID = (
    "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
    "COGNITO_USER_POOLS requires a valid authorizer."
)


@pytest.fixture
def api(aws: Any) -> MadeApi:
    return api_with_method(aws)


def authorizer(aws: Any, api: MadeApi, **arguments: Any) -> str:
    made: str = aws.create_authorizer(restApiId=api.id, **{**TOKEN, **arguments})["id"]
    return made


def test_a_token_authorizer_shows_what_was_given(
    control: ControlPlane, aws: Any, api: MadeApi
) -> None:
    id_ = authorizer(aws, api)

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {**TOKEN, "id": id_, "authType": "custom"}
    assert len(id_) == 6
    aws.get_authorizer(restApiId=api.id, authorizerId=id_)
    assert control.answers[-1][3] == told
    aws.get_authorizers(restApiId=api.id)
    assert control.answers[-1][3] == {"item": [told]}


@pytest.mark.parametrize(
    "given",
    [
        {**TOKEN, "authorizerResultTtlInSeconds": 0, "identityValidationExpression": "Bearer .+"},
        {**TOKEN, "authType": "oauth2", "authorizerCredentials": "arn:aws:iam::1:role/a"},
        {
            **TOKEN,
            "type": "REQUEST",
            "identitySource": "method.request.header.a, method.request.querystring.b,context.stage",
        },
        {"name": "r", "type": "REQUEST", "authorizerUri": URI, "authorizerResultTtlInSeconds": 0},
        COGNITO,
        JWT,
    ],
)
def test_each_type_shows_what_was_given(
    control: ControlPlane, aws: Any, api: MadeApi, given: dict[str, Any]
) -> None:
    aws.create_authorizer(restApiId=api.id, **given)

    told = control.answers[-1][3]
    auth_types = {"COGNITO_USER_POOLS": "cognito_user_pools", "JWT": "jwt"}
    assert told == {
        "authType": auth_types.get(given["type"], "custom"),
        **given,
        "id": told["id"],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"authorizerUri": "arn:aws:lambda:us-east-1:1:function:a"},
            (
                "Invalid Authorizer URI: arn:aws:lambda:us-east-1:1:function:a. Authorizer URI "
                "should be a valid API Gateway ARN that represents a Lambda function invocation."
            ),
        ),
        (
            {"identitySource": ""},
            "Invalid request input: identitySource is required for TOKEN",
        ),
        (
            {"type": "REQUEST", "identitySource": ""},
            (
                "Invalid request input: identitySource is required for REQUEST unless "
                "authorizerResultTtlInSeconds is 0"
            ),
        ),
        (
            {"identitySource": "method.request.path.a"},
            (
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                "[Invalid mapping expression parameter specified: method.request.path.a]"
            ),
        ),
        (
            {"authorizerResultTtlInSeconds": 3601},
            "Invalid request input: authorizerResultTtlInSeconds must be 0 to 3600, not 3601",
        ),
        ({"name": " "}, "Invalid request input: name must be non-empty"),
        (
            {"identityValidationExpression": "("},
            (
                "Invalid request input: identityValidationExpression is no regular expression: "
                "missing ), unterminated subpattern at position 0"
            ),
        ),
        (
            {"type": "COGNITO_USER_POOLS"},
            (
                "Invalid request input: providerARNs is required: name at least one user pool by "
                "its ARN"
            ),
        ),
        (
            {"type": "COGNITO_USER_POOLS", "providerARNs": ["arn:aws:s3:::a"]},
            'Invalid ARN specified in the request: "arn:aws:s3:::a" is no user pool\'s',
        ),
        (
            {"jwtConfiguration": JWT["jwtConfiguration"]},
            "Invalid request input: jwtConfiguration belongs to JWT authorizers, not to TOKEN",
        ),
    ],
)
def test_a_bad_authorizer_is_refused(
    aws: Any, api: MadeApi, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        authorizer(aws, api, **arguments)

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_authorizers(restApiId=api.id)["items"] == []


def test_an_unknown_api_is_a_conflict_at_creation_and_not_found_later(aws: Any) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_authorizer(restApiId="nothing", **TOKEN)
    assert refusal(error) == (
        "ConflictException",
        "Unable to complete operation due to concurrent modification. Please try again later.",
    )
    named = {"restApiId": "nothing", "authorizerId": "nobody"}
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_authorizers(restApiId="nothing"),
        lambda: aws.get_authorizer(**named),
        lambda: aws.delete_authorizer(**named),
        lambda: aws.update_authorizer(**named, patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == (
            "NotFoundException",
            f"Invalid API identifier specified {ACCOUNT}:nothing",
        )


def test_an_unknown_authorizer_is_not_found(aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "authorizerId": "nobody"}
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_authorizer(**named),
        lambda: aws.delete_authorizer(**named),
        lambda: aws.update_authorizer(**named, patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == (
            "NotFoundException",
            "Invalid Authorizer identifier specified",
        )


def test_names_are_unique_in_an_api(aws: Any, api: MadeApi) -> None:
    authorizer(aws, api)
    other = authorizer(aws, api, name="other")
    authorizer(aws, api_with_method(aws, "more"))
    calls: list[Callable[[], Any]] = [
        lambda: authorizer(aws, api),
        lambda: aws.update_authorizer(
            restApiId=api.id,
            authorizerId=other,
            patchOperations=[patch("replace", "/name", "who")],
        ),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == (
            "BadRequestException",
            ("Authorizer name must be unique. Authorizer who already exists in this RestApi."),
        )


def test_an_authorizer_is_patched(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "authorizerId": authorizer(aws, api)}

    aws.update_authorizer(
        **named,
        patchOperations=[
            patch("replace", "/type", "REQUEST"),
            patch("replace", "/name", "renamed"),
            patch("replace", "/authType", "oauth2"),
            patch("replace", "/authorizerResultTtlInSeconds", "60"),
            patch("replace", "/authorizerCredentials", "arn:aws:iam::1:role/a"),
            patch("replace", "/identityValidationExpression", "a+"),
            patch("replace", "/authorizerUri", f"{URI}2"),
            patch("add", "/identitySource", "method.request.querystring.q"),
            patch("add", "/identitySource", "context.stage"),
            patch("remove", "/identitySource", SOURCE),
        ],
    )

    assert control.answers[-1][3] == {
        "id": named["authorizerId"],
        "name": "renamed",
        "type": "REQUEST",
        "authType": "oauth2",
        "authorizerUri": f"{URI}2",
        "authorizerCredentials": "arn:aws:iam::1:role/a",
        "identitySource": "method.request.querystring.q,context.stage",
        "identityValidationExpression": "a+",
        "authorizerResultTtlInSeconds": 60,
    }
    aws.update_authorizer(
        **named,
        patchOperations=[
            patch("replace", "/authorizerResultTtlInSeconds", "0"),
            patch("remove", "/identitySource"),
        ],
    )
    assert "identitySource" not in control.answers[-1][3]


def test_user_pools_are_added_and_removed(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "authorizerId": authorizer(aws, api, **COGNITO)}

    aws.update_authorizer(
        **named,
        patchOperations=[
            patch("add", "/providerARNs", f"{POOL}2"),
            patch("add", "/providerARNs", f"{POOL}2"),
            patch("remove", "/providerARNs", POOL),
        ],
    )

    assert control.answers[-1][3]["providerARNs"] == [f"{POOL}2"]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            patch("replace", "/id", "x"),
            (
                "Invalid patch path  '/id' specified for op 'replace'. Must be one of: "
                "[/authorizerUri, /authorizerCredentials, /authorizerResultTtlInSeconds, "
                "/authType, /identityValidationExpression, /name, /type, /identitySource]"
            ),
        ),
        (
            patch("replace", "/authorizerResultTtlInSeconds", "x"),
            "Invalid request input: authorizerResultTtlInSeconds must be 0 to 3600",
        ),
        (
            patch("replace", "/type", "NOBODY"),
            ("Invalid request input: type must be one of TOKEN, REQUEST, COGNITO_USER_POOLS, JWT"),
        ),
        (
            patch("remove", "/identitySource"),
            "Invalid request input: identitySource is required for TOKEN",
        ),
    ],
)
def test_a_wrong_patch_is_refused(
    aws: Any, api: MadeApi, operation: dict[str, str], message: str
) -> None:
    named = {"restApiId": api.id, "authorizerId": authorizer(aws, api)}

    with pytest.raises(ClientError) as error:
        aws.update_authorizer(**named, patchOperations=[operation])

    assert refusal(error) == ("BadRequestException", message)


def test_a_method_names_an_authorizer_that_fits_its_type(
    control: ControlPlane, aws: Any, api: MadeApi
) -> None:
    token, pool = authorizer(aws, api), authorizer(aws, api, **COGNITO)
    jwt = aws.create_authorizer(restApiId=api.id, **JWT)["id"]
    foreign = authorizer(aws, api_with_method(aws, "other"))
    right = {"CUSTOM": token, "COGNITO_USER_POOLS": pool, "JWT": jwt}

    def update(type_: str, id_: str) -> None:
        aws.update_method(
            **api.method,
            patchOperations=[
                patch("replace", "/authorizationType", type_),
                patch("replace", "/authorizerId", id_),
            ],
        )

    for type_, id_ in right.items():
        update(type_, id_)
        assert control.answers[-1][3]["authorizerId"] == id_
        for wrong in ({token, pool, jwt, foreign, "nobody"} - {id_}) | {""}:
            with pytest.raises(ClientError) as error:
                update(type_, wrong)
            assert refusal(error) == ("BadRequestException", NEEDS_VALID)
    update("NONE", "nobody")
    assert "authorizerId" not in control.answers[-1][3]


def test_an_authorizer_that_is_used_is_kept(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "authorizerId": authorizer(aws, api)}
    aws.update_method(
        **api.method,
        patchOperations=[
            patch("replace", "/authorizationType", "CUSTOM"),
            patch("replace", "/authorizerId", named["authorizerId"]),
        ],
    )

    with pytest.raises(ClientError) as error:
        aws.delete_authorizer(**named)

    assert refusal(error) == (
        "ConflictException",
        "Cannot delete authorizer 'who', is referenced in method: GET//pets",
    )
    aws.delete_method(**api.method)
    aws.delete_authorizer(**named)
    assert control.answers[-1][1] == 202


def test_an_authorizer_cannot_change_into_one_that_its_methods_do_not_take(
    aws: Any, api: MadeApi
) -> None:
    named = {"restApiId": api.id, "authorizerId": authorizer(aws, api)}
    aws.update_method(
        **api.method,
        patchOperations=[
            patch("replace", "/authorizationType", "CUSTOM"),
            patch("replace", "/authorizerId", named["authorizerId"]),
        ],
    )

    with pytest.raises(ClientError) as error:
        aws.update_authorizer(
            **named,
            patchOperations=[
                patch("replace", "/type", "COGNITO_USER_POOLS"),
                patch("add", "/providerARNs", POOL),
            ],
        )

    assert refusal(error) == (
        "ConflictException",
        "Cannot change the type of authorizer 'who', is referenced in method: GET//pets",
    )


def test_authorizers_are_bounded(aws: Any, api: MadeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizers, "AUTHORIZERS_MAX", 1)
    authorizer(aws, api)

    with pytest.raises(ClientError) as error:
        authorizer(aws, api, name="more")

    assert refusal(error) == ("LimitExceededException", "An API has at most 1 authorizers")


def test_an_invocation_for_a_test_is_refused_as_unsupported(aws: Any, api: MadeApi) -> None:
    with pytest.raises(ClientError) as error:
        aws.test_invoke_authorizer(restApiId=api.id, authorizerId=authorizer(aws, api))

    assert refusal(error) == (
        "BadRequestException",
        "TestInvokeAuthorizer is not supported yet",
    )
