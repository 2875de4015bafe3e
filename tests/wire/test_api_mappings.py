"""API mappings through AWS's client of its second API, `apigatewayv2`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ControlPlane, refusal
from tests.wire.apis import deployed_api

NAME = "api.example.com"
EDGE = "edge.example.com"


@pytest.fixture
def second(control: ControlPlane) -> Any:
    return control.client("apigatewayv2")


@pytest.fixture
def api(aws: Any) -> str:
    """An API with the stage `prod`, and two domains."""
    aws.create_domain_name(domainName=NAME, endpointConfiguration={"types": ["REGIONAL"]})
    aws.create_domain_name(domainName=EDGE)
    return deployed_api(aws)


def mapped(second: Any, api: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
    keyed = {} if key is None else {"ApiMappingKey": key}
    wanted = {"DomainName": NAME, "ApiId": api, "Stage": "prod", **keyed, **arguments}
    told: dict[str, Any] = second.create_api_mapping(**wanted)
    del told["ResponseMetadata"]
    return told


def test_a_mapping_of_several_segments_is_made_shown_changed_and_deleted(
    control: ControlPlane, aws: Any, second: Any, api: str
) -> None:
    made = mapped(second, api, "orders/v1")
    assert control.published[-1].are_domains_changed
    id_ = made.pop("ApiMappingId")
    assert made == {"ApiId": api, "ApiMappingKey": "orders/v1", "Stage": "prod"}
    named = {"DomainName": NAME, "ApiMappingId": id_}
    assert second.get_api_mapping(**named)["ApiMappingKey"] == "orders/v1"
    assert aws.get_base_path_mapping(domainName=NAME, basePath="orders/v1")["restApiId"] == api

    told = second.update_api_mapping(**named, ApiId=api, ApiMappingKey="orders/v2")
    assert (told["ApiMappingId"], told["ApiMappingKey"]) == (id_, "orders/v2")
    assert second.update_api_mapping(**named, ApiId=api, Stage="prod")["Stage"] == "prod"
    second.delete_api_mapping(**named)

    assert control.answers[-1][1] == 204
    assert second.get_api_mappings(DomainName=NAME)["Items"] == []


def test_one_api_shows_what_the_other_has_made(aws: Any, second: Any, api: str) -> None:
    aws.create_base_path_mapping(domainName=NAME, restApiId=api)
    aws.create_base_path_mapping(domainName=NAME, restApiId=api, basePath="pets", stage="prod")
    mapped(second, api, "a/b")

    first = second.get_api_mappings(DomainName=NAME, MaxResults="2")
    rest = second.get_api_mappings(DomainName=NAME, NextToken=first["NextToken"])

    items = [*first["Items"], *rest["Items"]]
    assert [item["ApiMappingKey"] for item in items] == ["", "pets", "a/b"]
    assert [item.get("Stage") for item in items] == [None, "prod", "prod"]
    assert "NextToken" not in rest
    told = aws.get_base_path_mappings(domainName=NAME)["items"]
    assert [each["basePath"] for each in told] == ["(none)", "pets", "a/b"]


@pytest.mark.parametrize(
    ("arguments", "error_type", "message"),
    [
        ({"ApiMappingKey": "a/b"}, "Conflict", "Base path already exists for this domain name"),
        (
            {"ApiMappingKey": ""},
            "Conflict",
            "Only one base path mapping is allowed if the base path is empty.",
        ),
        ({"Stage": "no"}, "BadRequest", "Invalid stage identifier specified"),
        ({"Stage": ""}, "BadRequest", "Invalid stage identifier specified"),
        ({"ApiId": "no"}, "BadRequest", "Invalid REST API identifier specified"),
        (
            {"ApiMappingKey": "a/b", "DomainName": EDGE},
            "BadRequest",
            "Multi-level API mappings need a REGIONAL domain name with the security policy TLS_1_2",
        ),
        (
            {"DomainName": "no.example.com"},
            "NotFound",
            "Invalid domain name identifier specified",
        ),
    ],
)
def test_a_bad_mapping_is_refused(
    second: Any, api: str, arguments: dict[str, Any], error_type: str, message: str
) -> None:
    mapped(second, api, "a/b")
    mapped(second, api)

    with pytest.raises(ClientError) as error:
        mapped(second, **{"api": api, "key": "other", **arguments})

    assert refusal(error) == (f"{error_type}Exception", message)


@pytest.mark.parametrize("key", ["/a", "a/", "a//b", "a/../b", "a b", "%2e/x", "a/" * 200 + "a"])
def test_a_key_of_another_form_is_refused(second: Any, api: str, key: str) -> None:
    with pytest.raises(ClientError) as error:
        mapped(second, api, key)

    assert refusal(error)[0] == "BadRequestException"
    assert refusal(error)[1].startswith("Invalid base path specified: ")


@pytest.mark.parametrize("id_", ["abcdef", "no", "000000"])
def test_an_unknown_mapping_is_not_found(second: Any, api: str, id_: str) -> None:
    named = {"DomainName": NAME, "ApiMappingId": id_}
    calls: tuple[Callable[[], Any], ...] = (
        lambda: second.get_api_mapping(**named),
        lambda: second.delete_api_mapping(**named),
        lambda: second.update_api_mapping(**named, ApiId=api),
    )
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()

        assert refusal(error) == ("NotFoundException", "Invalid API mapping identifier specified")


def test_the_mapping_of_another_domain_is_not_found(second: Any, api: str) -> None:
    made = mapped(second, api, DomainName=EDGE)

    with pytest.raises(ClientError) as error:
        second.delete_api_mapping(DomainName=NAME, ApiMappingId=made["ApiMappingId"])

    assert refusal(error)[0] == "NotFoundException"
