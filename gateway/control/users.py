"""Who may sign calls to the control API: `users.toml` under the data directory, mode 0600.

A signature is checked with the secret itself, so the file holds it; nobody else may read the file.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from gateway.errors import ConfigurationError, Problem
from gateway.store.ids import random_id

FILE_NAME: Final = "users.toml"
USERS_MAX: Final = 1000
FILE_BYTES: Final = 1 << 20

ROLES: Final = ("admin", "read-only")
Role = Literal["admin", "read-only"]

_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_ACCESS_KEY: Final = re.compile(r"[A-Z0-9]{16,64}")
_SECRET_KEY: Final = re.compile(r"[A-Za-z0-9+/]{20,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an access key."""

    name: str
    role: str
    """`admin`, or `read-only`: only what GET serves."""
    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"<User {self.name}, {self.role}, {self.access_key}>"


Record = Callable[[User], None]
"""Told of the user once nothing but the file is left to do; what it raises stops the change."""


def load_users(data: Path) -> dict[str, User]:
    """Return the users by access key; none when there is no file.

    Raises:
        ConfigurationError: others may read the file, it holds something else, or one access key for
            two users.
    """
    path = data / FILE_NAME
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if mode & 0o077:
                raise _problem(f"has mode {mode:04o}: others can read it; run chmod 600 {path}")
            content = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _problem(f"cannot be read: {error}") from error
    if len(content) > FILE_BYTES:
        raise _problem(f"is longer than {FILE_BYTES} bytes")
    try:
        found = tomllib.loads(content.decode())
    except ValueError as error:
        raise _problem(f"is not TOML: {error}") from error
    users = [_user(name, value) for name, value in found.items()]
    by_key: dict[str, User] = {}
    for user in users:
        other = by_key.setdefault(user.access_key, user)
        if other is not user:
            names = f"{other.name} and {user.name}"
            raise _problem(f"gives {names} the same access_key: nobody could tell them apart")
    return by_key


def is_name(text: str) -> bool:
    """Whether a user may be called this."""
    return _NAME.fullmatch(text) is not None


def add_user(data: Path, name: str, role: str, record: Record | None = None) -> User:
    """Make a user with a new access key, and write it down.

    Raises:
        ConfigurationError: the name is taken or none, or the file cannot be used.
    """
    if not is_name(name):
        raise _problem("a user's name holds letters, digits and _.@-, 64 at most", "user")
    user = User(
        name=name,
        role=role,
        access_key=f"SGIA{random_id(16).upper()}",
        secret_key=base64.b64encode(os.urandom(30)).decode(),
    )
    with _locked(data):
        users = load_users(data)
        if any(each.name == name for each in users.values()):
            raise _problem(f"{name} is there already; remove it first for a new key", "user")
        if len(users) >= USERS_MAX:
            raise _problem(f"there are {USERS_MAX} users already", "user")
        if record is not None:
            record(user)
        _write(data, {**users, user.access_key: user})
    return user


def remove_user(data: Path, name: str, record: Record | None = None) -> User:
    """Forget a user, and return who it was; its key opens nothing from now on.

    Raises:
        ConfigurationError: there is no such user, or the file cannot be used.
    """
    find_user(data, name)
    with _locked(data):
        gone = find_user(data, name)
        users = load_users(data)
        if record is not None:
            record(gone)
        _write(data, {key: user for key, user in users.items() if key != gone.access_key})
    return gone


def find_user(data: Path, name: str) -> User:
    """Return the user of this name.

    Raises:
        ConfigurationError: there is none, or the file cannot be used.
    """
    users = load_users(data)
    for user in users.values():
        if user.name == name:
            return user
    known = ", ".join(sorted(user.name for user in users.values())) or "none"
    raise _problem(f"there is no user {name}; known: {known}", "user")


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the directory against others who read the users, change them and write them back.

    The lock is the kernel's, and goes with the process. At the end the directory is synced, so that
    the name of the new file is as durable as its content.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _problem(f"cannot be written: {error}") from error


def _write(data: Path, users: Mapping[str, User]) -> None:
    lines = ["# Written by `stagegate user`. The secrets are in clear: keep the mode 0600.", ""]
    for user in users.values():
        lines += [
            f'["{user.name}"]',
            f'role = "{user.role}"',
            f'access_key = "{user.access_key}"',
            f'secret_key = "{user.secret_key}"',
            "",
        ]
    path = data / FILE_NAME
    beside = path.with_name(f".{FILE_NAME}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _problem(f"cannot be written: {error}") from error


def _user(name: str, value: Any) -> User:
    match value:
        case {"role": str(role), "access_key": str(access_key), "secret_key": str(secret_key)} if (
            _NAME.fullmatch(name)
            and role in ROLES
            and _ACCESS_KEY.fullmatch(access_key)
            and _SECRET_KEY.fullmatch(secret_key)
        ):
            return User(name=name, role=role, access_key=access_key, secret_key=secret_key)
        case _:
            raise _problem(
                f"holds a user that is none: each has a role ({' or '.join(ROLES)}), an access_key "
                "and a secret_key; remove it, and run stagegate user add",
            )


def _problem(text: str, path: str = "") -> ConfigurationError:
    return ConfigurationError((Problem(path, text, file=None if path else FILE_NAME),))
