from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.api import client_certificates
from gateway.errors import ControlError
from gateway.store.transaction import Changes
from tests.unit.control.api.handlers import Handlers


def test_numbers_are_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_certificates, "CERTIFICATES_MAX", 1)
    handlers.call("GenerateClientCertificate")

    with pytest.raises(ControlError, match="At most 1 client certificates"):
        handlers.call("GenerateClientCertificate")


def test_a_description_is_bounded(handlers: Handlers) -> None:
    with pytest.raises(ControlError, match="at most 1024"):
        handlers.call("GenerateClientCertificate", {"description": "x" * 1025})


def test_what_connections_may_show_changes(handlers: Handlers) -> None:
    id_ = handlers.call("GenerateClientCertificate")["clientCertificateId"]
    assert handlers.changes == Changes(are_connections_changed=True)

    handlers.call("DeleteClientCertificate", clientcertificate_id=id_)
    assert handlers.changes == Changes(are_connections_changed=True)


def test_only_the_gateway_reads_the_store(handlers: Handlers, tmp_path: Path) -> None:
    handlers.call("GenerateClientCertificate")

    files = [path for path in tmp_path.iterdir() if path.name.startswith("store.sqlite")]
    assert len(files) >= 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
