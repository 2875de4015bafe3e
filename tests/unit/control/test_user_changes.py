from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.control.user_changes import add_recorded, remove_recorded
from gateway.control.users import load_users
from gateway.errors import ConfigurationError
from gateway.settings import Settings
from gateway.store.database import FILE_NAME
from gateway.store.trail import TrailQuery, read_trail


def trail(data: Path) -> list[dict[str, Any]]:
    return list(read_trail(data / FILE_NAME, TrailQuery()))


def test_who_made_and_removed_a_user_is_in_the_trail(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)

    made = add_recorded(settings, "alice", "read-only")
    assert load_users(tmp_path) == {made.access_key: made}
    assert remove_recorded(settings, "alice") == made
    assert load_users(tmp_path) == {}

    added, removed = trail(tmp_path)
    assert (added["eventName"], removed["eventName"]) == ("CreateUser", "DeleteUser")
    assert added["requestParameters"] == {"userName": "alice", "role": "read-only"}
    assert added["responseElements"] == {"accessKeyId": made.access_key}
    assert removed["responseElements"]["accessKeyId"] == made.access_key
    assert added["userIdentity"]["userName"]
    assert added["eventTime"].endswith("Z")
    assert added["eventID"] != removed["eventID"]
    assert made.secret_key not in str(trail(tmp_path))


def test_a_change_that_fails_leaves_no_record(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    add_recorded(settings, "alice", "admin")

    for name in ("alice", "not a name"):
        with pytest.raises(ConfigurationError):
            add_recorded(settings, name, "admin")
    with pytest.raises(ConfigurationError):
        remove_recorded(settings, "bob")

    assert len(trail(tmp_path)) == 1


def test_a_trail_that_cannot_be_written_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    alice = add_recorded(settings, "alice", "admin")
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("DROP TABLE audit")

    with pytest.raises(ConfigurationError, match="the audit trail cannot be written"):
        remove_recorded(settings, "alice")

    assert load_users(tmp_path) == {alice.access_key: alice}


def test_without_a_trail_nothing_is_changed(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(ConfigurationError, match="cannot be used"):
        add_recorded(Settings(data=tmp_path), "alice", "admin")

    assert load_users(tmp_path) == {}
