"""API keys and their import through AWS's client, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import deployed_api

VALUE = "v" * 20


def test_a_new_key_is_disabled_and_tells_its_value_once(control: ControlPlane, aws: Any) -> None:
    made = aws.create_api_key(name="alice", value=VALUE, tags={"team": "a"})

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {
        "id": made["id"],
        "value": VALUE,
        "name": "alice",
        "enabled": False,
        "createdDate": told["createdDate"],
        "lastUpdatedDate": told["createdDate"],
        "stageKeys": [],
        "tags": {"team": "a"},
    }
    assert len(made["id"]) == 10
    assert "value" not in aws.get_api_key(apiKey=made["id"])
    assert aws.get_api_key(apiKey=made["id"], includeValue=True)["value"] == VALUE
    assert "value" not in aws.get_api_keys()["items"][0]
    assert aws.get_api_keys(includeValues=True)["items"][0]["value"] == VALUE


def test_a_key_needs_nothing_and_gets_a_value(control: ControlPlane, aws: Any) -> None:
    aws.create_api_key()

    told = control.answers[-1][3]
    assert told.keys() == {
        "id",
        "value",
        "enabled",
        "createdDate",
        "lastUpdatedDate",
        "stageKeys",
    }
    assert len(told["value"]) == 40
    assert told["value"].isalnum()


def test_an_empty_name_is_none(control: ControlPlane, aws: Any) -> None:
    aws.create_api_key(name="", description="d", customerId="c", enabled=True)

    told = control.answers[-1][3]
    assert "name" not in told
    assert (told["description"], told["customerId"], told["enabled"]) == ("d", "c", True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": "v" * 19}, "API Key value should be at least 20 characters"),
        ({"value": "v" * 129}, "API Key value exceeds maximum size of 128 characters"),
        ({"name": "n" * 1025}, "Invalid API Key name, can be at most 1024 characters."),
        ({"description": "d" * 125_001}, "Invalid API Key description specified."),
    ],
)
def test_a_bad_key_is_refused_in_the_words_of_aws(
    aws: Any, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_api_key(**arguments)

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_api_keys()["items"] == []


def test_two_keys_cannot_have_the_same_value(control: ControlPlane, aws: Any) -> None:
    aws.create_api_key(value=VALUE)

    with pytest.raises(ClientError) as error:
        aws.create_api_key(value=VALUE, name="other")

    assert refusal(error) == ("ConflictException", "API Key already exists")
    assert VALUE not in str(control.last_audit())


def test_a_key_is_patched(control: ControlPlane, aws: Any) -> None:
    key = aws.create_api_key(name="alice", value=VALUE)["id"]

    aws.update_api_key(
        apiKey=key,
        patchOperations=[
            patch("replace", "/description", "d"),
            patch("replace", "/enabled", "true"),
            patch("replace", "/name", "bob"),
            patch("replace", "/customerId", "c"),
        ],
    )

    told = control.answers[-1][3]
    assert told == {
        "id": key,
        "name": "bob",
        "description": "d",
        "customerId": "c",
        "enabled": True,
        "createdDate": told["createdDate"],
        "lastUpdatedDate": told["lastUpdatedDate"],
        "stageKeys": [],
        "tags": {},
    }
    assert control.published[-1].is_usage_changed


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            patch("replace", "/id", "x"),
            (
                "Invalid patch path  '/id' specified for op 'replace'. Must be one of: "
                "[/description, /enabled, /name, /customerId]"
            ),
        ),
        (
            patch("replace", "/value", VALUE),
            (
                "Invalid patch path  '/value' specified for op 'replace'. Must be one of: "
                "[/description, /enabled, /name, /customerId]"
            ),
        ),
        (
            patch("copy", "/name", "x"),
            (
                "Invalid patch path  '/name' specified for op 'copy'. "
                "Please choose supported operations"
            ),
        ),
        (
            patch("replace", "/name", "n" * 1025),
            "Invalid API Key name, can be at most 1024 characters.",
        ),
        (
            patch("add", "/labels", "x"),
            "Labels are not supported: no answer would show them; use tags",
        ),
    ],
)
def test_a_bad_patch_is_refused_and_changes_nothing(
    aws: Any, operation: dict[str, str], message: str
) -> None:
    key = aws.create_api_key(name="alice")["id"]

    with pytest.raises(ClientError) as error:
        aws.update_api_key(
            apiKey=key, patchOperations=[patch("replace", "/name", "new"), operation]
        )

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_api_key(apiKey=key)["name"] == "alice"


def test_an_unknown_key_is_not_found(aws: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_api_key(apiKey="nothing"),
        lambda: aws.update_api_key(apiKey="nothing", patchOperations=[]),
        lambda: aws.delete_api_key(apiKey="nothing"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()

        assert refusal(error) == ("NotFoundException", "Invalid API Key identifier specified")


def test_keys_are_listed_newest_first_by_prefix_and_customer(aws: Any) -> None:
    for name, customer in (("test-1", "a"), ("Test-2", "b"), ("test-3", "b"), ("a-test", "b")):
        aws.create_api_key(name=name, customerId=customer)

    def names(**filters: str) -> list[str]:
        return [key["name"] for key in aws.get_api_keys(**filters)["items"]]

    assert names() == ["a-test", "test-3", "Test-2", "test-1"]
    assert names(nameQuery="test") == ["test-3", "test-1"]
    assert names(nameQuery="Test") == ["Test-2"]
    assert names(nameQuery="-3") == []
    assert names(nameQuery="t%") == []
    assert names(customerId="b") == ["a-test", "test-3", "Test-2"]
    assert names(customerId="b", nameQuery="test") == ["test-3"]


def test_pages_hold_every_key_once(aws: Any) -> None:
    made = [aws.create_api_key(name=str(number))["id"] for number in range(5)]

    pages = list(aws.get_paginator("get_api_keys").paginate(PaginationConfig={"PageSize": 2}))

    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert [key["id"] for page in pages for key in page["items"]] == made[::-1]


def test_a_deleted_key_is_gone_from_its_plans_and_with_its_tags(
    control: ControlPlane, aws: Any
) -> None:
    key = aws.create_api_key(tags={"a": "b"})["id"]
    plan = aws.create_usage_plan(name="gold")["id"]
    aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    arn = f"arn:aws:apigateway:us-east-1::/apikeys/{key}"
    assert aws.get_tags(resourceArn=arn)["tags"] == {"a": "b"}

    aws.delete_api_key(apiKey=key)

    assert control.answers[-1][1] == 202
    assert control.published[-1].is_usage_changed
    assert aws.get_usage_plan_keys(usagePlanId=plan)["items"] == []
    with pytest.raises(ClientError) as error:
        aws.get_tags(resourceArn=arn)
    assert refusal(error)[0] == "NotFoundException"


def test_stage_keys_are_kept_and_shown(aws: Any) -> None:
    api = deployed_api(aws)
    key = aws.create_api_key(stageKeys=[{"restApiId": api, "stageName": "prod"}])

    assert key["stageKeys"] == [f"{api}/prod"]
    told = aws.update_api_key(
        apiKey=key["id"], patchOperations=[patch("remove", "/stages", f"{api}/prod")]
    )
    assert told["stageKeys"] == []
    told = aws.update_api_key(
        apiKey=key["id"], patchOperations=[patch("add", "/stages", f"{api}/prod")]
    )
    assert told["stageKeys"] == [f"{api}/prod"]
    for wrong in (
        patch("add", "/stages", f"{api}/other"),
        patch("add", "/stages"),
        patch("remove", "/stages", "other/prod"),
    ):
        with pytest.raises(ClientError) as error:
            aws.update_api_key(apiKey=key["id"], patchOperations=[wrong])
        assert refusal(error) == ("NotFoundException", "Invalid stage identifier specified")
    with pytest.raises(ClientError) as error:
        aws.create_api_key(stageKeys=[{"restApiId": "nothing", "stageName": "prod"}])
    assert refusal(error) == ("NotFoundException", "Invalid stage identifier specified")


def test_values_of_keys_are_not_in_the_audit_trail(control: ControlPlane, aws: Any) -> None:
    secret = "secret-" * 4
    key = aws.create_api_key(value=secret)["id"]
    assert control.last_audit()["requestParameters"] == {"value": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert secret not in str(control.last_audit())
    plan = aws.create_usage_plan(name="gold")["id"]
    aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    assert secret not in str(control.last_audit())
    aws.import_api_keys(format="csv", body=f"name,key\nbob,{secret}".encode())
    assert secret not in str(control.last_audit())
    assert control.last_audit()["importedApiKeys"] == 1


def test_a_file_of_keys_is_imported(control: ControlPlane, aws: Any) -> None:
    gold = aws.create_usage_plan(name="gold")["id"]
    free = aws.create_usage_plan(name="free")["id"]
    lines = (
        "Enabled,NAME,key,Color,UsagePlanIds,Description",
        f'true,alice,{"a" * 20},red,"{gold},{free}",first',
        f"FALSE,bob,{'b' * 20},blue,{gold},",
        f",carol,{'c' * 20},,'{gold}, {free}',",
    )

    told = aws.import_api_keys(format="csv", body="\r\n".join(lines).encode())

    assert control.answers[-1][1] == 201
    assert told["warnings"] == []
    keys = {key["name"]: key for key in aws.get_api_keys(includeValues=True)["items"]}
    assert told["ids"] == [keys[name]["id"] for name in ("alice", "bob", "carol")]
    assert [keys[name]["enabled"] for name in ("alice", "bob", "carol")] == [True, False, True]
    assert keys["alice"]["value"] == "a" * 20
    assert keys["alice"]["description"] == "first"
    assert [key["name"] for key in aws.get_usage_plan_keys(usagePlanId=gold)["items"]] == [
        "alice",
        "bob",
        "carol",
    ]
    assert [key["name"] for key in aws.get_usage_plan_keys(usagePlanId=free)["items"]] == [
        "alice",
        "carol",
    ]
    assert control.published[-1].is_usage_changed


def test_a_key_that_is_there_is_overwritten(aws: Any) -> None:
    key = aws.create_api_key(name="old", value=VALUE, description="d")["id"]
    plan = aws.create_usage_plan(name="gold")["id"]
    aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")

    body = f"name,key,usageplanids\nmiddle,{VALUE},{plan}\nnew,{VALUE},{plan}\n".encode()
    told = aws.import_api_keys(format="csv", body=body)

    assert told["ids"] == [key]
    assert told["warnings"] == []
    found = aws.get_api_key(apiKey=key)
    assert (found["name"], found["enabled"]) == ("new", True)
    assert "description" not in found


def test_a_bad_row_is_a_warning_and_the_others_are_imported(aws: Any) -> None:
    body = f"name,key,usageplanids\na,short,\nb,{VALUE},nothing\n".encode()

    told = aws.import_api_keys(format="csv", body=body)

    assert told["warnings"] == [
        "Row 1: API Key value should be at least 20 characters",
        "Row 2: Usage Plan nothing: Invalid Usage Plan ID specified",
    ]
    assert [key["name"] for key in aws.get_api_keys()["items"]] == ["b"]


def test_with_failonwarnings_one_bad_row_undoes_them_all(aws: Any) -> None:
    body = f"name,key,usageplanids\na,short,\nb,{VALUE},nothing\n".encode()

    with pytest.raises(ClientError) as error:
        aws.import_api_keys(format="csv", failOnWarnings=True, body=body)

    assert refusal(error) == (
        "BadRequestException",
        (
            "Nothing was imported: Row 1: API Key value should be at least 20 characters; "
            "Row 2: Usage Plan nothing: Invalid Usage Plan ID specified"
        ),
    )
    assert aws.get_api_keys()["items"] == []


def test_a_row_that_would_give_a_key_two_plans_for_a_stage_is_a_warning(
    control: ControlPlane, aws: Any
) -> None:
    api = deployed_api(aws)
    stages = [{"apiId": api, "stage": "prod"}]
    first = aws.create_usage_plan(name="gold", apiStages=stages)["id"]
    second = aws.create_usage_plan(name="free", apiStages=stages)["id"]

    body = f'name,key,usageplanids\na,{VALUE},"{first},{second}"'.encode()
    told = aws.import_api_keys(format="csv", body=body)

    assert len(told["warnings"]) == 1
    assert told["warnings"][0].startswith(f"Row 1: Usage Plan {second}: API Key ")
    assert len(aws.get_usage_plan_keys(usagePlanId=first)["items"]) == 1
    assert aws.get_usage_plan_keys(usagePlanId=second)["items"] == []
    # What a row undoes is not what the rows before it changed.
    assert control.published[-1].is_usage_changed


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        ("mode=import", b"name,key", "Invalid format specified. Must be one of: [csv]"),
        ("mode=import&format=xml", b"name,key", "Invalid format specified. Must be one of: [csv]"),
        (
            "mode=import&format=csv",
            b"",
            "The first row must name the columns: there is no name column",
        ),
        ("mode=import&format=csv", b"\xff", "The file is not UTF-8 text"),
    ],
)
def test_a_file_that_is_none_is_refused(
    control: ControlPlane, query: str, body: bytes, message: str
) -> None:
    answer = control.send("POST", "/apikeys", body, query)

    assert answer.status == 400
    assert answer.headers["x-amzn-ErrorType"] == "BadRequestException"
    assert message.encode() in answer.body
