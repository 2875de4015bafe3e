"""Facts about what domains are served with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.configuration import keyring
from gateway.configuration.keyring import Certificates, Certified, Keyring, no_certificates
from gateway.definitions.domain import DomainName, MutualTlsAuthentication
from gateway.definitions.served_certificate import DEFAULT
from gateway.release.certificate_store import CertificateStore
from gateway.settings import Settings, Tls
from tests.certificates import Authority

AUTHORITY = Authority()
HOST = "a.example.com"
FILED = DomainName(domain_name=HOST, certificate_file="a.pem", private_key_file="a.key")
NAMED = DomainName(domain_name=HOST, regional_certificate_arn="arn:x/b")
NOTHING: Certificates = {}


class Ring:
    """A keyring with its directories, and what was good until now."""

    def __init__(
        self, directory: Path, *, tls: Tls | None = None, is_listening: bool = True
    ) -> None:
        self.config, self.data = directory / "config", directory / "data"
        self.config.mkdir()
        self.now = AUTHORITY.parsed.not_valid_before_utc.timestamp() + 86_400
        self.store = CertificateStore(self.data)
        settings = Settings(config=self.config, data=self.data, tls=tls or Tls())
        self.keyring = Keyring(settings, lambda: self.now, self.store, is_listening=is_listening)
        self.before: Certificates = NOTHING

    def certify(self, *of_files: DomainName, stored: tuple[DomainName, ...] = ()) -> Certified:
        certified = self.keyring.certify(of_files, stored, self.before)
        self.before = certified.certificates
        return certified


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path)


def told(certified: Certified) -> list[str]:
    return [str(problem) for problem in certified.problems]


def test_a_pair_is_copied_and_named_by_its_digest(ring: Ring) -> None:
    issued = AUTHORITY.server(HOST)
    issued.write(ring.config, "a")

    certified = ring.certify(FILED)

    served = certified.certificates[HOST]
    assert certified.problems == ()
    assert served.not_after == issued.parsed.not_valid_after_utc.timestamp()
    assert ring.store.path(served.certificate).read_text() == issued.certificate + issued.key
    assert ring.keyring.files == (ring.config / "a.pem", ring.config / "a.key")
    assert ring.certify(FILED) == certified


def test_what_is_broken_leaves_the_last_good_one(ring: Ring) -> None:
    AUTHORITY.server(HOST).write(ring.config, "a")
    good = ring.certify(FILED).certificates
    other = AUTHORITY.server("b.example.com")

    for name, text, problem in (
        ("a.key", other.key, f"{ring.config}/a.key: {HOST}.privateKeyFile: is the key of another"),
        ("a.pem", "", f"{ring.config}/a.pem: {HOST}.certificateFile: holds no certificate"),
        ("a.pem", other.certificate, "is a certificate for b.example.com, not for a.example.com"),
        ("a.pem", "x" * 1_100_000, "has more than 1048576 bytes"),
    ):
        (ring.config / name).write_text(text)
        certified = ring.certify(FILED)
        assert problem in told(certified)[0]
        assert certified.problems[0].severity == "error"
        assert certified.certificates == good
    (ring.config / "a.pem").unlink()
    assert told(ring.certify(FILED)) == [
        f"{ring.config}/a.pem: {HOST}.certificateFile: is not there"
    ]
    # Also after a start, which has nothing in memory.
    again = Keyring(
        Settings(config=ring.config, data=ring.data), lambda: 0, ring.store, is_listening=True
    )
    assert again.certify((FILED,), (), good).certificates == good
    ring.store.keep(())
    assert ring.certify(FILED).certificates == {}


def test_what_many_domains_share_is_looked_at_once(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def counted(name: str) -> None:
        real = getattr(keyring, name)

        def look(*given: object) -> object:
            looked.append(name)
            return real(*given)

        monkeypatch.setattr(keyring, name, look)

    counted("read_pair")
    counted("read_truststore")
    AUTHORITY.server("*.example.com").write(ring.config, "a")
    (ring.config / "t.pem").write_text(AUTHORITY.certificate)
    mutual = MutualTlsAuthentication(truststore_uri="t.pem")
    domains = [
        replace(FILED, domain_name=f"{name}.example.com", mutual_tls_authentication=mutual)
        for name in "abc"
    ]
    certificates = ring.certify(*domains).certificates

    assert sorted(looked) == ["read_pair", "read_truststore"]
    assert len({(each.certificate, each.truststore) for each in certificates.values()}) == 1
    # Another time may find another authority expired.
    ring.certify(*domains)
    assert sorted(looked) == ["read_pair", "read_truststore", "read_truststore"]


def test_a_name_of_the_control_api_only_warns_and_only_where_tls_is(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "tls").mkdir()

    assert told(Ring(tmp_path / "plain", is_listening=False).certify(stored=(NAMED,))) == []
    ring = Ring(tmp_path / "tls")
    (problem,) = ring.certify(stored=(NAMED,)).problems
    assert (problem.severity, problem.file) == ("warning", f"{ring.config}/certificates/b.pem")
    assert set(ring.keyring.files) >= {
        ring.config / "certificates/b.pem",
        ring.data / "certificates/b.pem",
    }


def test_a_key_may_be_in_the_certificate_s_file(ring: Ring) -> None:
    directory = ring.data / "certificates"
    directory.mkdir(parents=True)
    AUTHORITY.server(HOST).write_whole(directory / "b.pem")

    assert told(ring.certify(NAMED)) == []
    whole = replace(FILED, certificate_file=str(directory / "b.pem"), private_key_file=None)
    assert told(ring.certify(whole)) == []


def test_dates_and_open_keys_are_warned_of(ring: Ring) -> None:
    AUTHORITY.server(HOST, days=10).write(ring.config, "a")
    (ring.config / "a.key").chmod(0o644)

    certified = ring.certify(FILED)
    assert [problem.severity for problem in certified.problems] == ["warning", "warning"]
    assert "expires on" in told(certified)[0]
    assert "chmod 600" in told(certified)[1]
    ring.now += timedelta(days=20).total_seconds()
    assert "expired on" in told(ring.certify(FILED))[0]
    ring.now -= timedelta(days=60).total_seconds()
    assert "is not valid before" in told(ring.certify(FILED))[0]


def test_mutual_tls_needs_a_store_a_certificate_and_a_listener(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "tls").mkdir()
    mutual = MutualTlsAuthentication(truststore_uri="t.pem")
    bare = DomainName(domain_name=HOST, mutual_tls_authentication=mutual)
    guarded = replace(FILED, mutual_tls_authentication=mutual)
    ring = Ring(tmp_path / "tls")
    AUTHORITY.server(HOST).write(ring.config, "a")

    assert told(ring.certify(guarded)) == [
        f"{ring.config}/t.pem: {HOST}.mutualTlsAuthentication.truststoreUri: is not there"
    ]
    # An entry all the same: the name is not to be left to a wildcard.
    assert ring.before[HOST].truststore == ""
    (ring.config / "t.pem").write_text(
        AUTHORITY.certificate + "-----BEGIN CERTIFICATE-----\nM\n-----END CERTIFICATE-----\n"
    )
    (warning,) = told(ring.certify(guarded))
    assert warning.endswith("certificate 2 cannot be read and is left out")
    good = ring.before[HOST]
    assert ring.store.path(good.truststore).read_text() == AUTHORITY.certificate
    assert "nobody can connect" in told(ring.certify(bare))[-1]
    (ring.config / "t.pem").write_text("")
    ring.certify(guarded)
    assert ring.before[HOST].truststore == good.truststore
    plain = Ring(tmp_path / "plain", is_listening=False)
    (plain.config / "t.pem").write_text(AUTHORITY.certificate)
    assert "without --listen-tls every request is answered 403" in told(plain.certify(bare))[0]


def test_a_uri_that_leads_nowhere_is_an_error(ring: Ring) -> None:
    mutual = MutualTlsAuthentication(truststore_uri="s3://bucket/../../etc/passwd")
    bad = DomainName(
        domain_name=HOST, mutual_tls_authentication=mutual, certificate_arn="arn:aws:acm:/../x/.."
    )

    assert [problem.severity for problem in ring.certify(bad).problems] == [
        "error",
        "error",
        "warning",
    ]


def test_the_default_certificate_is_for_any_name(tmp_path: Path) -> None:
    ring = Ring(
        tmp_path, tls=Tls(default_certificate_file="d.pem", default_private_key_file="d.key")
    )

    (problem,) = ring.certify().problems
    assert (problem.path, problem.file) == (
        "tls.default_certificate_file",
        str(ring.config / "d.pem"),
    )
    AUTHORITY.server("whatever.example.com").write(ring.config, "d")
    assert ring.certify().problems == ()
    assert list(ring.before) == [DEFAULT]


def test_copies_that_nobody_names_are_removed(ring: Ring) -> None:
    AUTHORITY.server(HOST).write(ring.config, "a")
    first = ring.certify(FILED).certificates
    AUTHORITY.server(HOST).write(ring.config, "a")
    second = ring.certify(FILED).certificates

    ring.keyring.release_others((first, second))
    assert ring.store.has(first[HOST].certificate)
    ring.keyring.release_others((second, second))
    assert not ring.store.has(first[HOST].certificate)
    assert ring.store.has(second[HOST].certificate)


def test_a_check_keeps_no_copy(tmp_path: Path) -> None:
    AUTHORITY.server(HOST).write(tmp_path, "a")
    settings = Settings(config=tmp_path, data=tmp_path / "data")
    keyring = Keyring(settings, lambda: 0.0, None, is_listening=True)

    assert keyring.certify((FILED,), (), NOTHING).certificates[HOST].certificate
    assert not (tmp_path / "data").exists()
    keyring.release_others(())
    assert no_certificates((FILED,), (), NOTHING).certificates == {}


def test_a_disk_that_is_full_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    AUTHORITY.server(HOST).write(ring.config, "a")
    ring.data.write_text("no directory")

    (problem,) = told(ring.certify(FILED))
    assert "cannot be copied below --data" in problem
