"""Copies of the certificates that were last good, by digest: what workers serve.

A release names a certificate by its digest, and so a worker never sees half of a rotation, and a
start finds what was last good where the user's own files are broken. A copy holds the private key:
the directory is its owner's alone (0700), as each file in it (0600). One writer: control.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from gateway.release.disk import sync_directory

DIRECTORY: Final = "tls"
"""Below the data directory."""

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_SUFFIX: Final = ".pem"


class CertificateStore:
    """The directory of copies."""

    def __init__(self, data: Path) -> None:
        self._directory = data / DIRECTORY

    def __repr__(self) -> str:
        return f"<CertificateStore {self._directory}>"

    def path(self, digest: str) -> Path:
        """Return where the copy of a digest is, or would be."""
        return self._directory / f"{digest}{_SUFFIX}"

    def has(self, digest: str) -> bool:
        """Whether there is a copy."""
        return self.path(digest).is_file()

    def put(self, digest: str, content: bytes) -> None:
        """Keep a copy; returns once it would survive a power cut. One that is there stays.

        Raises:
            OSError: the disk is full, or not writable.
        """
        path = self.path(digest)
        if path.is_file():
            return
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        if not self._directory.is_dir():
            self._directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            sync_directory(self._directory.parent)
        temporary = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(temporary, flags, _FILE_MODE), "wb") as file:  # noqa: PTH123 (a descriptor)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(self._directory)

    def keep(self, digests: Collection[str]) -> None:
        """Remove every copy but these."""
        wanted = {self.path(digest).name for digest in digests}
        with contextlib.suppress(FileNotFoundError):
            for path in self._directory.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)
