"""Facts about what a domain asks of connections."""

from __future__ import annotations

import pytest

from gateway.client_tls import ClientCertificate, ClientTls
from gateway.routing import Guard

HOST = "a.example.com"
CERTIFICATE = ClientCertificate(
    pem="", subject_dn="CN=a", issuer_dn="CN=b", serial_number="01", not_before="", not_after=""
)
STRICT = Guard(domain_name=HOST, needs_certificate=False)
MUTUAL = Guard(domain_name=HOST, needs_certificate=True)


def tls(
    name: str = HOST, domain: str = HOST, certificate: ClientCertificate | None = CERTIFICATE
) -> ClientTls:
    return ClientTls(
        server_name=name,
        version="TLSv1.3",
        cipher="x",
        domain_name=domain,
        truststore="t",
        certificate=certificate,
    )


def test_a_verified_certificate_of_the_same_name_gets_in() -> None:
    assert MUTUAL.refusal(HOST, tls()) is None
    assert STRICT.refusal(HOST, tls(certificate=None)) is None


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (None, "over TLS of this gateway only"),
        (tls(name="b.example.com"), "named b.example.com and not a.example.com"),
        (tls(name=""), "named no host"),
        (tls(certificate=None), "none was verified"),
        # By a wildcard's trust store, before there was a domain of this very name.
        (tls(domain="*.example.com"), "none was verified"),
    ],
)
def test_everything_else_does_not(shown: ClientTls | None, reason: str) -> None:
    assert reason in (MUTUAL.refusal(HOST, shown) or "")
