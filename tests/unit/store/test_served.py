from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from gateway.definitions.stage import LoggingLevel, MethodSetting
from gateway.errors import ConfigurationError
from gateway.store import served as served_module
from gateway.store.served import ASIDE, definition_from, served_api_ids, served_apis
from gateway.store.tables import REST_API
from tests.unit.control.api.handlers import Handlers

LOG_GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:pets"


@pytest.fixture
def api(handlers: Handlers) -> str:
    made: str = handlers.method()["restapi_id"]
    handlers.call(
        "CreateDeployment", {"stageName": "prod", "variables": {"a": "b"}}, restapi_id=made
    )
    return made


def served(handlers: Handlers, api: str, known: tuple[str, ...] = ()) -> Any:
    outcome = handlers.store.run(lambda transaction: served_apis(transaction, [api], known))
    assert outcome.error is None
    return outcome.value[api]


def patched(handlers: Handlers, api: str, *operations: tuple[str, str]) -> None:
    listed = [{"op": "replace", "path": path, "value": value} for path, value in operations]
    handlers.call("UpdateStage", {"patchOperations": listed}, restapi_id=api, stage_name="prod")


def test_a_stage_is_served_as_its_definition(handlers: Handlers, api: str) -> None:
    patched(
        handlers,
        api,
        ("/*/*/throttling/rateLimit", "-1"),
        ("/*/*/throttling/burstLimit", "7"),
        ("/*/*/logging/loglevel", "INFO"),
        ("/accessLogSettings/destinationArn", LOG_GROUP),
        ("/canarySettings/percentTraffic", "12.5"),
    )

    found = served(handlers, api)

    stage = found.stages["prod"]
    assert set(found.deployments) == found.deployment_ids == {stage.deployment_id}
    assert stage.variables == {"a": "b"}
    assert stage.method_settings == {
        "*/*": MethodSetting(
            throttling_rate_limit=1e9,
            throttling_burst_limit=7,
            logging_level=LoggingLevel.INFO,
        )
    }
    # Half of the settings is no log yet.
    assert stage.access_log_settings is None
    assert stage.canary_settings.percent_traffic == 12.5
    patched(handlers, api, ("/accessLogSettings/format", "$context.requestId"))
    assert served(handlers, api).stages["prod"].access_log_settings.destination == LOG_GROUP


def test_a_known_deployment_is_not_read_again(handlers: Handlers, api: str) -> None:
    (known,) = served(handlers, api).deployment_ids

    found = served(handlers, api, (known,))

    assert (found.deployments, found.deployment_ids) == ({}, {known})


@pytest.mark.parametrize("values", [{"file": "pets.yaml"}, {"id": f"x{ASIDE}"}])
def test_what_is_of_files_or_set_aside_is_not_served(
    handlers: Handlers, api: str, values: dict[str, str]
) -> None:
    listed = handlers.store.run(served_api_ids).value
    assert listed == [api]

    handlers.store.run(lambda transaction: transaction.run(update(REST_API).values(**values)))

    assert handlers.store.run(served_api_ids).value == []
    assert served(handlers, values.get("id", api)) is None


def test_a_deployment_is_handed_over_as_it_was_frozen(handlers: Handlers, api: str) -> None:
    ((id_, stored),) = served(handlers, api).deployments.items()

    assert (stored.id, stored.api_id) == (id_, api)
    assert definition_from(stored.text, id_).rest_api.id == api
    assert stored.created_date > 0


def test_many_apis_are_read_at_once(
    handlers: Handlers, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_module, "_APIS_PER_QUERY", 2)
    monkeypatch.setattr(served_module, "_IDS_PER_QUERY", 1)
    wanted = [api, "nothing"]
    for _ in range(4):
        made: str = handlers.method()["restapi_id"]
        handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=made)
        wanted.append(made)
    patched(handlers, wanted[-1], ("/*/*/throttling/burstLimit", "7"))

    found = handlers.store.run(lambda transaction: served_apis(transaction, wanted, ())).value

    assert list(found) == wanted
    assert found.pop("nothing") is None
    assert all(each.deployments.keys() == each.deployment_ids for each in found.values())
    settings = {id_: each.stages["prod"].method_settings for id_, each in found.items()}
    assert [id_ for id_ in wanted if settings.get(id_)] == wanted[-1:]


def test_an_api_without_stages_is_not_served(handlers: Handlers) -> None:
    assert served(handlers, handlers.api()["id"]) is None


def test_a_snapshot_of_a_newer_version_is_named() -> None:
    with pytest.raises(ConfigurationError, match="deployment/d"):
        definition_from('{"restApi": {"name": "a"}, "unheardOf": 1}', "d")
