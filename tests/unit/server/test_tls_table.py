"""Facts about what TLS uses for which name."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.configuration.certificate_text import read_pair, read_truststore
from gateway.definitions.domain import DomainName, MutualTlsAuthentication, SecurityPolicy
from gateway.definitions.served_certificate import DEFAULT, ServedCertificate
from gateway.release import Release
from gateway.release.certificate_store import CertificateStore
from gateway.server.tls_table import EMPTY, TlsTable, build_table
from gateway.snapshot import finish
from tests.certificates import Authority

AUTHORITY = Authority()
MUTUAL = MutualTlsAuthentication(truststore_uri="t.pem")


class Table:
    """A store, and the tables of releases made of it."""

    def __init__(self, directory: Path) -> None:
        self.store = CertificateStore(directory)
        self.table = EMPTY

    def put(self, *names: str) -> str:
        issued = AUTHORITY.server(*names)
        pair = read_pair(issued.certificate.encode(), issued.key.encode())
        self.store.put(pair.digest, pair.content)
        return pair.digest

    def put_truststore(self) -> str:
        truststore = read_truststore(AUTHORITY.certificate.encode(), 0.0)
        self.store.put(truststore.digest, truststore.content)
        return truststore.digest

    def build(self, domains: Iterable[DomainName], *certificates: ServedCertificate) -> TlsTable:
        release = Release(
            revision=1,
            digest="",
            region="",
            account="",
            domains=tuple(domains),
            certificates={each.domain_name: each for each in certificates},
        )
        self.table = finish(build_table(release, self.store, self.table))
        return self.table


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path)


def domain(name: str) -> DomainName:
    return DomainName(domain_name=name)


def served(name: str, certificate: str = "", truststore: str = "") -> ServedCertificate:
    return ServedCertificate(domain_name=name, certificate=certificate, truststore=truststore)


def test_an_exact_name_beats_a_wildcard_and_that_beats_the_default(table: Table) -> None:
    names = ("a.example.com", "*.example.com")
    made = table.build(
        map(domain, names),
        *(served(name, table.put(name)) for name in names),
        served(DEFAULT, table.put("d.example.com")),
    )

    for asked, found in (
        ("a.example.com", "a.example.com"),
        ("b.example.com", "*.example.com"),
        ("x.b.example.com", DEFAULT),
        ("example.com", DEFAULT),
        ("", DEFAULT),
    ):
        entry = made.find(asked)
        assert entry is not None
        assert entry.domain_name == found
        assert entry.context is not None
    assert made.domain("x.b.example.com") is None
    assert made.domain("") is None


def test_without_a_default_other_names_have_nothing(table: Table) -> None:
    made = table.build(
        [domain("a.example.com")], served("a.example.com", table.put("a.example.com"))
    )

    assert made.find("b.example.com") is None
    assert made.find("") is None
    assert EMPTY.find("a.example.com") is None


def test_a_domain_without_a_certificate_borrows_a_wildcard_s_or_the_default(table: Table) -> None:
    wildcard = served("*.example.com", table.put("*.example.com"))
    made = table.build([domain("a.example.com"), domain("b.example.org")], wildcard)
    (borrowed, nothing) = (made.find("a.example.com"), made.find("b.example.org"))
    assert borrowed is not None
    assert borrowed.context is not None
    assert nothing is not None
    # Not the default's: the name has an entry, and that refuses.
    assert nothing.context is None

    made = table.build([domain("b.example.org")], served(DEFAULT, table.put("d.example.com")))
    assert made.entries["b.example.org"].context is made.entries[DEFAULT].context


def test_a_trust_store_is_never_borrowed(table: Table) -> None:
    names = ("a.example.com", "b.example.com", "*.example.com")
    mutual = [replace(domain(name), mutual_tls_authentication=MUTUAL) for name in names]
    store = table.put_truststore()
    wildcard = served("*.example.com", table.put("*.example.com"), store)
    made = table.build(
        mutual, wildcard, served("a.example.com", "", store), served("b.example.com")
    )

    contexts = [made.entries[name].context for name in names]
    a, b, other = contexts
    assert a is not None
    assert b is not None
    assert other is not None
    # Equal, but sessions of one are none of the other.
    assert a is not other
    assert [each.verify_mode for each in (a, b, other)] == [
        ssl.CERT_OPTIONAL,
        ssl.CERT_NONE,
        ssl.CERT_OPTIONAL,
    ]
    assert [made.entries[name].truststore for name in names] == [store, "", store]


def test_a_policy_says_the_oldest_version(table: Table) -> None:
    name = "a.example.com"
    certificate = served(name, table.put(name))
    for policy, oldest in (
        (SecurityPolicy.TLS_1_0, ssl.TLSVersion.TLSv1_2),
        (SecurityPolicy.TLS_1_2, ssl.TLSVersion.TLSv1_2),
        (SecurityPolicy.TLS13_1_2_PQ_2025_09, ssl.TLSVersion.TLSv1_2),
        (SecurityPolicy.TLS13_1_3_2025_09, ssl.TLSVersion.TLSv1_3),
        (SecurityPolicy.TLS13_2025_EDGE, ssl.TLSVersion.TLSv1_3),
    ):
        made = table.build([replace(domain(name), security_policy=policy)], certificate)
        context = made.entries[name].context
        assert context is not None
        assert context.minimum_version == oldest


def test_what_has_not_changed_is_the_same(table: Table) -> None:
    names = ("a.example.com", "b.example.com")
    mutual = [replace(domain(name), mutual_tls_authentication=MUTUAL) for name in names]
    store, certificate = table.put_truststore(), table.put(*names)
    certificates = [served(name, certificate, store) for name in names]
    before = table.build(mutual, *certificates)

    assert table.build(mutual, *certificates) is before
    after = table.build(mutual, served(names[0], table.put(names[0]), store), certificates[1])
    assert after.entries[names[0]].context is not before.entries[names[0]].context
    assert after.entries[names[1]] is before.entries[names[1]]


def test_a_copy_that_cannot_be_read_keeps_what_is_as_strict(table: Table) -> None:
    name = "a.example.com"
    before = table.build([domain(name)], served(name, table.put(name)))

    assert table.build([domain(name)], served(name, "missing")) is before
    mutual = replace(domain(name), mutual_tls_authentication=MUTUAL)
    made = table.build([mutual], served(name, "missing", table.put_truststore()))
    assert made.entries[name].context is None
    # Tried again with the next release.
    table.store.path("missing").write_bytes(
        table.store.path(before.entries[name].recipe.certificate).read_bytes()
    )
    made = table.build([mutual], served(name, "missing", table.put_truststore()))
    assert made.entries[name].context is not None
