"""Self-signed certificates with which the gateway shows itself to backends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY_DAYS: Final = 365
KEY_BITS: Final = 2048
_PUBLIC_EXPONENT: Final = 65537


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSigned:
    """A certificate with its private key."""

    certificate: str
    """PEM."""
    private_key: str = field(repr=False)
    """PEM, PKCS #8, not encrypted."""
    expiration_epoch: float
    """When it ends, seconds since 1970."""


def self_signed(common_name: str, epoch: float) -> SelfSigned:
    """Return a new certificate for TLS clients, RSA-2048 with SHA-256, valid for a year from now.

    Finding the primes keeps a processor busy for some hundredths of a second.

    Args:
        common_name: Of its subject, which is its issuer, too.
        epoch: Now, seconds since 1970.
    """
    begin = datetime.fromtimestamp(int(epoch), UTC)
    end = begin + timedelta(days=VALIDITY_DAYS)
    key = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    # No keyUsage: without keyCertSign in it, OpenSSL would not take it for self-signed, and no
    # backend could trust it by itself.
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private_key = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return SelfSigned(
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        private_key=private_key.decode(),
        expiration_epoch=end.timestamp(),
    )
