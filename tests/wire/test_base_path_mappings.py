"""Base path mappings through AWS's client."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import api_with_method

NAME = "api.example.com"


@pytest.fixture
def api(aws: Any) -> str:
    """An API with the stage `prod`, and the domain."""
    made = api_with_method(aws).id
    aws.create_deployment(restApiId=made, stageName="prod")
    aws.create_domain_name(domainName=NAME)
    return made


def mapped(aws: Any, api: str, **arguments: Any) -> dict[str, Any]:
    told: dict[str, Any] = aws.create_base_path_mapping(domainName=NAME, restApiId=api, **arguments)
    return told


def test_a_mapping_is_made_and_shown(control: ControlPlane, aws: Any, api: str) -> None:
    mapped(aws, api, basePath="pets", stage="prod")
    assert control.answers[-1][1:4:2] == (
        201,
        {"basePath": "pets", "restApiId": api, "stage": "prod"},
    )
    assert control.published[-1].are_domains_changed
    mapped(aws, api)
    assert control.answers[-1][3] == {"basePath": "(none)", "restApiId": api}

    assert aws.get_base_path_mapping(domainName=NAME, basePath="(none)")["restApiId"] == api
    items = aws.get_base_path_mappings(domainName=NAME)["items"]
    assert [item["basePath"] for item in items] == ["pets", "(none)"]
    assert aws.get_base_path_mappings(domainName=NAME, limit=1)["position"]


@pytest.mark.parametrize(
    ("arguments", "error_type", "message"),
    [
        ({"basePath": "pets"}, "Conflict", "Base path already exists for this domain name"),
        (
            {"basePath": ""},
            "Conflict",
            "Only one base path mapping is allowed if the base path is empty.",
        ),
        ({"basePath": "b", "stage": "no"}, "BadRequest", "Invalid stage identifier specified"),
        (
            {"basePath": "b", "restApiId": "no"},
            "BadRequest",
            "Invalid REST API identifier specified",
        ),
        (
            {"basePath": "a/b"},
            "BadRequest",
            (
                "API Gateway V1 doesn't support the slash character (/) in base path mappings. To "
                "create a multi-level base path mapping, use API Gateway V2."
            ),
        ),
    ],
)
def test_a_bad_mapping_is_refused_in_the_words_of_aws(
    aws: Any, api: str, arguments: dict[str, Any], error_type: str, message: str
) -> None:
    mapped(aws, api, basePath="pets")
    mapped(aws, api)

    with pytest.raises(ClientError) as error:
        mapped(aws, **{"api": api, **arguments}) if "restApiId" not in arguments else (
            aws.create_base_path_mapping(domainName=NAME, **arguments)
        )

    assert refusal(error) == (f"{error_type}Exception", message)


@pytest.mark.parametrize("base_path", ["a b", "ä", "a?b", "..", "a" * 301, "%2e"])
def test_a_base_path_of_other_characters_is_refused(aws: Any, api: str, base_path: str) -> None:
    with pytest.raises(ClientError) as error:
        mapped(aws, api, basePath=base_path)

    assert refusal(error)[0] == "BadRequestException"
    assert refusal(error)[1].startswith("Invalid base path specified: ")


def test_an_unknown_mapping_is_not_found(aws: Any, api: str) -> None:
    for name in ("get_base_path_mapping", "delete_base_path_mapping", "update_base_path_mapping"):
        with pytest.raises(ClientError) as error:
            getattr(aws, name)(domainName=NAME, basePath="nothing")

        assert refusal(error) == (
            "NotFoundException",
            "Invalid base path mapping identifier specified",
        )


def test_a_mapping_is_patched(aws: Any, api: str) -> None:
    other = api_with_method(aws, "other").id
    mapped(aws, api, basePath="pets", stage="prod")

    told = aws.update_base_path_mapping(
        domainName=NAME,
        basePath="pets",
        patchOperations=[
            patch("replace", "/basePath", "animals"),
            patch("replace", "/restapiId", other),
            patch("replace", "/stage", "(none)"),
        ],
    )

    del told["ResponseMetadata"]
    assert told == {"basePath": "animals", "restApiId": other}
    told = aws.update_base_path_mapping(
        domainName=NAME,
        basePath="animals",
        patchOperations=[
            patch("replace", "/basepath", ""),
            patch("replace", "/restApiId", api),
            patch("replace", "/stage", "prod"),
        ],
    )
    del told["ResponseMetadata"]
    assert told == {"basePath": "(none)", "restApiId": api, "stage": "prod"}


@pytest.mark.parametrize(
    ("operation", "error_type", "message"),
    [
        (patch("replace", "/wrong", "x"), "BadRequest", "Invalid patch path /wrong"),
        (patch("remove", "/stage"), "BadRequest", "Invalid patch path /stage"),
        (patch("replace", "/stage", "no"), "BadRequest", "Invalid stage identifier specified"),
        (patch("replace", "/restapiId"), "BadRequest", "Invalid REST API identifier specified"),
        (
            patch("replace", "/basePath", "other"),
            "Conflict",
            "Base path already exists for this domain name",
        ),
    ],
)
def test_a_bad_patch_is_refused(
    aws: Any, api: str, operation: dict[str, str], error_type: str, message: str
) -> None:
    mapped(aws, api, basePath="pets")
    mapped(aws, api, basePath="other")

    with pytest.raises(ClientError) as error:
        aws.update_base_path_mapping(domainName=NAME, basePath="pets", patchOperations=[operation])

    assert refusal(error) == (f"{error_type}Exception", message)


def test_an_api_that_is_mapped_is_not_deleted(control: ControlPlane, aws: Any, api: str) -> None:
    mapped(aws, api, basePath="pets")
    mapped(aws, api)

    with pytest.raises(ClientError) as error:
        aws.delete_rest_api(restApiId=api)
    assert refusal(error) == (
        "BadRequestException",
        (
            f"Deleting RestApi {api} failed. Please remove all base path mappings related to the "
            f"RestApi in your domains: {NAME}"
        ),
    )
    for base_path in ("pets", "(none)"):
        aws.delete_base_path_mapping(domainName=NAME, basePath=base_path)
        assert control.answers[-1][1] == 202

    aws.delete_rest_api(restApiId=api)
