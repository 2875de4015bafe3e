from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.errors import ConfigurationError
from gateway.store.export import read_api
from gateway.store.tables import REST_API
from tests.unit.control.api.handlers import Handlers


def test_an_api_is_read_while_its_store_is_open(handlers: Handlers, tmp_path: Path) -> None:
    named = handlers.method(tags={"team": "a"})
    api = named["restapi_id"]
    made = handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    handlers.call(
        "UpdateStage",
        {"patchOperations": [{"op": "replace", "path": "/description", "value": "text"}]},
        restapi_id=api,
        stage_name="prod",
    )

    found = read_api(tmp_path / "store.sqlite", api)

    assert (found.api_id, found.tags) == (api, {"team": "a"})
    assert found.stages["prod"].description == "text"
    assert found.definitions == {made["id"]: found.working_copy}
    assert found.working_copy.resources[0].id == named["resource_id"]


def test_an_api_without_stages_has_its_working_copy(handlers: Handlers, tmp_path: Path) -> None:
    found = read_api(tmp_path / "store.sqlite", handlers.method()["restapi_id"])

    assert (found.stages, found.definitions) == ({}, {})
    assert found.working_copy.resources


def test_what_cannot_be_read_is_told(handlers: Handlers, tmp_path: Path) -> None:
    api = handlers.api()["id"]
    (tmp_path / "broken").write_text("no database")
    mine = update(REST_API).values(file="pets.yaml")
    for path, id_, message in (
        ("absent", api, "there is no store at"),
        ("broken", api, "file is not a database"),
        ("store.sqlite", "nothing", f"there is no API nothing; known are: {api}"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            read_api(tmp_path / path, id_)

    handlers.store.run(lambda transaction: transaction.run(mine))
    with pytest.raises(ConfigurationError, match=r"is that of the file pets\.yaml already"):
        read_api(tmp_path / "store.sqlite", api)
