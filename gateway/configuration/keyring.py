"""Domains → the certificates they are served with. Reads files, keeps copies of what is good.

The rules it keeps: a pair or a trust store that cannot be used changes nothing, and what was last
good stays; every problem names the file; whoever serves gets digests, and never a key.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from gateway.configuration.certificate_places import (
    PairPlace,
    named_pair,
    pair_places,
    truststore_places,
)
from gateway.configuration.certificate_text import (
    PEM_BYTES,
    CertificateError,
    KeyProblemError,
    Pair,
    Truststore,
    read_pair,
    read_truststore,
)
from gateway.configuration.reading import read_bounded, warning_of_key
from gateway.definitions.domain import DomainName
from gateway.definitions.served_certificate import DEFAULT, ServedCertificate
from gateway.errors import Problem
from gateway.release.certificate_store import CertificateStore
from gateway.settings import Settings

T = TypeVar("T")

DAY_SECONDS: Final = 86_400

Certificates = Mapping[str, ServedCertificate]
"""By domain name; those that have anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """What came of a look at the files."""

    certificates: Certificates
    problems: tuple[Problem, ...]


Certify = Callable[[Iterable[DomainName], Iterable[DomainName], Certificates], Certified]
"""Takes the domains of files, those of the store, and what was good until now."""


@dataclass(slots=True)
class _Found:
    """What is found while a domain is looked at."""

    path: str
    """Of the domain, as problems show it."""
    problems: list[Problem] = field(default_factory=list)

    def add(self, member: str, message: str, file: Path | None, *, is_warning: bool) -> None:
        path = f"{self.path}.{member}" if member else self.path
        severity = "warning" if is_warning else "error"
        shown = None if file is None else str(file)
        self.problems.append(Problem(path, message, shown, severity=severity))  # type: ignore[arg-type]


