"""`client-certificates/` → certificates that stages show to their backends, each on its own.

`NAME.pem` holds the certificate, and those of issuers that backends may lack; the key stands in the
same file or in `NAME.key`. A directory `NAME` with `tls.crt` and `tls.key`, as certificate managers
write them, does as well. `NAME` is what a stage's `clientCertificateId` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from gateway.configuration.reading import is_ignored, read_bounded, warning_of_key
from gateway.definitions.client_certificate import ClientCertificate
from gateway.errors import Problem

DIRECTORY: Final = "client-certificates"
CERTIFICATES: Final = 1000
"""Client certificates of one directory."""
FILE_BYTES: Final = 262_144

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedCertificates:
    """What the directory holds."""

    certificates: Mapping[str, ClientCertificate] = field(default_factory=dict)
    """Those without an error, by name."""
    broken: frozenset[str] = frozenset()
    """Names of those with an error: they stay as they were last good."""
    problems: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()
    """Every file that was read, or should have been."""
    is_unreadable: bool = False
    """The directory is there and cannot be listed: nothing may be concluded from that."""


class _BrokenError(Exception):
    """A pair cannot be used; the text says why and how to mend it."""


def load_client_certificates(directory: Path) -> LoadedCertificates:
    """Read the certificates below a config directory; none when there is no directory for them."""
    here = directory / DIRECTORY
    try:
        pairs, problems = _pairs(here)
    except FileNotFoundError:
        return LoadedCertificates()
    except OSError as error:
        text = f"cannot be listed: {error.strerror or error}"
        return LoadedCertificates(problems=(Problem("", text, str(here)),), is_unreadable=True)
    certificates: dict[str, ClientCertificate] = {}
    broken: set[str] = set()
    for name, files in pairs.items():
        try:
            certificates[name] = _read(name, files)
        except _BrokenError as error:
            broken.add(name)
            problems.append(Problem("", str(error), str(files[0])))
            continue
        # The last of them has the key.
        if text := warning_of_key(files[-1]):
            problems.append(Problem("", text, str(files[-1]), severity="warning"))
    return LoadedCertificates(
        certificates=certificates,
        broken=frozenset(broken),
        problems=tuple(problems),
        files=tuple(file for files in pairs.values() for file in files),
    )


def _pairs(here: Path) -> tuple[dict[str, tuple[Path, ...]], list[Problem]]:
    """Return the files of each certificate by its name, the certificate's first."""
    problems: list[Problem] = []
    pairs: dict[str, tuple[Path, ...]] = {}
    entries = sorted(path for path in here.iterdir() if not is_ignored(path.name))
    for path in entries[: 2 * CERTIFICATES]:
        name = path.name if path.is_dir() else path.stem
        if path.suffix == ".key" and path.with_suffix(".pem") in entries:
            continue
        problem = _problem_of_entry(path, name, pairs)
        if problem:
            problems.append(Problem("", problem, str(path)))
        elif path.is_dir():
            pairs[name] = path / "tls.crt", path / "tls.key"
        else:
            key = path.with_suffix(".key")
            pairs[name] = (path, key) if key in entries else (path,)
    if len(entries) > 2 * CERTIFICATES:
        text = f"holds more than {CERTIFICATES} certificates; the rest is left out"
        problems.append(Problem("", text, str(here)))
    return pairs, problems


def _problem_of_entry(path: Path, name: str, pairs: Mapping[str, object]) -> str:
    if not path.is_dir() and path.suffix != ".pem":
        return (
            f"belongs to no certificate: write NAME.pem and NAME.key, both directly in {DIRECTORY}/"
        )
    if not _NAME.fullmatch(name):
        return "names no certificate: a name may hold letters, digits, _ and -, 128 at most"
    if name in pairs:
        return f"another file of {DIRECTORY}/ has the name {name} too; rename one"
    return ""


def _read(name: str, files: tuple[Path, ...]) -> ClientCertificate:
    blocks = [block for file in files for block in _blocks(file)]
    certificates = [text for label, text in blocks if label == b"CERTIFICATE"]
    keys = [text for label, text in blocks if label.endswith(b"PRIVATE KEY")]
    if not certificates:
        raise _BrokenError("holds no certificate; write it as PEM, followed by its issuers'")
    if len(keys) != 1:
        where = (
            f"{files[-1].name} must hold one private key"
            if files[1:]
            else (f"needs one private key, in this file or in {files[0].stem}.key")
        )
        raise _BrokenError(f"{where}, as PEM; it holds {len(keys)}")
    try:
        chain = [x509.load_pem_x509_certificate(text) for text in certificates]
    except ValueError as error:
        raise _BrokenError(f"holds a certificate that cannot be read: {error}") from None
    key = _key(keys[0])
    if key.public_key() != chain[0].public_key():
        raise _BrokenError("the private key is not that of the (first) certificate")
    return ClientCertificate(
        client_certificate_id=name,
        certificate="".join(
            each.public_bytes(serialization.Encoding.PEM).decode() for each in chain
        ),
        private_key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        expiration_epoch=chain[0].not_valid_after_utc.timestamp(),
    )


def _key(text: bytes) -> PrivateKeyTypes:
    # What goes wrong is told without the library's words: they may quote what they could not read.
    try:
        return serialization.load_pem_private_key(text, None)
    except TypeError:
        raise _BrokenError(
            "the private key is encrypted, and nobody is there to type its password: decrypt it, "
            "with `openssl pkey`, and let nobody else read it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _BrokenError("holds a private key that cannot be read") from None


def _blocks(file: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield label and text of every PEM block of a file."""
    try:
        content = read_bounded(file, FILE_BYTES + 1)
    except OSError as error:
        raise _BrokenError(f"{file.name} cannot be read: {error.strerror or error}") from None
    if len(content) > FILE_BYTES:
        raise _BrokenError(f"{file.name} has more than {FILE_BYTES} bytes")
    for found in _BLOCK.finditer(content):
        yield found[1], found[0]
