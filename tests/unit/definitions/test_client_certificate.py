"""Facts about client certificates as values."""

from __future__ import annotations

import dataclasses

from gateway.definitions import codec
from gateway.definitions.client_certificate import ClientCertificate

CERTIFICATE = ClientCertificate(
    client_certificate_id="abc", certificate="public", private_key="secret", expiration_epoch=1.0
)


def test_content_tells_certificates_apart() -> None:
    rotated = dataclasses.replace(CERTIFICATE, private_key="other")
    renamed = dataclasses.replace(CERTIFICATE, client_certificate_id="abd")

    assert rotated.digest != CERTIFICATE.digest
    assert renamed.digest == CERTIFICATE.digest


def test_it_is_shown_without_its_key() -> None:
    assert repr(CERTIFICATE) == (
        "ClientCertificate(client_certificate_id='abc', expiration_epoch=1.0)"
    )


def test_it_travels_whole() -> None:
    problems: list[object] = []
    encoded = codec.encode(CERTIFICATE)

    assert codec.decode(ClientCertificate, encoded, problems=problems) == CERTIFICATE  # type: ignore[arg-type]
    assert problems == []
