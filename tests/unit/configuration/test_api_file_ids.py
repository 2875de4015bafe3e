"""Resources of files may keep the ids that they had."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration.api_file import load_api_file

METHOD = "{integration: {type: MOCK}}"


def load(tmp_path: Path, resources: str) -> tuple[dict[str, str], list[str]]:
    path = tmp_path / "a.yaml"
    path.write_text(f"resources: {resources}\nstages: {{prod: {{}}}}\n")
    found = load_api_file(path, tmp_path)
    if found.api is None:
        return {}, [str(problem) for problem in found.problems]
    (deployment,) = found.api.deployments.values()
    return {each.path: each.id for each in deployment.definition.resources}, []


def test_an_id_is_kept(tmp_path: Path) -> None:
    ids, _ = load(tmp_path, f"{{/a: {{id: abc123, GET: {METHOD}}}, /b: {{GET: {METHOD}}}}}")

    assert ids == {"/a": "abc123", "/b": ""}


@pytest.mark.parametrize(
    ("id_", "message"),
    [
        ("A", "must be 1 to 32 characters a-z, 0-9"),
        ("5", "must be text; put it in quotes"),
        ("[a]", "must be text; put it in quotes"),
    ],
)
def test_a_bad_id_is_refused(tmp_path: Path, id_: str, message: str) -> None:
    _, problems = load(tmp_path, f"{{/a: {{id: {id_}, GET: {METHOD}}}}}")

    assert len(problems) == 1
    assert f"resources./a.id: {message}" in problems[0]
