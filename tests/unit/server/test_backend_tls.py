"""Facts about TLS contexts; handshakes are in test_backend_connections."""

from __future__ import annotations

import gc
import ssl
from pathlib import Path

import pytest

from gateway.messages import Origin
from gateway.server import backend_tls
from gateway.server.backend_failures import CannotConnectError
from gateway.server.backend_tls import TlsContexts, show, verifying
from tests.backend_certificates import Pair, authority, issued, self_signed

TLS = Origin.make("https", "backend.test", 443)


def descriptors() -> int:
    """Count them, without what earlier tests left in cycles."""
    gc.collect()
    return len([*Path("/proc/self/fd").iterdir()])


async def test_each_certificate_has_a_context_of_its_own() -> None:
    contexts = TlsContexts(None)
    first, second = issued().client(), issued().client()
    made = [
        await contexts.verified(origin)
        for origin in (TLS, TLS.presenting(first), TLS.presenting(second), TLS.presenting(first))
    ]

    assert len(set(made)) == 3
    assert made[1] is made[3]
    assert all(each.verify_mode is ssl.CERT_REQUIRED and each.check_hostname for each in made)


async def test_contexts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_tls, "_KEPT", 2)
    contexts = TlsContexts(None)
    for _ in range(4):
        await contexts.verified(TLS.presenting(self_signed().client()))

    assert "2 verified" in repr(contexts)


def test_bundle_replaces_the_systems_authorities(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(authority().pem)

    assert verifying(bundle).cert_store_stats()["x509_ca"] == 1


def test_showing_leaves_no_descriptor_behind() -> None:
    before = descriptors()
    context = ssl.create_default_context()
    for _ in range(3):
        show(context, self_signed().client())

    assert descriptors() == before


async def test_pair_that_does_not_fit_is_an_error_that_names_it() -> None:
    broken = Pair(self_signed().certificate, self_signed().key).client("partner")
    with pytest.raises(CannotConnectError, match=r"the client certificate partner cannot be used"):
        await TlsContexts(None).verified(TLS.presenting(broken))
