"""Where a domain's certificate and trust store lie: names and ARNs → files. No I/O.

Files name files, relative to the configuration directory. AWS's clients name ARNs and objects of
S3: their last parts are names of files in two fixed directories, below the configuration directory
or the data directory, and can name nothing else on the machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.definitions.domain import DomainName

CERTIFICATES: Final = "certificates"
TRUSTSTORES: Final = "truststores"
CERTIFICATE_SUFFIX: Final = ".pem"
KEY_SUFFIX: Final = ".key"

S3: Final = "s3://"

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_SEGMENT: Final = re.compile(r"[^\s/\x00]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlace:
    """Where a certificate may be."""

    certificate: Path
    key: Path
    """May be absent when `is_key_optional`: then the key is beside the certificate, in its file."""
    is_key_optional: bool = False


def pair_places(domain: DomainName, directories: tuple[Path, ...]) -> tuple[PairPlace, ...] | None:
    """Return where to look for a domain's certificate, best first; None: it names none.

    `directories`: the configuration directory, then the data directory.

    Raises:
        ValueError: what it names is no name of a file; says why.
    """
    if domain.certificate_file is not None:
        return (named_pair(domain.certificate_file, domain.private_key_file, directories[0]),)
    arn = domain.regional_certificate_arn or domain.certificate_arn
    if arn is None:
        return None
    name = arn.rpartition("/")[2]
    if "/" not in arn or not _NAME.fullmatch(name):
        raise ValueError(
            f"the ARN {arn[:200]} must end in /NAME, of letters, digits, dots, hyphens and "
            f"underscores: NAME is the file {CERTIFICATES}/NAME{CERTIFICATE_SUFFIX}"
        )
    return tuple(
        PairPlace(
            certificate=directory / CERTIFICATES / f"{name}{CERTIFICATE_SUFFIX}",
            key=directory / CERTIFICATES / f"{name}{KEY_SUFFIX}",
            is_key_optional=True,
        )
        for directory in directories
    )


def named_pair(certificate_file: str, key_file: str | None, config: Path) -> PairPlace:
    """Return the place of a certificate whose files are named."""
    certificate = config / certificate_file
    return PairPlace(
        certificate=certificate, key=certificate if key_file is None else config / key_file
    )


def truststore_places(uri: str, directories: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return where to look for a trust store, best first.

    Raises:
        ValueError: the URI leads nowhere; says why.
    """
    if not uri.startswith(S3):
        return (directories[0] / uri,)
    segments = uri.removeprefix(S3).split("/")
    if len(segments) < 2 or not all(
        _SEGMENT.fullmatch(segment) and segment not in {".", ".."} for segment in segments
    ):
        raise ValueError(
            f"{uri[:200]} must be s3://BUCKET/KEY, without empty segments, . and ..: it is the "
            f"file {TRUSTSTORES}/BUCKET/KEY"
        )
    return tuple(directory.joinpath(TRUSTSTORES, *segments) for directory in directories)
