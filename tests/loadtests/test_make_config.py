from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration import load
from gateway.routing import Routes
from loadtests import make_config


def test_what_is_written_is_served_without_any_problem(tmp_path: Path) -> None:
    make_config.write(tmp_path)
    loaded = load(tmp_path)

    assert loaded.problems == ()
    assert set(loaded.apis) == {"github", "okta", "openai", "demo", "reloaded"}
    assert loaded.domains is not None
    assert len(loaded.domains) == 4


def test_every_target_is_found_under_its_own_resource() -> None:
    routes = {
        api: Routes.build((path, "GET", path) for path in make_config.route_set(api))
        for api in ("github", "okta", "openai")
    }
    prefixes = {"enterprise/v3", "identity", "ai/v1", "dev"}
    wrong = []
    for target in make_config.targets():
        path = target.path
        for prefix in prefixes:
            path = path.removeprefix(f"/{prefix}")
        found = routes[target.api].find(path, "GET")
        if found is None or found[0] != target.resource:
            wrong.append((target.path, found))

    assert wrong == []


def test_targets_are_of_every_kind_on_several_hosts_and_stages() -> None:
    targets = make_config.targets()

    assert {target.kind for target in targets} == {"static", "param", "greedy"}
    assert {target.stage for target in targets} == {"dev", "prod"}
    assert len({target.host for target in targets}) > 3
    assert targets == make_config.targets()


def test_sibling_variables_get_one_name() -> None:
    paths = make_config.route_set("github")

    assert not [path for path in paths if path.startswith("/repos/{template_owner}")]
    assert len(paths) == len(set(paths)) > 600


def test_documents_of_two_turns_differ() -> None:
    assert make_config.reloaded_document(1) != make_config.reloaded_document(2)


def test_a_directory_that_holds_something_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    assert make_config.main([str(tmp_path)]) == 2
    assert "name a new one" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
