"""Certificates made on the fly: authorities, and what they issue to servers and clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_LABELS: Final = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME}


def _name(**names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(_LABELS[kind], text) for kind, text in names.items()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate with its key."""

    certificate: str
    """PEM."""
    key: str = field(repr=False)
    """PEM, not encrypted."""
    issuers: str = ""
    """PEM of the authorities between it and the root."""

    @property
    def chain(self) -> str:
        """Certificate and issuers, as a server has them in one file."""
        return self.certificate + self.issuers

    @property
    def parsed(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.encode())

    @property
    def der(self) -> bytes:
        return self.parsed.public_bytes(serialization.Encoding.DER)

    def write(self, directory: Path, name: str) -> Path:
        """Write `NAME.pem` and `NAME.key`; return the former."""
        directory.mkdir(parents=True, exist_ok=True)
        for suffix, text in ((".key", self.key), (".pem", self.chain)):
            beside = directory / f".{name}{suffix}.new"
            beside.write_text(text)
            beside.chmod(0o600)
            beside.replace(directory / f"{name}{suffix}")
        return directory / f"{name}.pem"

    def write_whole(self, path: Path) -> Path:
        """Write key and certificate into one file, as clients load them."""
        path.write_text(self.chain + self.key)
        path.chmod(0o600)
        return path


class Authority:
    """A certificate authority."""

    def __init__(self, name: str = "Test CA", *, parent: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = _name(O="Test", CN=name)
        self.parent = parent
        self.parsed = signed(
            self.key,
            self.subject,
            None if parent is None else (parent.subject, parent.key),
            (x509.BasicConstraints(ca=True, path_length=None),),
            days=3650,
        )

    @property
    def certificate(self) -> str:
        """PEM."""
        return _pem(self.parsed)

    def server(
        self, *names: str, days: float = 90, begun_days: float = 1, key: Key | None = None
    ) -> Issued:
        """Issue a certificate for host names; it ends in `days` (may be past)."""
        return self._issue(
            names[0],
            days,
            begun_days,
            (x509.SubjectAlternativeName([x509.DNSName(name) for name in names]),),
            key,
        )

    def client(self, name: str, days: float = 90) -> Issued:
        """Issue a certificate for a client."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._issue(name, days, 1 if days > 0 else 1 - days, (usage,), None)

    def _issue(
        self,
        name: str,
        days: float,
        begun_days: float,
        extensions: tuple[x509.ExtensionType, ...],
        key: Key | None,
    ) -> Issued:
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = signed(
            key,
            _name(O="Test", CN=name),
            (self.subject, self.key),
            extensions,
            days=days,
            begun_days=begun_days,
        )
        return Issued(
            certificate=_pem(certificate),
            key=pem_of_key(key),
            issuers=self.certificate if self.parent is not None else "",
        )


def pem_of_key(key: Key, passphrase: bytes | None = None) -> str:
    """Return a key as PEM, encrypted if there is a passphrase."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def small_rsa_key() -> rsa.RSAPrivateKey:
    """Return a key that is too short."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def signed(
    key: Key,
    subject: x509.Name,
    by: tuple[x509.Name, Key] | None,
    extensions: tuple[x509.ExtensionType, ...],
    *,
    days: float,
    begun_days: float = 1,
) -> x509.Certificate:
    """Make a certificate that ends in `days`; `by`: its issuer, None: it is its own."""
    issuer, issuer_key = by or (subject, key)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=begun_days))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(
            extension, critical=isinstance(extension, x509.BasicConstraints)
        )
    return builder.sign(issuer_key, hashes.SHA256())
