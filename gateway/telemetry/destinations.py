"""Where log lines may go: `stdout`, or a file.

No definition reaches out of the data directory by stealth; an absolute path is the user's own word.
"""

from __future__ import annotations

import re
from pathlib import PurePath, PurePosixPath
from typing import Final

from gateway.errors import Problem

STDOUT: Final = "stdout"

_LOG_GROUP: Final = re.compile(r"arn:aws[a-z-]*:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?")
_DELIVERY_STREAM: Final = re.compile(
    r"arn:aws[a-z-]*:firehose:[^:]*:[^:]*:deliverystream/(amazon-apigateway-[^:/]+)"
)
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._#-]")
_OWN_DIRECTORIES: Final = frozenset({"certificates", "release", "run", "tls", "truststores"})
_OWN_FILES: Final = ("store.sqlite", "users.toml")
"""How the names begin of what the gateway keeps in its data directory: no log line goes there."""
_CANARY: Final = "Canary"
"""AWS's name for what a canary logs apart."""
_MOST_NAME_CHARACTERS: Final = 200
"""Of one path segment; file systems take 255 bytes."""


def destination_of(
    value: str, path: str, problems: list[Problem], *, is_canary: bool
) -> str | None:
    """Return `stdout` or a file's path for what a user wrote; None after appending a problem.

    >>> destination_of("arn:aws:logs:us-east-1:1:log-group:/my/group:*", "", [], is_canary=False)
    'logs/my/group.log'
    """
    if value == STDOUT:
        return STDOUT
    if value.startswith("arn:"):
        return file_of_arn(value, path, problems, is_canary=is_canary)
    sentence = _fault_of_path(value)
    if sentence is not None:
        problems.append(Problem(path, sentence))
        return None
    return str(_canary_file(PurePosixPath(value)) if is_canary else PurePosixPath(value))


def execution_log_group(api_id: str, stage: str, *, is_canary: bool) -> str:
    """Return the file of an execution log: AWS's log group name, made a path under `logs/`."""
    group = log_group_path(f"API-Gateway-Execution-Logs_{api_id}/{stage}")
    return _file_of_group(group, is_canary)


def log_group_path(name: str) -> str:
    """Return a log group's name as a relative path that stays below where it is put."""
    segments = []
    for segment in name.split("/"):
        safe = _NOT_IN_NAMES.sub("_", segment)[:_MOST_NAME_CHARACTERS]
        if safe:
            segments.append(safe.replace(".", "_") if set(safe) == {"."} else safe)
    return "/".join(segments)


def is_own_file(path: PurePosixPath) -> bool:
    """Whether a path below the data directory is a file of the gateway's own, and no log."""
    if not path.parts:
        return False
    name = path.parts[0]
    return name in _OWN_DIRECTORIES or name.startswith(_OWN_FILES)


def file_of_arn(arn: str, path: str, problems: list[Problem], *, is_canary: bool) -> str | None:
    """Return the file of a log group or a delivery stream; None after appending a problem."""
    found = _LOG_GROUP.fullmatch(arn) or _DELIVERY_STREAM.fullmatch(arn)
    name = log_group_path(found[1]) if found else ""
    if not name:
        problems.append(
            Problem(
                path,
                f"the ARN {arn!r} names neither a log group"
                " (arn:aws:logs:REGION:ACCOUNT:log-group:NAME) nor a delivery stream whose name"
                " begins with amazon-apigateway-; write one of these, stdout, or a file's path.",
            )
        )
        return None
    return _file_of_group(name, is_canary)


def _file_of_group(name: str, is_canary: bool) -> str:
    # The suffix keeps a stage's file and the directory of its canary's apart.
    return f"logs/{name}/{_CANARY}.log" if is_canary else f"logs/{name}.log"


def is_canary_file(path: PurePath) -> bool:
    """Whether a file is a canary's by its name: it may need a directory of its own."""
    return path.stem == _CANARY


def _canary_file(path: PurePosixPath) -> PurePosixPath:
    """Return `logs/pets/Canary.log` for `logs/pets.log`, as for a log group.

    What has no suffix may be a pipe or a device, and both arms share it.
    """
    file = path.with_suffix("") / f"{_CANARY}{path.suffix}"
    return file if path.suffix and not is_own_file(file) else path


def _fault_of_path(value: str) -> str | None:
    if not value or not value.isprintable() or value.endswith("/"):
        return f"the destination {value!r} is no file's path; write stdout or a path to a file."
    if ".." in PurePosixPath(value).parts:
        return (
            f"the destination {value!r} must not hold '..'; write a path below the data"
            " directory, or an absolute one."
        )
    if is_own_file(PurePosixPath(value)):
        return f"the destination {value!r} is a file of the gateway's own; write logs/NAME.log."
    return None
