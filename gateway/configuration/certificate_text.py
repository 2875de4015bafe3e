"""PEM text → a checked certificate with its key, or a trust store. No I/O.

What is wrong is said in a sentence and never shows a byte of a key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PEM_BYTES: Final = 1_048_576
"""The most of a file: AWS's bound of a trust store."""
TRUSTSTORE_CERTIFICATES: Final = 1000
CHAIN_CERTIFICATES: Final = 10
RSA_BITS: Final = 2048

_BLOCK: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----\s(?:[^-]++|-(?!----))*+"
    rb"(?:-----END \1-----[ \t]*(?:\r?\n|\Z))?"
)
"""Whole, or cut where the next one begins: that cannot be read, and is told. Possessive, and never
past five hyphens: a file that only begins blocks takes no longer than another."""


class CertificateError(Exception):
    """A certificate, key or trust store cannot be used; the message says why."""


class KeyProblemError(CertificateError):
    """What is wrong is the key, or that it is another certificate's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate that can be served."""

    digest: str
    """Of certificate and issuers; says nothing of the key."""
    content: bytes = field(repr=False)
    """PEM: certificate, issuers, key, not encrypted."""
    not_before: float
    """Seconds since 1970."""
    not_after: float
    names: frozenset[str]
    """Host names that it is for, lower case; `*.example.com` too."""

    def covers(self, domain_name: str) -> bool:
        """Whether clients accept it for every host of a domain name."""
        return domain_name in self.names or f"*.{domain_name.partition('.')[2]}" in self.names


@dataclass(frozen=True, slots=True, kw_only=True)
class Truststore:
    """Issuers that clients' certificates may come from."""

    digest: str
    content: bytes
    """PEM."""
    warnings: tuple[str, ...] = ()
    """What was left out, and why."""


def read_pair(certificate: bytes, key: bytes | None) -> Pair:
    """Read a certificate with its issuers, and its key (None: it is in the same text).

    Raises:
        CertificateError: it cannot be used.
    """
    chain = _chain(certificate)
    leaf = chain[0]
    private_key = _private_key(certificate if key is None else key)
    if _public_bytes(private_key.public_key()) != _public_key_of(leaf):
        raise KeyProblemError("is the key of another certificate; give the one that belongs to it")
    ders = [each.public_bytes(serialization.Encoding.DER) for each in chain]
    pems = [each.public_bytes(serialization.Encoding.PEM) for each in chain]
    pems.append(
        private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Pair(
        digest=_digest(ders),
        content=b"".join(pems),
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        names=_names(leaf),
    )


def read_truststore(text: bytes, epoch: float) -> Truststore:
    """Read a trust store; certificates that are broken or expired are left out with a warning.

    Raises:
        CertificateError: none is left, or there are too many.
    """
    blocks = _blocks(text, "CERTIFICATE")
    if len(blocks) > TRUSTSTORE_CERTIFICATES:
        raise CertificateError(
            f"holds {len(blocks)} certificates; a trust store has {TRUSTSTORE_CERTIFICATES} at most"
        )
    accepted: dict[bytes, bytes] = {}
    warnings = []
    for number, block in enumerate(blocks, start=1):
        try:
            found = x509.load_pem_x509_certificate(block)
            if found.not_valid_after_utc.timestamp() <= epoch:
                warnings.append(f"certificate {number} expired on {found.not_valid_after_utc:%F}")
                continue
        except (ValueError, UnsupportedAlgorithm):
            warnings.append(f"certificate {number} cannot be read")
            continue
        der = found.public_bytes(serialization.Encoding.DER)
        accepted[der] = found.public_bytes(serialization.Encoding.PEM)
    if not accepted:
        found_text = f": {'; '.join(warnings)}" if warnings else ""
        raise CertificateError(f"holds no certificate that can be used{found_text}")
    return Truststore(
        digest=_digest(accepted), content=b"".join(accepted.values()), warnings=tuple(warnings)
    )


def _chain(text: bytes) -> list[x509.Certificate]:
    blocks = _blocks(text, "CERTIFICATE")
    if not blocks:
        raise CertificateError("holds no certificate in PEM (BEGIN CERTIFICATE)")
    if len(blocks) > CHAIN_CERTIFICATES:
        raise CertificateError(
            f"holds {len(blocks)} certificates; give the domain's and its issuers, "
            f"{CHAIN_CERTIFICATES} at most"
        )
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("holds a certificate that cannot be read; is it cut?") from None


def _private_key(text: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if b"ENCRYPTED" in text:
        raise KeyProblemError(
            "is encrypted, and nobody is there to type its passphrase; decrypt it"
        )
    blocks = [block for block in _all_blocks(text) if b"PRIVATE KEY-----" in block[:64]]
    if len(blocks) != 1:
        found = "no private key" if not blocks else f"{len(blocks)} private keys"
        raise KeyProblemError(f"holds {found} in PEM (BEGIN PRIVATE KEY); give one")
    try:
        key = serialization.load_pem_private_key(blocks[0], None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Their texts might quote what they read.
        raise KeyProblemError("holds a private key that cannot be read; is it cut?") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < RSA_BITS:
            raise KeyProblemError(f"has {key.key_size} bits; RSA needs {RSA_BITS} at least")
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise KeyProblemError("is neither RSA nor ECDSA; make one of these")


def _public_key_of(certificate: x509.Certificate) -> bytes:
    try:
        return _public_bytes(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("has a public key that is neither RSA nor ECDSA") from None


def _public_bytes(key: object) -> bytes:
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return frozenset(name.lower() for name in names.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, ValueError):
        # Clients have not looked at the common name for years.
        return frozenset()


def _blocks(text: bytes, kind: str) -> list[bytes]:
    beginning = f"-----BEGIN {kind}-----".encode()
    return [block for block in _all_blocks(text) if block.startswith(beginning)]


def _all_blocks(text: bytes) -> Iterable[bytes]:
    return (found[0] for found in _BLOCK.finditer(text))


def _digest(ders: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for der in ders:
        whole.update(hashlib.sha256(der).digest())
    return whole.hexdigest()[:32]
