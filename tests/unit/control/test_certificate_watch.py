"""Facts about certificates that expire."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.configuration.keyring import DAY_SECONDS, Keyring
from gateway.control.certificate_watch import CertificateWatch, in_use
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.served_certificate import DEFAULT, ServedCertificate
from gateway.release import Release
from gateway.release.certificate_store import CertificateStore
from gateway.settings import Settings

NOW = 1_700_000_000.0
SOON = 30 * DAY_SECONDS


def served(name: str, digest: str, days: float) -> dict[str, ServedCertificate]:
    each = ServedCertificate(
        domain_name=name, certificate=digest, not_after=NOW + days * DAY_SECONDS
    )
    return {name: each}


def release(certificates: dict[str, ServedCertificate], *shown: ClientCertificate) -> Release:
    return Release(
        revision=1,
        digest="",
        region="r",
        account="a",
        certificates=certificates,
        client_certificates={each.client_certificate_id: each for each in shown},
    )


def client(id_: str, days: float) -> ClientCertificate:
    return ClientCertificate(
        client_certificate_id=id_,
        certificate=id_,
        private_key="secret",
        expiration_epoch=NOW + days * DAY_SECONDS,
    )


def watch_of(tmp_path: Path) -> CertificateWatch:
    keyring = Keyring(Settings(), lambda: NOW, CertificateStore(tmp_path), is_listening=True)
    return CertificateWatch(keyring, lambda: NOW, SOON)


def test_a_sentence_says_which_and_when(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificates = {
        **served("a.example.com", "a", 31),
        **served("b.example.com", "b", 5.5),
        **served(DEFAULT, "c", -2),
        **served("d.example.com", "", 0),
    }
    made = release(certificates, client("partner", 3.2), client("old", 0), client("new", 365))
    with caplog.at_level(logging.INFO):
        watch_of(tmp_path).look(made)

    assert [(each.levelname, each.message) for each in caplog.records] == [
        (
            "WARNING",
            (
                "the certificate of b.example.com expires on 2023-11-20, in 5 days; put a new one "
                "in place of its file"
            ),
        ),
        ("ERROR", "the certificate of other names has expired; put a new one in place of its file"),
        (
            "WARNING",
            (
                "the client certificate partner expires on 2023-11-18, in 3 days; give its stages "
                "another one before backends refuse it"
            ),
        ),
        (
            "ERROR",
            (
                "the client certificate old has expired; give its stages another one before "
                "backends refuse it"
            ),
        ),
    ]


def test_nothing_of_a_key_is_among_what_is_told() -> None:
    (one,) = in_use(release({}, client("partner", 3)))

    assert "secret" not in repr(one)


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
            watch.look(release(served("a.example.com", digest, 5)))
            said.append(len(caplog.records))

    assert said == [1, 1, 1, 2, 3, 3]
    assert repr(watch) == "<CertificateWatch 1 expiring>"


def test_copies_go_an_hour_after_they_are_served_no_more(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path)
    keyring = Keyring(Settings(), lambda: NOW, store, is_listening=True)
    watch = CertificateWatch(keyring, lambda: NOW, SOON)
    for digest in ("a", "b"):
        store.put(digest, b"x")

    watch.look(release(served("a.example.com", "a", 90)))
    store.put("b", b"x")
    watch.look(release(served("a.example.com", "b", 90)))
    assert [store.has("a"), store.has("b")] == [True, True]
    watch.look(release(served("a.example.com", "b", 90)))

    assert [store.has("a"), store.has("b")] == [False, True]


def test_a_directory_that_cannot_be_read_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tls").write_text("a file")
    keyring = Keyring(Settings(), lambda: NOW, CertificateStore(tmp_path), is_listening=True)

    CertificateWatch(keyring, lambda: NOW, SOON).look(release({}))

    assert "cannot be removed" in caplog.text
