"""Facts about certificates that expire."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.configuration.keyring import DAY_SECONDS, Keyring
from gateway.control.certificate_watch import CertificateWatch, expiring
from gateway.definitions.served_certificate import DEFAULT, ServedCertificate
from gateway.release.certificate_store import CertificateStore
from gateway.settings import Settings

NOW = 1_700_000_000.0
SOON = 30 * DAY_SECONDS


def served(name: str, digest: str, days: float) -> dict[str, ServedCertificate]:
    each = ServedCertificate(
        domain_name=name, certificate=digest, not_after=NOW + days * DAY_SECONDS
    )
    return {name: each}


def test_a_sentence_says_which_and_when() -> None:
    certificates = {
        **served("a.example.com", "a", 31),
        **served("b.example.com", "b", 5.5),
        **served(DEFAULT, "c", -2),
        **served("d.example.com", "", 0),
    }

    assert dict(expiring(certificates, NOW, SOON)) == {
        "b": "the certificate of b.example.com expires on 2023-11-20, in 5 days; put a new one in "
        "place of its file",
        "c": "the certificate of other names has expired; put a new one in place of its file",
    }


def test_it_is_said_once_a_day_and_anew_for_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [NOW]
    store = CertificateStore(tmp_path)
    keyring = Keyring(Settings(), lambda: now[0], store, is_listening=True)
    watch = CertificateWatch(keyring, lambda: now[0], SOON)
    said = []

    with caplog.at_level(logging.WARNING):
        for hours, digest in ((0, "a"), (1, "a"), (23.5, "a"), (24.5, "a"), (25, "b"), (25.5, "b")):
            now[0] = NOW + hours * 3600
            watch.look(served("a.example.com", digest, 5))
            said.append(len(caplog.records))

    assert said == [1, 1, 1, 2, 3, 3]
    assert repr(watch) == "<CertificateWatch 1 expiring>"


def test_copies_go_an_hour_after_they_are_served_no_more(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path)
    keyring = Keyring(Settings(), lambda: NOW, store, is_listening=True)
    watch = CertificateWatch(keyring, lambda: NOW, SOON)
    for digest in ("a", "b"):
        store.put(digest, b"x")

    watch.look(served("a.example.com", "a", 90))
    store.put("b", b"x")
    watch.look(served("a.example.com", "b", 90))
    assert [store.has("a"), store.has("b")] == [True, True]
    watch.look(served("a.example.com", "b", 90))

    assert [store.has("a"), store.has("b")] == [False, True]


def test_a_directory_that_cannot_be_read_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tls").write_text("a file")
    keyring = Keyring(Settings(), lambda: NOW, CertificateStore(tmp_path), is_listening=True)

    CertificateWatch(keyring, lambda: NOW, SOON).look({})

    assert "cannot be removed" in caplog.text
