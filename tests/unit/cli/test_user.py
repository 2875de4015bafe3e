from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.control.users import load_users


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    return ["--data", str(tmp_path / "data"), "--config", str(tmp_path / "config")]


def test_a_user_is_made_listed_and_removed(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "add", "alice", "--role", "read-only", *flags]) == 0
    (made,) = load_users(tmp_path / "data").values()
    told = capsys.readouterr().out
    assert made.access_key in told
    assert made.secret_key in told

    assert main(["user", "list", *flags]) == 0
    told = capsys.readouterr().out
    assert "alice" in told
    assert made.secret_key not in told
    assert main(["user", "list", "--json", *flags]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "alice", "role": "read-only", "accessKeyId": made.access_key}
    ]

    assert main(["user", "remove", "alice", *flags]) == 0
    assert load_users(tmp_path / "data") == {}


def test_the_key_is_told_to_scripts(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "add", "alice", "--json", *flags]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told.keys() == {"name", "role", "accessKeyId", "secretAccessKey"}


def test_what_cannot_be_is_named(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "remove", "nobody", *flags]) == 1
    assert "there is no user nobody" in capsys.readouterr().err
    assert main(["user", "add", "alice", "--role", "god", *flags]) == 2
    assert main(["user"]) == 2
