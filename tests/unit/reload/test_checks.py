from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration.files import load
from gateway.configuration.loaded import LoadedApi
from gateway.definitions.stage import Deployment
from gateway.errors import Problem
from gateway.release import Release
from gateway.reload import checks
from gateway.reload.checks import Checks
from gateway.reload.connections import Connections
from gateway.snapshot.check import problems_of_deployment
from gateway.snapshot.compiled import CompiledDeployment
from tests.running_gateway import pets

EMPTY = Release(revision=0, digest="", region="eu-test-1", account="123456789012")
UNDEFINED = "${stageVariables.host}"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the deployments that are compiled, in order."""
    ids: list[str] = []

    def noted(deployment: Deployment) -> tuple[CompiledDeployment, list[Problem]]:
        ids.append(deployment.id)
        return problems_of_deployment(deployment)

    monkeypatch.setattr(checks, "problems_of_deployment", noted)
    return ids


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "apis").mkdir()
    (tmp_path / "apis/pets.yaml").write_text(pets())
    return tmp_path


def read(directory: Path) -> LoadedApi:
    return load(directory).apis["pets"]


def link_by(directory: Path) -> None:
    """Make the API call its backend through a link."""
    (directory / "apis/pets.yaml").write_text(
        "resources: {/: {GET: {integration: {type: HTTP_PROXY, httpMethod: GET,"
        " uri: 'http://a.example/', connectionType: VPC_LINK, connectionId: l1}}}}\n"
        "stages: {prod: {}}\n"
    )


def test_the_same_api_is_checked_once(directory: Path, compiled: list[str]) -> None:
    found, api = Checks(Connections(EMPTY)), read(directory)
    first = found.problems_of(api)
    found.keep({"pets"}, api.deployments)

    assert found.problems_of(api) is first
    assert compiled == list(api.deployments)


def test_a_deployment_that_is_served_is_compiled_once_though_its_api_is_read_anew(
    directory: Path, compiled: list[str]
) -> None:
    found = Checks(Connections(EMPTY))
    for _ in range(2):
        api = read(directory)
        found.problems_of(api)
        found.keep({"pets"}, api.deployments)

    assert len(compiled) == 1


def test_what_is_not_kept_is_checked_again(directory: Path, compiled: list[str]) -> None:
    found, api = Checks(Connections(EMPTY)), read(directory)
    found.problems_of(api)
    # Its deployment is not served, as if it had an error.
    found.keep({"pets"}, {})
    found.problems_of(api)

    assert len(compiled) == 2


def test_an_api_is_checked_again_when_a_link_leads_elsewhere(directory: Path) -> None:
    link_by(directory)
    connections = Connections(EMPTY)
    found, loaded = Checks(connections), load(directory)
    (before,) = found.problems_of(loaded.apis["pets"])
    found.keep(loaded.apis, loaded.apis["pets"].deployments)
    (directory / "vpc-links.yaml").write_text("l1: {targets: [127.0.0.1:1]}\n")
    connections.take_files(load(directory))

    assert "l1" in before.message
    assert found.problems_of(loaded.apis["pets"]) == ()


def test_what_is_checked_further_is_not_known_afterwards(
    directory: Path, compiled: list[str]
) -> None:
    found, api = Checks(Connections(EMPTY)), read(directory)
    found.further(api, ())
    found.problems_of(api)

    assert len(compiled) == 2


def test_parts_are_those_of_what_was_compiled_and_taken_once(directory: Path) -> None:
    found, api = Checks(Connections(EMPTY)), read(directory)
    found.problems_of(api)

    assert list(found.take_parts()) == [f"deployment/{id_}" for id_ in api.deployments]
    assert found.take_parts() == {}
    assert repr(found) == "<Checks of 1 APIs, 1 deployments>"
