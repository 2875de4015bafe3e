"""VPC links through AWS's client, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, api_with_method

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/pets/0123456789abcdef"


@pytest.fixture
def link(aws: Any) -> str:
    made: str = aws.create_vpc_link(name="pets", targetArns=[ARN])["id"]
    return made


def lead_through(aws: Any, api: MadeApi, connection_id: str) -> None:
    aws.put_integration(
        **api.method,
        type="HTTP_PROXY",
        integrationHttpMethod="GET",
        uri="http://pets.internal/",
        connectionType="VPC_LINK",
        connectionId=connection_id,
    )


def test_a_link_is_pending_and_then_available(control: ControlPlane, aws: Any) -> None:
    link = aws.create_vpc_link(name="pets", targetArns=[ARN])["id"]

    assert control.answers[-1][1] == 202
    assert control.answers[-1][3] == {
        "id": link,
        "name": "pets",
        "targetArns": [ARN],
        "status": "PENDING",
    }
    assert len(link) == 6
    ready = {
        "id": link,
        "name": "pets",
        "targetArns": [ARN],
        "status": "AVAILABLE",
        "statusMessage": "Your vpc link is ready for use",
    }
    aws.get_vpc_link(vpcLinkId=link)
    assert control.answers[-1][3] == {**ready, "tags": {}}
    aws.get_vpc_links()
    assert control.answers[-1][3] == {"item": [ready]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "Name cannot be empty"),
        ({"targetArns": ["wrong"]}, "Invalid ARN. ARN is not well formed wrong"),
        ({"targetArns": ["arn:aws:x"]}, "Invalid ARN. ARN is not well formed arn:aws:x"),
        ({"targetArns": []}, "No target arn specified for vpc link."),
        ({"targetArns": [ARN, ARN]}, "More than one target arn specified for vpc link."),
        ({"description": "x" * 1025}, "Description can be at most 1024 characters"),
        ({"name": "x" * 1025}, "Name can be at most 1024 characters"),
    ],
)
def test_a_bad_link_is_refused_in_the_words_of_aws(
    aws: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_vpc_link(**{"name": "pets", "targetArns": [ARN], **arguments})

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_vpc_links()["items"] == []


def test_an_unknown_link_is_not_found(aws: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_vpc_link(vpcLinkId="nothing"),
        lambda: aws.update_vpc_link(vpcLinkId="nothing", patchOperations=[]),
        lambda: aws.delete_vpc_link(vpcLinkId="nothing"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == ("NotFoundException", "Invalid Vpc Link identifier specified")


def test_a_link_is_renamed_but_leads_where_it_did(control: ControlPlane, aws: Any) -> None:
    link = aws.create_vpc_link(name="pets", description="d", targetArns=[ARN], tags={"a": "b"})

    aws.update_vpc_link(
        vpcLinkId=link["id"],
        patchOperations=[patch("replace", "/name", "n"), patch("replace", "/description", "e")],
    )
    told = control.answers[-1][3]
    assert (told["name"], told["description"], told["tags"]) == ("n", "e", {"a": "b"})
    for operation, message in (
        (
            patch("replace", "/targetArns", ARN),
            "Target arns are not allowed to be changed/added.",
        ),
        (patch("replace", "/name", ""), "Name cannot be empty"),
        (
            patch("replace", "/status", "FAILED"),
            (
                "Invalid patch path  '/status' specified for op 'replace'. "
                "Must be one of: [/name, /description]"
            ),
        ),
    ):
        with pytest.raises(ClientError) as error:
            aws.update_vpc_link(vpcLinkId=link["id"], patchOperations=[operation])
        assert refusal(error) == ("BadRequestException", message)


def test_a_deleted_link_is_gone_with_its_tags(control: ControlPlane, aws: Any, link: str) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/vpclinks/{link}"
    aws.tag_resource(resourceArn=arn, tags={"a": "b"})

    aws.delete_vpc_link(vpcLinkId=link)

    assert control.answers[-1][1] == 202
    assert aws.get_vpc_links()["items"] == []
    with pytest.raises(ClientError):
        aws.get_tags(resourceArn=arn)


def test_a_link_that_a_stage_leads_through_stays(aws: Any, link: str) -> None:
    api = api_with_method(aws)
    lead_through(aws, api, link)
    # Only what is deployed holds a link.
    other = aws.create_vpc_link(name="other", targetArns=[ARN])["id"]
    aws.create_deployment(restApiId=api.id, stageName="prod")
    lead_through(aws, api, other)
    aws.delete_vpc_link(vpcLinkId=other)

    with pytest.raises(ClientError) as error:
        aws.delete_vpc_link(vpcLinkId=link)
    assert refusal(error) == (
        "BadRequestException",
        (
            f"Cannot delete vpc link. Vpc link '{link}', is referenced in "
            f"[{api.id}:GET:{api.resource}:prod] in format of [RESTApiId:Method:Resource:Stage]."
        ),
    )
    aws.delete_stage(restApiId=api.id, stageName="prod")
    aws.delete_vpc_link(vpcLinkId=link)


def test_a_link_that_a_stage_variable_names_stays(aws: Any, link: str) -> None:
    api = api_with_method(aws)
    lead_through(aws, api, "${stageVariables.link}")
    aws.create_deployment(restApiId=api.id, stageName="prod", variables={"link": link})
    aws.create_deployment(restApiId=api.id, stageName="test", variables={"other": link})

    with pytest.raises(ClientError) as error:
        aws.delete_vpc_link(vpcLinkId=link)

    assert f"[{api.id}:GET:{api.resource}:prod] in format" in refusal(error)[1]


def test_a_link_of_a_canary_stays(aws: Any, link: str) -> None:
    api = api_with_method(aws)
    aws.create_deployment(restApiId=api.id, stageName="prod")
    lead_through(aws, api, link)
    aws.create_deployment(restApiId=api.id, stageName="prod", canarySettings={"percentTraffic": 10})

    with pytest.raises(ClientError) as error:
        aws.delete_vpc_link(vpcLinkId=link)

    assert f"[{api.id}:GET:{api.resource}:prod] in format" in refusal(error)[1]


def test_pages_hold_every_link_once(aws: Any) -> None:
    made = [aws.create_vpc_link(name=str(number), targetArns=[ARN])["id"] for number in range(3)]

    pages = list(aws.get_paginator("get_vpc_links").paginate(PaginationConfig={"PageSize": 2}))

    assert [len(page["items"]) for page in pages] == [2, 1]
    assert [each["id"] for page in pages for each in page["items"]] == made


@pytest.mark.parametrize("connection", ["nosuch", "${stageVariables.link}x", "${context.link}"])
def test_an_integration_needs_a_link_that_is_there(aws: Any, link: str, connection: str) -> None:
    api = api_with_method(aws)

    with pytest.raises(ClientError) as error:
        lead_through(aws, api, connection)
    assert refusal(error) == ("NotFoundException", "Invalid Vpc Link identifier specified")

    lead_through(aws, api, link)
    with pytest.raises(ClientError) as error:
        aws.update_integration(
            **api.method, patchOperations=[patch("replace", "/connectionId", connection)]
        )
    assert refusal(error) == ("NotFoundException", "Invalid Vpc Link identifier specified")
    aws.update_integration(
        **api.method,
        patchOperations=[patch("replace", "/connectionId", "${stageVariables.link}")],
    )
    assert aws.get_integration(**api.method)["connectionId"] == "${stageVariables.link}"
