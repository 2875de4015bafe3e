"""Host names → what TLS uses for them: made from a release and the certificate store.

A domain's entry is its own: its certificate, its trust store, its oldest version. An entry that
cannot be made refuses its clients; their names are never left to another domain's entry.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.definitions.domain import TLS_1_3_ONLY, DomainName
from gateway.definitions.served_certificate import DEFAULT, ServedCertificate
from gateway.release import Release
from gateway.release.certificate_store import CertificateStore

_log = logging.getLogger(__name__)

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption. Those of TLS 1.3 are OpenSSL's."""

_OPTIONS: Final = (
    ssl.OP_NO_RENEGOTIATION
    | ssl.OP_NO_COMPRESSION
    | ssl.OP_CIPHER_SERVER_PREFERENCE
    | ssl.OP_SINGLE_ECDH_USE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """What a context is made of: equal recipes, equal contexts."""

    certificate: str
    truststore: str | None
    """Digest; empty: none can be used, and nobody is verified. None: clients are not asked."""
    oldest: ssl.TLSVersion

    def is_as_strict_as(self, other: _Recipe) -> bool:
        """Whether it differs in the certificate only."""
        return self.truststore == other.truststore and self.oldest == other.oldest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TlsEntry:
    """What is used for a domain."""

    domain_name: str
    """Empty: what is used for names that no domain has."""
    recipe: _Recipe
    context: ssl.SSLContext | None
    """Its sessions are its own: none is resumed that another context began. None: there is no
    certificate, and connections are refused."""

    @property
    def truststore(self) -> str:
        """Digest of the trust store by which clients are verified; empty: they are not."""
        return self.recipe.truststore or ""


class TlsTable:
    """All entries. Immutable."""

    __slots__ = ("_default", "_exact", "_wildcard", "entries")

    def __init__(self, entries: Mapping[str, TlsEntry]) -> None:
        self.entries = entries
        """By domain name."""
        self._default = entries.get(DEFAULT)
        self._exact = {name: each for name, each in entries.items() if name[:2] != "*."}
        self._wildcard = {name[2:]: each for name, each in entries.items() if name[:2] == "*."}

    def __repr__(self) -> str:
        return f"<TlsTable {len(self.entries)} entries>"

    def find(self, server_name: str) -> TlsEntry | None:
        """Return the entry of a name (lower case; empty: none was named); None: there is none."""
        if not server_name:
            return self._default
        return self.domain(server_name) or self._default

    def domain(self, host: str) -> TlsEntry | None:
        """Return the entry of the custom domain that a host belongs to, if it is one's."""
        found = self._exact.get(host) if host else None
        if found is not None:
            return found
        label, _, parent = host.partition(".")
        return self._wildcard.get(parent) if label else None


EMPTY: Final = TlsTable({})


def build_table(
    release: Release, store: CertificateStore, previous: TlsTable
) -> Generator[None, None, TlsTable]:
    """Return the table of a release, with the contexts that `previous` can lend it.

    Yields after each domain. Reads each certificate that is new, of a few kilobytes.
    """
    maker = _Maker(store, previous)
    entries: dict[str, TlsEntry] = {}
    default = release.certificates.get(DEFAULT)
    if default is not None:
        recipe = _Recipe(
            certificate=default.certificate, truststore=None, oldest=ssl.TLSVersion.TLSv1_2
        )
        entries[DEFAULT] = maker.entry(DEFAULT, recipe)
    for domain in release.domains:
        recipe = _recipe(domain, release.certificates)
        entries[domain.domain_name] = maker.entry(domain.domain_name, recipe)
        yield
    is_same = previous.entries.keys() == entries.keys() and all(
        each is previous.entries[name] for name, each in entries.items()
    )
    return previous if is_same else TlsTable(entries)


def _recipe(domain: DomainName, certificates: Mapping[str, ServedCertificate]) -> _Recipe:
    name = domain.domain_name
    own = certificates.get(name)
    is_verifying = domain.mutual_tls_authentication is not None
    # Certificates of wildcards are for all their names, trust stores are not.
    lenders = (own, certificates.get(f"*.{name.partition('.')[2]}"), certificates.get(DEFAULT))
    return _Recipe(
        certificate=next((each.certificate for each in lenders if each and each.certificate), ""),
        truststore=None if not is_verifying else own.truststore if own is not None else "",
        oldest=ssl.TLSVersion.TLSv1_3
        if domain.security_policy in TLS_1_3_ONLY
        else ssl.TLSVersion.TLSv1_2,
    )


class _Maker:
    """Makes the entries of one table."""

    def __init__(self, store: CertificateStore, previous: TlsTable) -> None:
        self._store = store
        self._previous = previous
        self._shared = {
            each.recipe: each.context for each in previous.entries.values() if each.context
        }
        """Contexts that any domain of the same recipe may use: a certificate for many names."""

    def entry(self, name: str, recipe: _Recipe) -> TlsEntry:
        before = self._previous.entries.get(name)
        if (
            before is not None
            and before.recipe == recipe
            and (before.context is not None or not recipe.certificate)
        ):
            return before
        context = None
        if recipe.certificate:
            # Not where clients are verified: a session of one domain would be one of another.
            context = None if recipe.truststore is not None else self._shared.get(recipe)
            try:
                context = context or _made(recipe, self._store)
            except (OSError, ValueError) as error:
                # ssl.SSLError is an OSError. It names a file at most, and nothing that is in it.
                shown = name or "other names"
                _log.error("the certificate of %s cannot be used: %s", shown, error)
                if before is not None and before.recipe.is_as_strict_as(recipe):
                    return before
            if context is not None and recipe.truststore is None:
                self._shared[recipe] = context
        return TlsEntry(domain_name=name, recipe=recipe, context=context)


def _made(recipe: _Recipe, store: CertificateStore) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = recipe.oldest
    context.options |= _OPTIONS
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(store.path(recipe.certificate))
    if recipe.truststore:
        # Optional: who shows none gets AWS's 403, and whoever shows a wrong one no connection.
        context.verify_mode = ssl.CERT_OPTIONAL
        # A resumed session is not verified again, and could be renewed for ever: whole handshakes.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        context.load_verify_locations(store.path(recipe.truststore))
    return context
