from __future__ import annotations

import pytest

from gateway.control.api import resources
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def grown(handlers: Handlers, api: dict[str, str], *parts: str) -> str:
    parent = api["rootResourceId"]
    for part in parts:
        parent = handlers.call(
            "CreateResource", {"pathPart": part}, restapi_id=api["id"], parent_id=parent
        )["id"]
    return parent


def moved(handlers: Handlers, api: dict[str, str], resource: str, path: str, value: str) -> None:
    handlers.call(
        "UpdateResource",
        {"patchOperations": [{"op": "replace", "path": path, "value": value}]},
        restapi_id=api["id"],
        resource_id=resource,
    )


def test_a_path_has_an_end(handlers: Handlers) -> None:
    api = handlers.api()

    with pytest.raises(ControlError, match="at most"):
        grown(handlers, api, *("a" for _ in range(65)))


def test_the_number_of_resources_is_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "RESOURCES_MAX", 3)
    api = handlers.api()
    grown(handlers, api, "a", "b")

    with pytest.raises(ControlError, match="LimitExceededException"):
        grown(handlers, api, "c")


def test_a_variable_is_named_once_in_a_path(handlers: Handlers) -> None:
    api = handlers.api()

    with pytest.raises(ControlError, match="twice"):
        grown(handlers, api, "{id}", "a", "{id}")


def test_a_parent_does_not_become_greedy(handlers: Handlers) -> None:
    api = handlers.api()
    parent = grown(handlers, api, "a")
    grown(handlers, api, "b")
    handlers.call("CreateResource", {"pathPart": "c"}, restapi_id=api["id"], parent_id=parent)

    with pytest.raises(ControlError, match="greedy"):
        moved(handlers, api, parent, "/pathPart", "{proxy+}")
    with pytest.raises(ControlError, match="ConflictException"):
        moved(handlers, api, parent, "/pathPart", "b")
    with pytest.raises(ControlError, match="NotFoundException"):
        moved(handlers, api, parent, "/parentId", "nothing")


def test_a_move_takes_only_what_is_below_it_letter_by_letter(handlers: Handlers) -> None:
    api = handlers.api()
    lower = grown(handlers, api, "pets")
    grown(handlers, api, "Pets", "y")

    moved(handlers, api, lower, "/pathPart", "cats")
    moved(handlers, api, lower, "/pathPart", "{proxy+}")

    paths = [each["path"] for each in handlers.call("GetResources", restapi_id=api["id"])["item"]]
    assert paths == ["/", "/{proxy+}", "/Pets", "/Pets/y"]


@pytest.mark.parametrize("part", ["..", ".", "a b", "{a", "a}", "{}", "{+}", "ä", "a?b", "{a}{b}"])
def test_a_part_has_aws_characters(handlers: Handlers, part: str) -> None:
    with pytest.raises(ControlError, match="Resource's path part only allow"):
        grown(handlers, handlers.api(), part)
