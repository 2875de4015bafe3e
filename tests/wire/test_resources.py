"""The tree of resources through AWS's client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal
from tests.wire.apis import api_with_method


@pytest.fixture
def api(aws: Any) -> dict[str, Any]:
    made: dict[str, Any] = aws.create_rest_api(name="pets")
    return made


def grow(aws: Any, api: dict[str, Any], *parts: str) -> str:
    """Make the resources of a path, one under the other, and return the last one's id."""
    parent: str = api["rootResourceId"]
    for part in parts:
        parent = aws.create_resource(restApiId=api["id"], parentId=parent, pathPart=part)["id"]
    return parent


def test_the_root_is_there_from_the_start(control: ControlPlane, aws: Any, api: Any) -> None:
    aws.get_resources(restApiId=api["id"])

    assert control.answers[-1][3] == {"item": [{"id": api["rootResourceId"], "path": "/"}]}


def test_a_resource_knows_its_place(aws: Any, api: Any) -> None:
    parent = grow(aws, api, "pets")

    made = aws.create_resource(restApiId=api["id"], parentId=parent, pathPart="{petId}")

    assert {name: made[name] for name in ("parentId", "pathPart", "path")} == {
        "parentId": parent,
        "pathPart": "{petId}",
        "path": "/pets/{petId}",
    }
    assert len(made["id"]) == 6


@pytest.mark.parametrize(
    ("before", "part", "code", "message"),
    [
        (
            ["{proxy+}"],
            "{id}",
            "BadRequestException",
            (
                "A sibling ({proxy+}) of this resource already has a variable path part -- "
                "only one is allowed"
            ),
        ),
        (
            ["pets"],
            "pets",
            "ConflictException",
            "Another resource with the same parent already has this name: pets",
        ),
        (
            [],
            "a/b",
            "BadRequestException",
            (
                "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and "
                "curly braces at the beginning and the end"
            ),
        ),
        (
            [],
            "a{b}",
            "BadRequestException",
            (
                "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and "
                "curly braces at the beginning and the end"
            ),
        ),
        (
            [],
            "",
            "BadRequestException",
            (
                "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and "
                "curly braces at the beginning and the end"
            ),
        ),
    ],
)
def test_what_may_not_grow_is_refused(
    aws: Any, api: Any, before: list[str], part: str, code: str, message: str
) -> None:
    for each in before:
        grow(aws, api, each)

    with pytest.raises(ClientError) as error:
        aws.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart=part)

    assert refusal(error) == (code, message)


def test_nothing_grows_under_a_greedy_variable(aws: Any, api: Any) -> None:
    greedy = grow(aws, api, "{proxy+}")

    with pytest.raises(ClientError) as error:
        aws.create_resource(restApiId=api["id"], parentId=greedy, pathPart="x")

    assert refusal(error) == (
        "BadRequestException",
        "Cannot create a child of a resource with a greedy path variable: {proxy+}",
    )


def test_unknown_resources_and_apis(aws: Any, api: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: aws.create_resource(restApiId=api["id"], parentId="nothing", pathPart="x"),
        lambda: aws.create_resource(restApiId="nothing", parentId="nothing", pathPart="x"),
        lambda: aws.get_resource(restApiId=api["id"], resourceId="nothing"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == ("NotFoundException", "Invalid Resource identifier specified")
    with pytest.raises(ClientError) as error:
        aws.get_resources(restApiId="nothing")
    assert refusal(error)[1] == f"Invalid API identifier specified {ACCOUNT}:nothing"


def test_paths_of_descendants_follow_a_move(aws: Any, api: Any) -> None:
    pets = grow(aws, api, "pets")
    leaf = aws.create_resource(restApiId=api["id"], parentId=pets, pathPart="{id}")["id"]
    animals = grow(aws, api, "animals")

    moved = aws.update_resource(
        restApiId=api["id"],
        resourceId=pets,
        patchOperations=[
            patch("replace", "/parentId", animals),
            patch("replace", "/pathPart", "dogs"),
        ],
    )

    assert moved["path"] == "/animals/dogs"
    assert aws.get_resource(restApiId=api["id"], resourceId=leaf)["path"] == "/animals/dogs/{id}"


def test_a_resource_cannot_go_below_itself(aws: Any, api: Any) -> None:
    pets = grow(aws, api, "pets")
    below = aws.create_resource(restApiId=api["id"], parentId=pets, pathPart="x")["id"]

    for parent in (pets, below):
        with pytest.raises(ClientError) as error:
            aws.update_resource(
                restApiId=api["id"],
                resourceId=pets,
                patchOperations=[patch("replace", "/parentId", parent)],
            )
        assert refusal(error) == ("BadRequestException", "Resources cannot be cyclical.")


def test_the_root_stays_where_it_is(aws: Any, api: Any) -> None:
    root = {"restApiId": api["id"], "resourceId": api["rootResourceId"]}
    for path, message in (
        ("/pathPart", "Root resource cannot update its pathPart."),
        ("/parentId", "Root resource cannot update its parentId."),
    ):
        with pytest.raises(ClientError) as error:
            aws.update_resource(**root, patchOperations=[patch("replace", path, "x")])
        assert refusal(error) == ("BadRequestException", message)
    with pytest.raises(ClientError) as error:
        aws.delete_resource(**root)
    assert refusal(error)[0] == "BadRequestException"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            patch("replace", "/wrong", "x"),
            (
                "Invalid patch path  '/wrong' specified for op 'replace'. "
                "Must be one of: [/parentId, /pathPart]"
            ),
        ),
        (
            patch("add", "/pathPart", "x"),
            (
                "Invalid patch path  '/pathPart' specified for op 'add'. "
                "Please choose supported operations"
            ),
        ),
    ],
)
def test_other_patches_are_refused(
    aws: Any, api: Any, operation: dict[str, str], message: str
) -> None:
    pets = grow(aws, api, "pets")

    with pytest.raises(ClientError) as error:
        aws.update_resource(restApiId=api["id"], resourceId=pets, patchOperations=[operation])

    assert refusal(error) == ("BadRequestException", message)


def test_deleting_takes_everything_below(aws: Any, api: Any) -> None:
    pets = grow(aws, api, "pets")
    aws.create_resource(restApiId=api["id"], parentId=pets, pathPart="x")

    aws.delete_resource(restApiId=api["id"], resourceId=pets)

    assert [each["path"] for each in aws.get_resources(restApiId=api["id"])["items"]] == ["/"]


def test_methods_are_shown_in_full_when_asked_for(aws: Any) -> None:
    api = api_with_method(aws)

    plain = aws.get_resource(restApiId=api.id, resourceId=api.resource)
    full = aws.get_resources(restApiId=api.id, embed=["methods"])["items"][1]

    assert plain["resourceMethods"] == {"GET": {}}
    assert full["resourceMethods"]["GET"]["methodIntegration"]["type"] == "MOCK"
