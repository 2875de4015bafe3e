"""Request validators through AWS's client, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gateway.control.api import request_validators
from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, api_with_method


@pytest.fixture
def api(aws: Any) -> MadeApi:
    return api_with_method(aws)


def validator(aws: Any, api: MadeApi, name: str = "all", **arguments: Any) -> str:
    made: str = aws.create_request_validator(restApiId=api.id, name=name, **arguments)["id"]
    return made


def test_a_new_validator_validates_nothing(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    id_ = validator(aws, api)

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {
        "id": id_,
        "name": "all",
        "validateRequestBody": False,
        "validateRequestParameters": False,
    }
    assert len(id_) == 6
    aws.get_request_validator(restApiId=api.id, requestValidatorId=id_)
    assert control.answers[-1][3] == told
    aws.get_request_validators(restApiId=api.id)
    assert control.answers[-1][3] == {"item": [told]}


def test_a_validator_is_patched(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    id_ = validator(aws, api, validateRequestParameters=True)
    named = {"restApiId": api.id, "requestValidatorId": id_}

    aws.update_request_validator(
        **named,
        patchOperations=[
            patch("replace", "/validateRequestBody", "true"),
            patch("replace", "/validateRequestParameters"),
            patch("replace", "/name", "body"),
        ],
    )

    assert control.answers[-1][3] == {
        "id": id_,
        "name": "body",
        "validateRequestBody": True,
        "validateRequestParameters": False,
    }


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            patch("add", "/validateRequestBody", "true"),
            (
                "Invalid patch path  '/validateRequestBody' specified for op 'add'. "
                "Please choose supported operations"
            ),
        ),
        (
            patch("remove", "/validateRequestBody"),
            (
                "Invalid patch path  '/validateRequestBody' specified for op 'remove'. "
                "Please choose supported operations"
            ),
        ),
        (
            patch("replace", "/invalidPath", "true"),
            (
                "Invalid patch path  '/invalidPath' specified for op 'replace'. Must be one of: "
                "[/name, /validateRequestParameters, /validateRequestBody]"
            ),
        ),
        (patch("replace", "/name", ""), "Request Validator name cannot be blank"),
        (patch("replace", "/name", "  "), "Request Validator name cannot be blank"),
        (
            patch("replace", "/name", "other"),
            (
                "Request Validator name must be unique. "
                "Request Validator other already exists in this RestApi."
            ),
        ),
    ],
)
def test_a_wrong_patch_is_refused(
    aws: Any, api: MadeApi, operation: dict[str, str], message: str
) -> None:
    validator(aws, api, "other")
    named = {"restApiId": api.id, "requestValidatorId": validator(aws, api)}

    with pytest.raises(ClientError) as error:
        aws.update_request_validator(**named, patchOperations=[operation])

    assert refusal(error) == ("BadRequestException", message)


def test_a_bad_validator_is_refused(aws: Any, api: MadeApi) -> None:
    validator(aws, api)
    for arguments, message in (
        ({"restApiId": "nothing", "name": "x"}, "Invalid REST API identifier specified"),
        ({"restApiId": api.id, "name": ""}, "Request Validator name cannot be blank"),
        ({"restApiId": api.id}, "Request Validator name cannot be blank"),
        (
            {"restApiId": api.id, "name": "x" * 1025},
            "Request Validator name can be at most 1024 characters",
        ),
        (
            {"restApiId": api.id, "name": "all"},
            (
                "Request Validator name must be unique. "
                "Request Validator all already exists in this RestApi."
            ),
        ),
    ):
        with pytest.raises(ClientError) as error:
            aws.create_request_validator(**arguments)
        assert refusal(error) == ("BadRequestException", message)


def test_what_is_not_there_is_not_found(aws: Any, api: MadeApi) -> None:
    for api_id in (api.id, "nothing"):
        named = {"restApiId": api_id, "requestValidatorId": "nobody"}
        calls: list[Callable[[], Any]] = [
            partial(aws.get_request_validator, **named),
            partial(aws.delete_request_validator, **named),
            partial(aws.update_request_validator, **named, patchOperations=[]),
        ]
        for call in calls:
            with pytest.raises(ClientError) as error:
                call()
            assert refusal(error) == (
                "NotFoundException",
                "Invalid Request Validator identifier specified",
            )
    with pytest.raises(ClientError) as error:
        aws.get_request_validators(restApiId="nothing")
    assert refusal(error) == (
        "NotFoundException",
        f"Invalid API identifier specified {ACCOUNT}:nothing",
    )


def test_a_validator_of_another_api_is_none_of_ours(aws: Any, api: MadeApi) -> None:
    id_ = validator(aws, api_with_method(aws, "other"))

    with pytest.raises(ClientError) as error:
        aws.update_method(
            **api.method, patchOperations=[patch("replace", "/requestValidatorId", id_)]
        )

    assert refusal(error) == (
        "BadRequestException",
        "Invalid Request Validator identifier specified",
    )


def test_a_validator_that_is_used_is_kept(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "requestValidatorId": validator(aws, api)}
    aws.update_method(
        **api.method,
        patchOperations=[patch("replace", "/requestValidatorId", named["requestValidatorId"])],
    )
    assert control.answers[-1][3]["requestValidatorId"] == named["requestValidatorId"]

    with pytest.raises(ClientError) as error:
        aws.delete_request_validator(**named)

    assert refusal(error) == (
        "ConflictException",
        "Cannot delete request validator 'all', is referenced in method: GET//pets",
    )
    aws.update_method(**api.method, patchOperations=[patch("replace", "/requestValidatorId", "")])
    aws.delete_request_validator(**named)
    assert control.answers[-1][1] == 202
    assert aws.get_request_validators(restApiId=api.id)["items"] == []


def test_validators_are_bounded(aws: Any, api: MadeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_validators, "REQUEST_VALIDATORS_MAX", 1)
    validator(aws, api)

    with pytest.raises(ClientError) as error:
        validator(aws, api, "more")

    assert refusal(error)[0] == "LimitExceededException"
