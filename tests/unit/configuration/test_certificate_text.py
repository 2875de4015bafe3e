"""Facts about certificates, keys and trust stores as text."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gateway.configuration.certificate_text import (
    PEM_BYTES,
    CertificateError,
    KeyProblemError,
    read_pair,
    read_truststore,
)
from tests.certificates import Authority, pem_of_key, small_rsa_key

AUTHORITY = Authority()
ISSUED = AUTHORITY.server("a.example.com", "*.b.example.com")
NOW = 1_700_000_000.0


def test_a_pair_may_be_in_two_texts_or_in_one() -> None:
    apart = read_pair(ISSUED.certificate.encode(), ISSUED.key.encode())
    whole = read_pair((ISSUED.key + ISSUED.certificate).encode(), None)

    assert apart == whole
    assert apart.content == (ISSUED.certificate + ISSUED.key).encode()
    assert apart.not_after == ISSUED.parsed.not_valid_after_utc.timestamp()


def test_text_between_the_blocks_and_line_ends_of_any_kind_do_not_matter() -> None:
    text = "subject=/CN=x\r\n" + ISSUED.certificate.replace("\n", "\r\n") + "\r\nthe end"

    assert read_pair(text.encode(), ISSUED.key.encode()).digest


def test_issuers_follow_the_certificate_and_change_the_digest() -> None:
    issued = Authority("Between", parent=AUTHORITY).server("a.example.com")

    with_issuers = read_pair(issued.chain.encode(), issued.key.encode())
    alone = read_pair(issued.certificate.encode(), issued.key.encode())

    assert with_issuers.content.count(b"BEGIN CERTIFICATE") == 2
    assert with_issuers.digest != alone.digest


def test_the_digest_says_nothing_of_the_key_and_no_one_prints_it() -> None:
    pair = read_pair(ISSUED.certificate.encode(), ISSUED.key.encode())

    assert "PRIVATE" not in repr(pair)


@pytest.mark.parametrize(
    ("domain", "is_covered"),
    [
        ("a.example.com", True),
        ("x.b.example.com", True),
        ("*.b.example.com", True),
        ("b.example.com", False),
        ("x.y.b.example.com", False),
        ("c.example.com", False),
        ("*.example.com", False),
    ],
)
def test_a_wildcard_covers_one_label(domain: str, is_covered: bool) -> None:
    pair = read_pair(ISSUED.certificate.encode(), ISSUED.key.encode())

    assert pair.covers(domain) is is_covered


def key_of(kind: str) -> str:
    if kind == "another":
        return pem_of_key(ec.generate_private_key(ec.SECP256R1()))
    if kind == "encrypted":
        return pem_of_key(ec.generate_private_key(ec.SECP256R1()), b"secret")
    if kind == "two":
        return ISSUED.key + ISSUED.key
    if kind == "short":
        return pem_of_key(small_rsa_key())
    if kind == "cut":
        lines = ISSUED.key.splitlines()
        return "\n".join([lines[0], lines[1][:20], lines[-1], ""])
    if kind == "Ed25519":
        return (
            ed25519.Ed25519PrivateKey.generate()
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )
    return ""


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("another", "is the key of another certificate"),
        ("encrypted", "is encrypted"),
        ("two", "holds 2 private keys"),
        ("none", "holds no private key"),
        ("short", "has 1024 bits"),
        ("cut", "cannot be read; is it cut"),
        ("Ed25519", "is neither RSA nor ECDSA"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_without_a_byte_of_it(kind: str, message: str) -> None:
    key = key_of(kind)

    with pytest.raises(KeyProblemError, match=message) as error:
        read_pair(ISSUED.certificate.encode(), key.encode())
    for line in key.splitlines()[1:-1]:
        assert line not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n", "is it cut"),
        (ISSUED.certificate[:-30], "is it cut"),
        (ISSUED.certificate[:200] + "\n" + ISSUED.certificate, "is it cut"),
        (ISSUED.certificate * 11, "holds 11 certificates"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told(text: str, message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        read_pair(text.encode(), ISSUED.key.encode())


def test_a_trust_store_leaves_out_what_is_broken_or_expired() -> None:
    broken = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
    other = Authority("Other")
    expired = AUTHORITY.server("old.example.com", days=-1, begun_days=9)
    text = other.certificate + broken + AUTHORITY.certificate + expired.certificate

    now = expired.parsed.not_valid_after_utc.timestamp() + 60
    store = read_truststore((text + other.certificate).encode(), now)

    assert store.content.decode() == other.certificate + AUTHORITY.certificate
    assert [warning[:13] for warning in store.warnings] == ["certificate 2", "certificate 4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no certificate that can be used"), (ISSUED.certificate * 1001, "1001")],
)
def test_a_trust_store_has_one_certificate_and_a_thousand_at_most(text: str, message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        read_truststore(text.encode(), NOW)


def test_a_certificate_that_is_cut_takes_no_other_along() -> None:
    text = ISSUED.certificate[:200] + "\n" + AUTHORITY.certificate
    store = read_truststore(text.encode(), NOW)

    assert store.content.decode() == AUTHORITY.certificate
    assert store.warnings == ("certificate 1 cannot be read",)


def test_a_file_of_beginnings_is_read_once_over() -> None:
    """Each beginning was looked for its end up to the file's: minutes, for a file of a megabyte."""
    text = b"-----BEGIN CERTIFICATE-----\n" * (PEM_BYTES // 28)

    with pytest.raises(CertificateError, match="holds 37449 certificates"):
        read_truststore(text, NOW)
