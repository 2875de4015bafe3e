from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from gateway.control.stored_reading import as_it_was, read_apis
from gateway.definitions.stage import CanarySettings, Stage
from gateway.release import Release
from tests.unit.control.api.handlers import Handlers


@pytest.fixture
def handlers(tmp_path: Path) -> Handlers:
    return Handlers(tmp_path)


def deployed(handlers: Handlers) -> str:
    api: str = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    return api


def test_what_can_be_read_is_read_whatever_the_others_hold(handlers: Handlers) -> None:
    good, bad = deployed(handlers), deployed(handlers)
    operation = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}
    handlers.call(
        "UpdateStage", {"patchOperations": [operation]}, restapi_id=bad, stage_name="prod"
    )
    handlers.store.run(
        lambda transaction: transaction.execute(
            "UPDATE stage_method_setting SET logging_level = 'LOUD'"
        )
    )

    reading = handlers.store.run(
        lambda transaction: read_apis(transaction, [good, bad, "nothing"], ())
    ).value

    assert [*reading.apis] == [good, "nothing"]
    assert reading.apis[good] is not None
    assert reading.apis["nothing"] is None
    assert [*reading.problems] == [bad]
    assert reading.problems[bad].startswith("cannot be read from the store: ")
    handlers.close()


def test_a_store_that_cannot_be_read_is_no_problem_of_an_api(handlers: Handlers) -> None:
    api = deployed(handlers)
    handlers.store.run(lambda transaction: transaction.execute("ALTER TABLE stage RENAME TO lost"))

    outcome = handlers.store.run(lambda transaction: read_apis(transaction, [api], ()))

    assert isinstance(outcome.error, SQLAlchemyError)
    handlers.close()


def test_an_api_as_a_release_has_it() -> None:
    stage = Stage(
        stage_name="prod", deployment_id="d1", canary_settings=CanarySettings(deployment_id="d2")
    )
    empty = Release(revision=1, digest="", region="r", account="a")
    release = replace(
        empty, stages={"a": {"prod": stage}, "filed": {}}, files={"filed": "filed.yaml"}
    )

    found = as_it_was(release, ["a", "filed", "nothing"])

    assert found["a"] is not None
    assert found["a"].deployment_ids == {"d1", "d2"}
    assert (found["filed"], found["nothing"]) == (None, None)
