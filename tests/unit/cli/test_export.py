from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.commands import main
from tests.unit.control.api.handlers import Handlers


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Handlers]:
    made = Handlers(tmp_path)
    yield made
    made.close()


def deployed(handlers: Handlers) -> str:
    api: str = handlers.method()["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    return api


def export(tmp_path: Path, *arguments: str) -> int:
    return main(["export", *arguments, "--data", str(tmp_path), "--config", str(tmp_path / "no")])


def test_the_files_are_named(
    handlers: Handlers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deployed(handlers)

    assert export(tmp_path, api, "--out", str(tmp_path / "out")) == 0

    path = tmp_path / "out" / "apis" / f"{api}.yaml"
    assert capsys.readouterr() == (f"{path}\n", "")
    assert path.read_text().startswith("restApi:\n  name: pets\n  id: ")


def test_it_goes_to_the_current_directory(
    handlers: Handlers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = deployed(handlers)
    monkeypatch.chdir(tmp_path)

    assert export(tmp_path, api) == 0

    assert (tmp_path / "apis" / f"{api}.yaml").exists()


def test_a_file_in_the_way_is_left_alone(
    handlers: Handlers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deployed(handlers)
    path = tmp_path / "apis" / f"{api}.yaml"
    path.parent.mkdir()
    path.write_text("mine")

    assert export(tmp_path, api, "--out", str(tmp_path)) == 1

    assert path.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err


def test_a_directory_or_other_bytes_in_the_way_are_left_alone(
    handlers: Handlers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deployed(handlers)
    path = tmp_path / "apis" / f"{api}.yaml"
    path.mkdir(parents=True)

    assert export(tmp_path, api, "--out", str(tmp_path)) == 1
    assert "is there already" in capsys.readouterr().err
    path.rmdir()
    path.write_bytes(b"\xff")
    assert export(tmp_path, api, "--out", str(tmp_path)) == 1

    assert path.read_bytes() == b"\xff"
    assert "is there already" in capsys.readouterr().err


def test_a_file_of_the_same_content_is_no_obstacle(handlers: Handlers, tmp_path: Path) -> None:
    api = deployed(handlers)

    assert export(tmp_path, api, "--out", str(tmp_path)) == 0
    assert export(tmp_path, api, "--out", str(tmp_path)) == 0


def test_a_directory_that_cannot_be_written_is_named(
    handlers: Handlers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert export(tmp_path, deployed(handlers), "--out", str(tmp_path / "file")) == 1

    assert "cannot write" in capsys.readouterr().err


def test_undeployed_changes_are_told(
    handlers: Handlers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deployed(handlers)
    operation = {"op": "replace", "path": "/name", "value": "new"}
    handlers.call("UpdateRestApi", {"patchOperations": [operation]}, restapi_id=api)

    assert export(tmp_path, api, "--out", str(tmp_path)) == 0

    assert "changes that no stage serves are not exported" in capsys.readouterr().err


def test_an_api_without_methods_is_refused(
    handlers: Handlers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = handlers.api()["id"]

    assert export(tmp_path, api, "--out", str(tmp_path)) == 1

    told = capsys.readouterr().err
    assert f"the API {api} cannot be exported" in told
    assert f"apis/{api}.yaml" in told
    assert str(tmp_path) not in told
