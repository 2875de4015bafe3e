"""TLS of a whole gateway: certificates by name, reloads, policies, redirects."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, deployed
from tests.running_gateway import RunningGateway, pets, until
from tests.tls_client import TlsClient, ask, connected, trusting

TLS = ("--listen-tls", "127.0.0.1:0")
A, B = "a.example.com", "b.example.com"
MAPPED = "basePathMappings: [{restApiId: pets, stage: prod}]"
DOMAINS = f"""\
{A}:
  certificateFile: keys/a.pem
  privateKeyFile: keys/a.key
  {MAPPED}
{B}:
  regionalCertificateArn: arn:aws:acm:us-east-1:000000000000:certificate/b
  {MAPPED}
"""
FILES = {"apis/pets.yaml": pets(), "domains.yaml": DOMAINS}

Start = Callable[..., RunningGateway]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def start(start_gateway: StartGateway, authority: Authority, tmp_path: Path) -> Start:
    """Start a gateway with TLS, certificates for both domains, and the files given."""

    def with_certificates(files: dict[str, str], *flags: str) -> RunningGateway:
        made = {
            "keys/a.pem": (issued := authority.server(A)).chain,
            "keys/a.key": issued.key,
            "certificates/b.pem": (issued := authority.server(B)).chain,
            "certificates/b.key": issued.key,
        }
        return start_gateway({**made, **files}, *TLS, *flags)

    return with_certificates


def shown(gateway: RunningGateway, name: str, authority: Authority) -> bytes:
    """Return the certificate that a new connection gets, DER."""
    with connected(gateway.listen_tls, name, trusting(authority)) as client:
        return client.server_certificate


def refused(gateway: RunningGateway, name: str | None, context: ssl.SSLContext) -> str:
    """Return why there is no connection."""
    with pytest.raises((ssl.SSLError, ConnectionError)) as error, connected(
        gateway.listen_tls, name, context
    ):
        pass
    return str(getattr(error.value, "reason", error.value))


def test_each_domain_has_its_own_certificate(start: Start, authority: Authority) -> None:
    gateway = start(FILES)
    context = trusting(authority)

    # The client's own check of the name is on.
    assert ask(gateway.listen_tls, A, context, A, "/pets") == (200, b"one")
    assert ask(gateway.listen_tls, B, context, B, "/pets") == (200, b"one")
    assert gateway.reload_problems() != []  # keys/a.key may be read by others
    told = gateway.status()
    assert set(told["certificates"]) == {A, B}
    assert told["listen_tls"] == gateway.listen_tls
