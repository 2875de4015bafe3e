"""Files that cannot be read become problems; a named pipe is not waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.configuration.reading import is_ignored, read_bounded, read_source


def test_a_file_is_read_and_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1")

    assert read_source(path).value == {"a": 1}


def test_a_missing_file_is_a_problem_that_names_it(tmp_path: Path) -> None:
    (problem,) = read_source(tmp_path / "a.yaml").problems

    assert problem.file == str(tmp_path / "a.yaml")
    assert problem.message == "cannot be read: No such file or directory"


def test_a_directory_and_a_pipe_are_problems(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path, tmp_path / "pipe"):
        (problem,) = read_source(path).problems
        assert problem.message.startswith("cannot be read: ")


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)

    assert read_bounded(path, 10) == b"x" * 10


@pytest.mark.parametrize(
    "name", [".a.yaml", "..data", ".a.yaml.swp", "a.yaml~", "#a.yaml#", "a.yaml.swp", "a.yaml.tmp"]
)
def test_backups_and_hidden_files_are_ignored(name: str) -> None:
    assert is_ignored(name)


def test_other_files_are_not() -> None:
    assert not is_ignored("petstore.yaml")