class Keyring:
    """Looks certificates up. One user at a time: the control process's reloads, or a command."""

    def __init__(
        self,
        settings: Settings,
        epoch: Callable[[], float],
        store: CertificateStore | None,
        *,
        is_listening: bool,
    ) -> None:
        """Take where to look, and where to keep copies (None: nowhere, for a check).

        Args:
            settings: Name the directories and the default certificate.
            epoch: Returns the seconds since 1970.
            store: Keeps copies.
            is_listening: Whether there is a TLS listener; without one, what clients of the control
                API have named is not missed.
        """
        self._directories = (settings.config, settings.data)
        tls = settings.tls
        self._default = (
            named_pair(
                tls.default_certificate_file,
                tls.default_private_key_file or None,
                settings.config,
            )
            if tls.default_certificate_file
            else None
        )
        self._warning_seconds = tls.expiry_warning_days * DAY_SECONDS
        self._epoch = epoch
        self._store = store
        self._is_listening = is_listening
        self._known: dict[bytes, Pair] = {}
        """By a hash of what was read: pairs whose copy is kept, without their content."""
        self._used: dict[bytes, Pair] = {}
        """The same, of the look under way: one may be thousands of domains' certificate."""
        self._truststores: dict[bytes, Truststore] = {}
        """By a hash of their text, of the look under way: at the next another may have expired."""
        self._files: dict[Path, None] = {}
        self.files: tuple[Path, ...] = ()
        """Every file that was looked for last time, there or not."""

    def __repr__(self) -> str:
        return f"<Keyring {len(self._known)} certificates>"

    def certify(
        self, of_files: Iterable[DomainName], stored: Iterable[DomainName], before: Certificates
    ) -> Certified:
        """Return what domains are served with: those of files, and those of the store.

        `before` is what was good until now.
        """
        self._used, self._truststores, self._files = {}, {}, {}
        certificates: dict[str, ServedCertificate] = {}
        problems: list[Problem] = []
        default = self._default_certificate(before, problems)
        if default is not None:
            certificates[DEFAULT] = default
        of_files, stored = tuple(of_files), tuple(stored)
        for domain in of_files:
            problems += self._add(domain, before, certificates)
        for domain in stored:
            problems += _mellowed(self._add(domain, before, certificates), self._is_listening)
        for domain in (*of_files, *stored):
            problems += self._unreachable(domain, certificates)
        self._known, self._truststores, self.files = self._used, {}, tuple(self._files)
        return Certified(certificates=certificates, problems=tuple(problems))

    def release_others(self, releases: Iterable[Certificates]) -> None:
        """Remove the copies that none of these releases names."""
        if self._store is not None:
            self._store.keep(
                {
                    digest
                    for certificates in releases
                    for each in certificates.values()
                    for digest in (each.certificate, each.truststore)
                    if digest
                }
            )

    def _default_certificate(
        self, before: Certificates, problems: list[Problem]
    ) -> ServedCertificate | None:
        if self._default is None:
            return None
        found = _Found("tls.default_certificate_file")
        served = ServedCertificate(domain_name=DEFAULT)
        served = self._with_pair(served, (self._default,), before.get(DEFAULT), found)
        problems += found.problems
        return served if served.certificate else None

    def _add(
        self, domain: DomainName, before: Certificates, to: dict[str, ServedCertificate]
    ) -> list[Problem]:
        found = _Found(domain.domain_name)
        served = self._of_domain(domain, before.get(domain.domain_name), found)
        if served is not None:
            to[domain.domain_name] = served
        return found.problems

    def _of_domain(
        self, domain: DomainName, known: ServedCertificate | None, found: _Found
    ) -> ServedCertificate | None:
        served = ServedCertificate(domain_name=domain.domain_name)
        try:
            places = pair_places(domain, self._directories)
        except ValueError as error:
            found.add("regionalCertificateArn", str(error), None, is_warning=False)
            places = ()
        if places is not None:
            served = self._with_pair(served, places, known, found)
        if domain.mutual_tls_authentication is not None:
            uri = domain.mutual_tls_authentication.truststore_uri
            digest = self._truststore(uri, known, found)
            # Also without one: a name that asks for certificates is never left to a wildcard's.
            return replace(served, truststore=digest)
        return served if served.certificate else None

    def _unreachable(self, domain: DomainName, certificates: Certificates) -> list[Problem]:
        """Return a warning if a domain with mutual TLS cannot be reached by anybody."""
        name = domain.domain_name
        if domain.mutual_tls_authentication is None:
            return []
        found = _Found(name)
        lenders = (name, f"*.{name.partition('.')[2]}", DEFAULT)
        if not self._is_listening:
            text = "needs TLS of this gateway: without --listen-tls every request is answered 403"
            found.add("mutualTlsAuthentication", text, None, is_warning=True)
        elif not any((each := certificates.get(one)) and each.certificate for one in lenders):
            text = "has no certificate that can be used, so that nobody can connect"
            found.add("mutualTlsAuthentication", text, None, is_warning=True)
        return found.problems

    def _with_pair(
        self,
        served: ServedCertificate,
        places: tuple[PairPlace, ...],
        known: ServedCertificate | None,
        found: _Found,
    ) -> ServedCertificate:
        """Return what is served with the pair of the first place that has one, or the last good."""
        place = self._first(places, lambda each: each.certificate)
        pair = None if place is None else self._pair(place, served.domain_name, found)
        if pair is not None:
            return replace(served, certificate=pair.digest, not_after=pair.not_after)
        if known is not None and known.certificate and self._has(known.certificate):
            return replace(served, certificate=known.certificate, not_after=known.not_after)
        return served

    def _pair(self, place: PairPlace, name: str, found: _Found) -> Pair | None:
        member = "" if name == DEFAULT else "certificateFile"
        certificate = self._read(place.certificate, member, found)
        if certificate is None:
            return None
        is_apart = place.key != place.certificate
        if is_apart and place.is_key_optional and not os.path.lexists(place.key):
            self._files[place.key] = None
            is_apart = False
        key_member = "" if name == DEFAULT else "privateKeyFile"
        key = self._read(place.key, key_member, found) if is_apart else None
        if is_apart and key is None:
            return None
        key_file = place.key if is_apart else place.certificate
        try:
            pair = self._checked(certificate, key)
        except KeyProblemError as error:
            found.add(key_member, str(error), key_file, is_warning=False)
            return None
        except CertificateError as error:
            found.add(member, str(error), place.certificate, is_warning=False)
            return None
        if name != DEFAULT and not pair.covers(name):
            names = ", ".join(sorted(pair.names)[:5]) or "no name at all"
            text = f"is a certificate for {names}, not for {name}: clients would refuse it"
            found.add(member, text, place.certificate, is_warning=False)
            return None
        self._warn(pair, place.certificate, key_file, member, found)
        return pair

    def _warn(self, pair: Pair, certificate: Path, key: Path, member: str, found: _Found) -> None:
        now = self._epoch()
        if pair.not_after < now + self._warning_seconds:
            word = "expired" if pair.not_after <= now else "expires"
            text = f"{word} on {_day(pair.not_after)}; renew it: the file is read again by itself"
            found.add(member, text, certificate, is_warning=True)
        if pair.not_before > now:
            text = f"is not valid before {_day(pair.not_before)}"
            found.add(member, text, certificate, is_warning=True)
        if text := warning_of_key(key):
            found.add("", text, key, is_warning=True)

    def _checked(self, certificate: bytes, key: bytes | None) -> Pair:
        """Return what was read, checked and copied; of what is known, without another look.

        Raises:
            CertificateError: it cannot be used.
        """
        identity = hashlib.sha256(certificate + b"\0" + (key or b"")).digest()
        pair = self._used.get(identity) or self._known.get(identity)
        if pair is None or not self._has(pair.digest):
            pair = read_pair(certificate, key)
            _check_loadable(pair.content)
            self._keep(pair.digest, pair.content)
            pair = replace(pair, content=b"")
        self._used[identity] = pair
        return pair

    def _truststore(self, uri: str, known: ServedCertificate | None, found: _Found) -> str:
        """Return the digest of a trust store, or of the last good one; empty: there is none."""
        member = "mutualTlsAuthentication.truststoreUri"
        last_good = known.truststore if known is not None else ""
        if last_good and not self._has(last_good):
            last_good = ""
        try:
            place = self._first(truststore_places(uri, self._directories), lambda each: each)
        except ValueError as error:
            found.add(member, str(error), None, is_warning=False)
            return last_good
        text = None if place is None else self._read(place, member, found)
        if place is None or text is None:
            return last_good
        try:
            truststore = self._trusted(text)
        except CertificateError as error:
            found.add(member, str(error), place, is_warning=False)
            return last_good
        for warning in truststore.warnings:
            found.add(member, f"{warning} and is left out", place, is_warning=True)
        return truststore.digest

    def _trusted(self, text: bytes) -> Truststore:
        """Return a trust store, checked and copied.

        Raises:
            CertificateError: it cannot be used.
        """
        identity = hashlib.sha256(text).digest()
        truststore = self._truststores.get(identity)
        if truststore is None:
            truststore = read_truststore(text, self._epoch())
            _check_trustable(truststore)
            self._keep(truststore.digest, truststore.content)
            self._truststores[identity] = truststore
        return truststore

    def _first(self, places: tuple[T, ...], file: Callable[[T], Path]) -> T | None:
        """Return the place whose file is there, else the first; None: there are no places."""
        for place in places:
            self._files[file(place)] = None
        there = (place for place in places if os.path.lexists(file(place)))
        return next(there, places[0] if places else None)

    def _read(self, path: Path, member: str, found: _Found) -> bytes | None:
        self._files[path] = None
        try:
            content = read_bounded(path, PEM_BYTES + 1)
        except FileNotFoundError:
            found.add(member, "is not there", path, is_warning=False)
            return None
        except OSError as error:
            text = f"cannot be read: {error.strerror or error}"
            found.add(member, text, path, is_warning=False)
            return None
        if len(content) > PEM_BYTES:
            found.add(member, f"has more than {PEM_BYTES} bytes", path, is_warning=False)
            return None
        return content

    def _has(self, digest: str) -> bool:
        return self._store is None or self._store.has(digest)

    def _keep(self, digest: str, content: bytes) -> None:
        if self._store is None:
            return
        try:
            self._store.put(digest, content)
        except OSError as error:
            raise CertificateError(f"cannot be copied below --data: {error.strerror}") from error


def no_certificates(
    _of_files: Iterable[DomainName], _stored: Iterable[DomainName], _before: Certificates
) -> Certified:
    """Return nothing, in place of `Keyring.certify`, where nothing is served."""
    return Certified(certificates={}, problems=())


def _check_loadable(content: bytes) -> None:
    """Have OpenSSL take a pair as a worker would: it may be stricter than we are.

    Raises:
        CertificateError: it does not.
    """
    # In memory: a key is on no disk before it is known to be one.
    descriptor = os.memfd_create("stagegate-certificate")
    try:
        os.write(descriptor, content)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{descriptor}")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or "it does not say why"
        raise CertificateError(f"is refused by OpenSSL: {reason}") from None
    finally:
        os.close(descriptor)


def _check_trustable(truststore: Truststore) -> None:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cadata=truststore.content.decode("ascii"))
    except ssl.SSLError as error:
        raise CertificateError(f"is refused by OpenSSL: {error.reason}") from None


def _mellowed(problems: Iterable[Problem], is_listening: bool) -> list[Problem]:
    """Return the problems of a domain made by clients: they hold nothing back, so they warn."""
    return [replace(each, severity="warning") for each in problems] if is_listening else []


def _day(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d}"
