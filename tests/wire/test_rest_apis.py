"""RestApis through AWS's client: defaults, patches, and AWS's words for what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal


def test_a_new_api_has_the_defaults_of_aws(control: ControlPlane, aws: Any) -> None:
    aws.create_rest_api(name="pets")

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {
        "id": told["id"],
        "name": "pets",
        "createdDate": told["createdDate"],
        "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        "disableExecuteApiEndpoint": False,
        "rootResourceId": told["rootResourceId"],
    }
    assert len(told["id"]) == len(told["rootResourceId"]) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"description": ""}, "Description cannot be an empty string"),
        (
            {"endpointConfiguration": {"types": []}},
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        (
            {"endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}},
            "Cannot create an api with multiple Endpoint Types.",
        ),
        (
            {"endpointConfiguration": {"types": ["PRIVATE"], "ipAddressType": "ipv4"}},
            "Only dualstack ipAddressType is supported for Private APIs.",
        ),
        (
            {"minimumCompressionSize": -1},
            "Invalid minimum compression size, must be between 0 and 10485760",
        ),
    ],
)
def test_a_bad_api_is_refused_in_the_words_of_aws(
    aws: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_rest_api(name="pets", **arguments)

    assert refusal(error) == ("BadRequestException", message)


def test_values_outside_an_enum_are_listed(aws: Any) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_rest_api(name="pets", endpointConfiguration={"types": ["wrong"]})

    assert refusal(error) == (
        "ValidationException",
        (
            "1 validation error detected: Value '[wrong]' at "
            "'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member "
            "must satisfy constraint: "
            "[Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]"
        ),
    )


def test_an_unknown_api_is_named_with_the_account(aws: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_rest_api(restApiId="ABC"),
        lambda: aws.delete_rest_api(restApiId="ABC"),
        lambda: aws.update_rest_api(restApiId="ABC", patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()

        assert refusal(error) == (
            "NotFoundException",
            f"Invalid API identifier specified {ACCOUNT}:ABC",
        )


def test_binary_media_types_are_patched_by_name(control: ControlPlane, aws: Any) -> None:
    api = aws.create_rest_api(name="pets", binaryMediaTypes=["image/png"])["id"]

    aws.update_rest_api(
        restApiId=api,
        patchOperations=[
            patch("add", "/binaryMediaTypes/image~1gif"),
            patch("remove", "/binaryMediaTypes/image~1png"),
            patch("add", "/binaryMediaTypes/-", "image/jpeg"),
        ],
    )

    assert control.answers[-1][3]["binaryMediaTypes"] == ["image/gif", "-"]
    assert control.answers[-1][3]["tags"] == {}


def test_changing_to_private_switches_to_dualstack(aws: Any) -> None:
    api = aws.create_rest_api(name="pets", endpointConfiguration={"types": ["REGIONAL"]})["id"]

    told = aws.update_rest_api(
        restApiId=api,
        patchOperations=[patch("replace", "/endpointConfiguration/types/REGIONAL", "PRIVATE")],
    )

    assert told["endpointConfiguration"] == {"types": ["PRIVATE"], "ipAddressType": "dualstack"}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (patch("add", "/binaryMediaTypes", "image/gif"), "Invalid patch path /binaryMediaTypes"),
        (patch("replace", "/wrong", "x"), "Invalid patch path /wrong"),
        (
            patch("replace", "/endpointConfiguration/ipAddressType", "wrong"),
            "ipAddressType must be either ipv4 or dualstack.",
        ),
        (
            patch("replace", "/endpointConfiguration/types/EDGE", "WRONG"),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE",
        ),
        (
            patch("copy", "/endpointConfiguration/types/EDGE", "PRIVATE"),
            "Invalid patch operation specified. Must be 'add'|'remove'|'replace'",
        ),
        (
            patch("add", "/minimumCompressionSize", "1"),
            "Invalid patch operation specified. Must be one of: [replace]",
        ),
        (
            patch("replace", "/minimumCompressionSize", "10485761"),
            "Invalid minimum compression size, must be between 0 and 10485760",
        ),
    ],
)
def test_a_bad_patch_is_refused_and_changes_nothing(
    aws: Any, operation: dict[str, str], message: str
) -> None:
    api = aws.create_rest_api(name="pets")["id"]

    with pytest.raises(ClientError) as error:
        aws.update_rest_api(
            restApiId=api, patchOperations=[patch("replace", "/name", "new"), operation]
        )

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_rest_api(restApiId=api)["name"] == "pets"


def test_an_unknown_op_is_a_validation_error(aws: Any) -> None:
    api = aws.create_rest_api(name="pets")["id"]

    with pytest.raises(ClientError) as error:
        aws.update_rest_api(restApiId=api, patchOperations=[patch("wrong", "/name", "x")])

    assert refusal(error) == (
        "ValidationException",
        (
            "1 validation error detected: Value 'wrong' at "
            "'updateRestApiInput.patchOperations.1.member.op' failed to satisfy constraint: Member "
            "must satisfy enum value set: [add, remove, move, test, replace, copy]"
        ),
    )


def test_compression_is_switched_off_by_an_empty_value(aws: Any) -> None:
    api = aws.create_rest_api(name="pets", minimumCompressionSize=10)["id"]

    told = aws.update_rest_api(
        restApiId=api, patchOperations=[patch("replace", "/minimumCompressionSize", "")]
    )

    assert "minimumCompressionSize" not in told


def test_a_deleted_api_is_gone_with_its_tags(control: ControlPlane, aws: Any) -> None:
    api = aws.create_rest_api(name="pets", tags={"team": "a"})["id"]
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"

    assert aws.get_tags(resourceArn=arn)["tags"] == {"team": "a"}
    aws.delete_rest_api(restApiId=api)

    assert control.answers[-1][1] == 202
    assert control.published[-1].apis == {api}
    with pytest.raises(ClientError) as error:
        aws.get_tags(resourceArn=arn)
    assert refusal(error)[0] == "NotFoundException"


def test_pages_hold_every_api_once(control: ControlPlane, aws: Any) -> None:
    made = [aws.create_rest_api(name=f"api {number}")["id"] for number in range(7)]

    pages = list(aws.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 3}))

    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert [api["id"] for page in pages for api in page["items"]] == made
    assert "position" not in control.answers[-1][3]


@pytest.mark.parametrize("position", ["x", "WzFd!", "e30", "WyJhIl0", "A" * 1000])
def test_a_foreign_position_is_refused(control: ControlPlane, position: str) -> None:
    assert control.error("GET", "/restapis", query=f"position={position}")[:2] == (
        400,
        "BadRequestException",
    )


def test_a_long_list_comes_in_pages_that_fit(control: ControlPlane, aws: Any) -> None:
    made = [aws.create_rest_api(name="pets", description="x" * 125_000)["id"] for _ in range(60)]
    control.answers.clear()

    pages = aws.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 500})
    listed = [api["id"] for page in pages for api in page["items"]]

    assert listed == made
    assert [len(told["item"]) for _, _, _, told in control.answers] == [50, 10]
