"""Certificates of backends, and of the gateway towards them: right and wrong ones."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.definitions.client_certificate import ClientCertificate
from tests.certificates import pem_of_key, signed

_NAMES: Final = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return pem_of_key(self.key)

    @property
    def serial(self) -> int:
        return self.certificate.serial_number

    def client(self, id_: str = "shown") -> ClientCertificate:
        """Return it as the data plane has it."""
        return ClientCertificate(
            client_certificate_id=id_,
            certificate=self.pem,
            private_key=self.key_pem,
            expiration_epoch=self.certificate.not_valid_after_utc.timestamp(),
        )


@functools.cache
def authority(name: str = "Test authority") -> Pair:
    """Return an authority, one for each name."""
    return _signed(name, None, names=(), days=(-1, 30), is_authority=True)


def issued(
    name: str = "localhost",
    *,
    by: Pair | None = None,
    names: tuple[str, ...] = _NAMES,
    days: tuple[int, int] = (-1, 30),
) -> Pair:
    """Return a certificate for `names` that is valid from the first day to the second, from now."""
    return _signed(name, by or authority(), names=names, days=days)


def self_signed(name: str = "localhost", names: tuple[str, ...] = _NAMES) -> Pair:
    """Return a certificate that nobody vouches for."""
    return _signed(name, None, names=names, days=(-1, 30))


def server_context(pair: Pair, *, clients: Pair | None = None) -> ssl.SSLContext:
    """Return a server's context; with `clients`, it demands a certificate that they signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _files(pair.pem, pair.key_pem) as (certificate, key):
        context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem)
    return context


@contextlib.contextmanager
def _files(*texts: str) -> Iterator[list[Path]]:
    with TemporaryDirectory() as directory:
        paths = [Path(directory) / str(number) for number, _ in enumerate(texts)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        yield paths


def _signed(
    name: str,
    by: Pair | None,
    *,
    names: tuple[str, ...],
    days: tuple[int, int],
    is_authority: bool = False,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    extensions: list[x509.ExtensionType] = [
        x509.BasicConstraints(ca=is_authority, path_length=None)
    ]
    if names:
        extensions.append(x509.SubjectAlternativeName([_general_name(each) for each in names]))
    certificate = signed(
        key,
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        None if by is None else (by.certificate.subject, by.key),
        tuple(extensions),
        days=days[1],
        begun_days=-days[0],
    )
    return Pair(certificate, key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
