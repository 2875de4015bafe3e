"""Looks at all certificates in use, every hour: which expire, and which copies may go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.configuration.keyring import DAY_SECONDS, Certificates, Keyring
from gateway.release import Release

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 3600.0


class CertificateWatch:
    """Tells of each certificate that expires soon, once a day. One writer: the control process."""

    def __init__(
        self, keyring: Keyring, epoch: Callable[[], float], warning_seconds: float
    ) -> None:
        self._keyring = keyring
        self._epoch = epoch
        self._warning_seconds = warning_seconds
        self._told: dict[str, float] = {}
        """By digest: when it was told of last, seconds since 1970."""
        self._before: Certificates = {}
        """What was served at the last look."""

    def __repr__(self) -> str:
        return f"<CertificateWatch {len(self._told)} expiring>"

    def look(self, release: Release) -> None:
        """Log what expires, and remove the copies that have not been served for an hour."""
        now = self._epoch()
        told: dict[str, float] = {}
        for each in in_use(release):
            if each.end - now >= self._warning_seconds:
                continue
            last = told[each.digest] = self._told.get(each.digest, 0.0)
            if now - last >= DAY_SECONDS:
                told[each.digest] = now
                level = logging.WARNING if each.end > now else logging.ERROR
                _log.log(level, "%s", each.sentence(now))
        self._told = told
        certificates = release.certificates
        try:
            self._keyring.release_others((self._before, certificates))
        except OSError as error:
            _log.warning("copies of old certificates cannot be removed: %s", error)
        self._before = certificates


@dataclass(frozen=True, slots=True)
class Expiring:
    """A certificate that is in use."""

    name: str
    digest: str
    """A rotated certificate has another one, and is told of anew."""
    end: float
    """Seconds since 1970."""
    advice: str

    def sentence(self, now: float) -> str:
        """Say when it expires, and what to do."""
        date = datetime.fromtimestamp(self.end, UTC)
        days = int((self.end - now) // DAY_SECONDS)
        when = f"expires on {date:%Y-%m-%d}, in {days} days" if self.end > now else "has expired"
        return f"the {self.name} {when}; {self.advice}"


def in_use(release: Release) -> Iterator[Expiring]:
    """Yield what domains are served with, and what stages show to their backends."""
    for each in release.certificates.values():
        if each.certificate:
            name = f"certificate of {each.domain_name or 'other names'}"
            advice = "put a new one in place of its file"
            yield Expiring(name, each.certificate, each.not_after, advice)
    for id_, shown in release.client_certificates.items():
        advice = "give its stages another one before backends refuse it"
        yield Expiring(f"client certificate {id_}", shown.digest, shown.expiration_epoch, advice)
