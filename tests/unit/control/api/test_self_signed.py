from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.clock import SystemClock
from gateway.control.api.self_signed import SelfSigned, self_signed


@pytest.fixture(scope="module")
def made() -> SelfSigned:
    return self_signed("pets", SystemClock().epoch())


def test_it_is_rsa_2048_with_sha_256_for_a_year(made: SelfSigned) -> None:
    certificate = x509.load_pem_x509_certificate(made.certificate.encode())
    key = certificate.public_key()

    assert isinstance(key, rsa.RSAPublicKey)
    assert (key.key_size, key.public_numbers().e) == (2048, 65537)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lasts.days == 365
    assert certificate.not_valid_after_utc.timestamp() == made.expiration_epoch
    assert certificate.subject == certificate.issuer
    certificate.verify_directly_issued_by(certificate)


def test_the_private_key_fits_and_is_not_in_its_repr(made: SelfSigned) -> None:
    key = serialization.load_pem_private_key(made.private_key.encode(), password=None)
    certificate = x509.load_pem_x509_certificate(made.certificate.encode())

    assert key.public_key() == certificate.public_key()
    assert "PRIVATE" not in repr(made)


def test_no_two_have_the_same_serial_number(made: SelfSigned) -> None:
    other = x509.load_pem_x509_certificate(self_signed("pets", 1e9).certificate.encode())

    first = x509.load_pem_x509_certificate(made.certificate.encode())
    assert other.serial_number != first.serial_number


def test_a_backend_that_trusts_it_accepts_it_and_no_other(made: SelfSigned, tmp_path: Path) -> None:
    other = self_signed("pets", SystemClock().epoch())
    for name, each in (("made", made), ("other", other)):
        (tmp_path / name).write_text(each.certificate + each.private_key, "ascii")
    backend = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    backend.load_cert_chain(tmp_path / "other")
    backend.verify_mode = ssl.CERT_REQUIRED
    backend.load_verify_locations(cadata=made.certificate)

    assert shown(backend, tmp_path / "made") == "pets"
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(backend, tmp_path / "other")


def shown(backend: ssl.SSLContext, certificate: Path) -> str:
    """Return the name of the client that a backend sees after a handshake."""
    gateway = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    gateway.check_hostname = False
    gateway.verify_mode = ssl.CERT_NONE
    gateway.load_cert_chain(certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = gateway.wrap_bio(back, there)
    server = backend.wrap_bio(there, back, server_side=True)
    waiting = [client, server]
    while waiting:
        for each in [*waiting]:
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(each)
    peer = server.getpeercert()
    assert peer is not None
    subject = x509.load_der_x509_certificate(server.getpeercert(binary_form=True) or b"").subject
    return str(subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
