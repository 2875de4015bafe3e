from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import configuration
from gateway.control import mirror
from gateway.control.mirror import mirror_files
from gateway.errors import ControlError
from gateway.store.transaction import Transaction
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
        self.moment = 0.0
        """Epoch of the last showing; each is a thousand seconds after the one before."""

    def show(self, **texts: str) -> set[str]:
        """Make these the only files, show them, and return the APIs marked as changed."""
        for path in self.apis.iterdir():
            path.unlink()
        for name, text in texts.items():
            (self.apis / f"{name}.yaml").write_text(text)
        loaded = configuration.load(self.apis.parent)
        assert not loaded.broken
        self.moment += 1000.0

        def show(transaction: Transaction) -> None:
            transaction.epoch = self.moment
            mirror_files(transaction, loaded.apis, frozenset(loaded.apis))

        outcome = self.handlers.store.run(show)
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


def deployed(handlers: Handlers) -> str:
    stage = handlers.call("GetStage", restapi_id="pets", stage_name="prod")
    return str(stage["deploymentId"])


def dated(handlers: Handlers) -> list[tuple[str, int]]:
    listed = handlers.call("GetDeployments", restapi_id="pets")["item"]
    return [(each["id"], each["createdDate"]) for each in listed]


def test_an_edit_keeps_the_dates_and_the_history(files: Files, handlers: Handlers) -> None:
    files.show(pets=pets("one"))
    first = deployed(handlers)
    files.show(pets=pets("two"))
    second = deployed(handlers)

    api = handlers.call("GetRestApi", restapi_id="pets")
    stage = handlers.call("GetStage", restapi_id="pets", stage_name="prod")
    assert api["createdDate"] == stage["createdDate"] == 1000
    assert stage["lastUpdatedDate"] == 2000
    assert dated(handlers) == [(first, 1000), (second, 2000)]
    files.show(pets=pets("one"))
    assert deployed(handlers) == first
    assert dated(handlers) == [(first, 1000), (second, 2000)]


def test_a_stage_that_stays_as_it_was_keeps_its_date(files: Files, handlers: Handlers) -> None:
    stages = "stages: {prod: {variables: {a: b}}, test: {}}"
    text = pets().replace("stages:\n  prod: {}", stages)
    files.show(pets=text)

    files.show(pets=text.replace("test: {}", "test: {description: new}"))

    dates = {
        each["stageName"]: (each["createdDate"], each["lastUpdatedDate"])
        for each in handlers.call("GetStages", restapi_id="pets")["item"]
    }
    assert dates == {"prod": (1000, 1000), "test": (1000, 2000)}


def test_only_so_many_deployments_are_kept_and_all_that_are_served(
    files: Files, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "DEPLOYMENTS_KEPT", 2)
    for text in ("one", "two", "three"):
        files.show(pets=pets(text))
    assert [date for _, date in dated(handlers)] == [2000, 3000]

    files.show(pets=pets("two"))
    files.show(pets=pets("four"))
    files.show(pets=pets("three"))
    files.show(pets=pets("five"))
    files.show(pets=pets("four"))

    assert [date for _, date in dated(handlers)] == [5000, 7000]
    assert deployed(handlers) == dated(handlers)[0][0]


def test_an_edit_moves_nothing_in_a_list_that_is_being_paged(
    files: Files, handlers: Handlers
) -> None:
    paths = "".join(
        f"  /{name}:\n    GET: {{integration: {{type: MOCK}}}}\n" for name in ("a", "b", "c")
    )
    shop = f"restApi: {{name: Shop}}\nresources:\n{paths}stages: {{prod: {{}}}}\n"
    files.show(shop=shop, pets=pets())
    first = handlers.call("GetRestApis", query={"limit": ["1"]})
    page = handlers.call("GetResources", query={"limit": ["2"]}, restapi_id="shop")

    changed = shop.replace("/a:", "/z:").replace("Shop", "New")
    files.show(shop=changed, pets=pets("two"))

    ids = [each["id"] for each in first["item"]]
    rest = handlers.call("GetRestApis", query={"position": [first["position"]]})["item"]
    assert sorted(ids + [each["id"] for each in rest]) == ["pets", "shop"]
    left = handlers.call("GetResources", query={"position": [page["position"]]}, restapi_id="shop")[
        "item"
    ]
    assert [each["path"] for each in left] == ["/b", "/c", "/z"]


def test_what_the_file_no_longer_says_is_gone(files: Files, handlers: Handlers) -> None:
    files.show(shop=FULL)

    files.show(shop=pets("two"))

    api = handlers.call("GetRestApi", restapi_id="shop")
    assert (api["name"], api.get("description"), api["tags"]) == ("Pets", None, {})
    stage = handlers.call("GetStage", restapi_id="shop", stage_name="prod")
    assert stage["methodSettings"] == {}
    assert not {"tags", "canarySettings", "accessLogSettings", "description"} & stage.keys()
    paths = [each["path"] for each in handlers.call("GetResources", restapi_id="shop")["item"]]
    assert paths == ["/", "/pets"]
