from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import configuration
from gateway.control.mirror import mirror_files
from gateway.errors import ControlError
from tests.running_gateway import pets
from tests.unit.control.api.handlers import Handlers

FULL = """\
restApi: {name: Shop, description: sells, binaryMediaTypes: [image/png], tags: {team: a}}
resources:
  /a/{b}:
    GET:
      methodResponses: {"200": {}}
      integration: {type: MOCK, integrationResponses: {"200": {}}}
stages:
  prod:
    description: text
    variables: {v: w}
    methodSettings: {"*/*": {throttlingRateLimit: 5}}
    accessLogSettings: {destination: stdout, format: json}
    canarySettings: {percentTraffic: 5, stageVariableOverrides: {v: x}}
    tags: {cost: b}
"""


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Handlers]:
    made = Handlers(tmp_path)
    yield made
    made.close()


class Files:
    """A config directory whose APIs are shown in a store."""

    def __init__(self, directory: Path, handlers: Handlers) -> None:
        self.apis = directory / "config" / "apis"
        self.apis.mkdir(parents=True)
        self.handlers = handlers

    def show(self, **texts: str) -> set[str]:
        """Make these the only files, show them, and return the APIs marked as changed."""
        for path in self.apis.iterdir():
            path.unlink()
        for name, text in texts.items():
            (self.apis / f"{name}.yaml").write_text(text)
        loaded = configuration.load(self.apis.parent)
        assert not loaded.broken
        outcome = self.handlers.store.run(
            lambda transaction: mirror_files(transaction, loaded.apis, frozenset(loaded.apis))
        )
        assert outcome.error is None, outcome.error
        assert outcome.changes is not None
        return outcome.changes.apis


@pytest.fixture
def files(tmp_path: Path, handlers: Handlers) -> Files:
    return Files(tmp_path, handlers)


def listed(handlers: Handlers) -> list[str]:
    return [api["id"] for api in handlers.call("GetRestApis")["item"]]


def test_a_file_is_shown_as_aws_would(files: Files, handlers: Handlers) -> None:
    assert files.show(shop=FULL) == set()

    api = handlers.call("GetRestApi", restapi_id="shop")
    assert (api["name"], api["description"], api["tags"]) == ("Shop", "sells", {"team": "a"})
    paths = [each["path"] for each in handlers.call("GetResources", restapi_id="shop")["item"]]
    assert paths == ["/", "/a", "/a/{b}"]
    stage = handlers.call("GetStage", restapi_id="shop", stage_name="prod")
    assert stage["variables"] == {"v": "w"}
    assert stage["tags"] == {"cost": "b"}
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 5.0
    assert stage["accessLogSettings"] == {"destinationArn": "stdout", "format": "json"}
    assert stage["canarySettings"]["deploymentId"] == stage["deploymentId"]
    handlers.call("GetDeployment", restapi_id="shop", deployment_id=stage["deploymentId"])


def test_an_edited_file_is_shown_anew_and_a_deleted_one_no_more(
    files: Files, handlers: Handlers
) -> None:
    files.show(shop=FULL, pets=pets())
    before = handlers.call("GetRestApi", restapi_id="pets")["createdDate"]

    files.show(shop=FULL.replace("name: Shop", "name: New"), pets=pets())
    assert handlers.call("GetRestApi", restapi_id="shop")["name"] == "New"
    assert handlers.call("GetRestApi", restapi_id="pets")["createdDate"] == before
    files.show(pets=pets())

    assert listed(handlers) == ["pets"]


def test_an_api_whose_id_a_file_claims_is_set_aside_and_comes_back(
    files: Files, handlers: Handlers
) -> None:
    api = handlers.api(name="stored", tags={"a": "b"})["id"]

    assert files.show(**{api: FULL}) == set()
    assert sorted(listed(handlers)) == sorted([api, f"{api}.aside"])
    assert handlers.call("GetRestApi", restapi_id=f"{api}.aside")["tags"] == {"a": "b"}
    assert handlers.call("GetRestApi", restapi_id=api)["tags"] == {"team": "a"}

    assert files.show() == {api}
    restored = handlers.call("GetRestApi", restapi_id=api)
    assert (restored["name"], restored["tags"]) == ("stored", {"a": "b"})


def test_what_was_set_aside_may_be_deleted(files: Files, handlers: Handlers) -> None:
    api = handlers.api()["id"]
    files.show(**{api: FULL})

    handlers.call("DeleteRestApi", restapi_id=f"{api}.aside")
    assert files.show() == set()

    with pytest.raises(ControlError, match="NotFoundException"):
        handlers.call("GetRestApi", restapi_id=api)


def test_what_no_deployment_freezes_is_shown_and_kept_in_step(files: Files) -> None:
    text = FULL.replace("tags: {team: a}}", "endpointConfiguration: {types: [EDGE]}}")
    parts = "documentationParts:\n  - {location: {type: API}, properties: {description: %s}}\n"
    files.show(shop=text + parts % "one")
    files.show(shop=text + parts % "two")

    call = files.handlers.call
    told = call("GetRestApi", restapi_id="shop")["endpointConfiguration"]
    assert told == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    (part,) = call("GetDocumentationParts", restapi_id="shop")["item"]
    assert part["properties"] == '{"description":"two"}'
    assert len(part["id"]) == 10
    files.show(shop=FULL)
    assert call("GetDocumentationParts", restapi_id="shop")["item"] == []
    told = call("GetRestApi", restapi_id="shop")["endpointConfiguration"]
    assert told == {"types": ["REGIONAL"], "ipAddressType": "ipv4"}
