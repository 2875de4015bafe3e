from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from gateway.control import users
from gateway.control.users import FILE_NAME, User, add_user, load_users, remove_user
from gateway.errors import ConfigurationError


def test_users_come_and_go(tmp_path: Path) -> None:
    assert load_users(tmp_path / "nowhere") == {}
    alice = add_user(tmp_path, "alice", "admin")
    bob = add_user(tmp_path, "bob@example.com", "read-only")

    assert load_users(tmp_path) == {alice.access_key: alice, bob.access_key: bob}
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert len(alice.secret_key) == 40
    remove_user(tmp_path, "alice")
    assert load_users(tmp_path) == {bob.access_key: bob}
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_secret_is_not_in_a_users_text(tmp_path: Path) -> None:
    alice = add_user(tmp_path, "alice", "admin")

    assert alice.secret_key not in repr(alice)


@pytest.mark.parametrize("name", ["", "a b", 'a"]', "a" * 65, "ä", "a\nb"])
def test_a_name_is_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="holds letters"):
        add_user(tmp_path, name, "admin")


def test_a_name_is_used_once_and_must_be_there_to_go(tmp_path: Path) -> None:
    add_user(tmp_path, "alice", "admin")

    with pytest.raises(ConfigurationError, match="alice is there already"):
        add_user(tmp_path, "alice", "admin")
    with pytest.raises(ConfigurationError, match="there is no user bob; known: alice"):
        remove_user(tmp_path, "bob")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666])
def test_a_file_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    add_user(tmp_path, "alice", "admin")
    (tmp_path / FILE_NAME).chmod(mode)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_users(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a = 1",
        "[a]\nrole = 'admin'",
        (
            "[a]\nrole = 'god'\naccess_key = 'AAAAAAAAAAAAAAAA'\n"
            "secret_key = 'aaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
        "[a]\nrole = 'admin'\naccess_key = 'a'\nsecret_key = 'aaaaaaaaaaaaaaaaaaaaaaaa'",
        "\x00",
        "#" * (2**20 + 1),
    ],
)
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE_NAME
    path.touch(0o600)
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=FILE_NAME):
        load_users(tmp_path)


def test_users_are_read_and_written_back_under_one_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def noting(data: Path) -> dict[str, User]:
        descriptor = os.open(data, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(False)
        except BlockingIOError:
            held.append(True)
        finally:
            os.close(descriptor)
        return load_users(data)

    monkeypatch.setattr(users, "load_users", noting)

    add_user(tmp_path, "alice", "admin")
    assert held == [True]
    remove_user(tmp_path, "alice")
    # The first look is whether there is anything to remove.
    assert held[1:] == [False, True, True]


def test_the_directory_is_synced_once_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []

    def sync(descriptor: int) -> None:
        is_directory = Path(f"/proc/self/fd/{descriptor}").resolve() == tmp_path.resolve()
        synced.append(is_directory and (tmp_path / FILE_NAME).exists())

    monkeypatch.setattr(os, "fsync", sync)

    add_user(tmp_path, "alice", "admin")

    assert synced == [False, True]


def test_two_users_never_share_a_key(tmp_path: Path) -> None:
    alice = add_user(tmp_path, "alice", "admin")
    path = tmp_path / FILE_NAME
    text = path.read_text()
    path.write_text(text + text.replace('["alice"]', '["bob"]').replace("admin", "read-only"))

    with pytest.raises(ConfigurationError, match="alice and bob the same access_key"):
        load_users(tmp_path)
    assert alice.access_key in text
