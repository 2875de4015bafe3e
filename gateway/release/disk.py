"""The last good release on disk: what a start falls back to. The only I/O of this package.

`manifest.json` names a revision and its parts; `parts/{digest}` holds a part's frames, a line each.
Files are written beside their place, synced and renamed, the manifest last, so that a reader finds
the old release or the new one. Whatever is damaged all the same is ignored with a warning: the
configuration's files, or control, have it anew.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from gateway.release.parts import Part, digests_of

_log = logging.getLogger(__name__)

_DIRECTORY_MODE: Final = 0o750
"""Definitions may hold what not everybody on the machine should read."""

_FILE_MODE: Final = 0o640
_SECRET_MODE: Final = 0o600
"""Of the part that holds private keys."""

FORMAT: Final = 2
"""Version of the layout; a manifest of another one is ignored."""


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release in its travelling form, as it lay on disk."""

    revision: int
    run: str
    """The supervisor's run in which it was made."""
    parts: Mapping[str, Part]


class ReleaseStore:
    """The directory that holds the last good release. One writer: the control process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._parts = directory / "parts"
        self._manifest = directory / "manifest.json"

    def __repr__(self) -> str:
        return f"<ReleaseStore {self._directory}>"

    def save(self, revision: int, run: str, parts: Mapping[str, Part]) -> None:
        """Make `parts` the last good release; returns once it would survive a power cut.

        Raises:
            OSError: the disk is full, or not writable.
        """
        self._make_directories()
        present = {path.name for path in self._parts.iterdir()}
        for part in parts.values():
            if part.digest not in present:
                mode = _SECRET_MODE if part.is_secret else _FILE_MODE
                _write(self._parts / part.digest, b"\n".join(part.frames) + b"\n", mode)
        sync_directory(self._parts)
        manifest = {
            "format": FORMAT,
            "revision": revision,
            "run": run,
            "parts": digests_of(parts),
        }
        _write(self._manifest, orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
        sync_directory(self._directory)
        wanted = {part.digest for part in parts.values()}
        for name in present - wanted:
            (self._parts / name).unlink(missing_ok=True)

    def keep_previous(self) -> None:
        """Copy the last good release to `previous`, in place of what was kept there before.

        Raises:
            OSError: the disk is full, or not writable.
        """
        if not self._manifest.exists():
            return
        kept, beside = self._directory / "previous", self._directory / "previous.new"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(self._parts, beside / "parts")
        shutil.copy2(self._manifest, beside)
        shutil.rmtree(kept, ignore_errors=True)
        beside.rename(kept)

    def _make_directories(self) -> None:
        self._directory.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        self._directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        self._parts.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)

    def load(self) -> StoredRelease | None:
        """Return the last good release, without what is damaged; None: there is none."""
        try:
            manifest = orjson.loads(self._manifest.read_bytes())
            revision, run, digests = _checked(manifest)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("ignoring %s: %s", self._manifest, error)
            return None
        parts: dict[str, Part] = {}
        for key, digest in digests.items():
            part = self._read(key, digest)
            if part is not None:
                parts[key] = part
        return StoredRelease(revision, run, parts)

    def _read(self, key: str, digest: str) -> Part | None:
        path = self._parts / digest
        try:
            part = Part(key, digest, tuple(path.read_bytes().removesuffix(b"\n").split(b"\n")))
        except OSError as error:
            _log.warning("ignoring the part %s of the last good release: %s", key, error)
            return None
        if not part.is_intact:
            _log.warning("ignoring the part %s of the last good release: %s is damaged", key, path)
            return None
        return part


def _checked(manifest: Any) -> tuple[int, str, dict[str, str]]:
    match manifest:
        case {"format": int(version), "revision": int(revision), "run": str(run), "parts": dict()}:
            if version != FORMAT:
                raise ValueError(f"its format is {version}, this version reads {FORMAT}")
            digests = manifest["parts"]
            if all(_is_digest(digest) for digest in digests.values()):
                return revision, run, digests
        case _:
            pass
    raise ValueError("it is not a manifest")


def _is_digest(value: object) -> bool:
    """Whether a value is a digest, and so safe as a file's name."""
    return isinstance(value, str) and value.isascii() and value.isalnum()


def _write(path: Path, content: bytes, mode: int = _FILE_MODE) -> None:
    temporary = path.with_name(f"{path.name}.new")
    # Left by a process that was killed: its mode would stay.
    temporary.unlink(missing_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    with open(os.open(temporary, flags, _SECRET_MODE), "wb") as file:  # noqa: PTH123 (a descriptor)
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
