"""Looks at the certificates that are served, every hour: which expire, and which copies may go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from gateway.configuration.keyring import DAY_SECONDS, Certificates, Keyring
from gateway.definitions.served_certificate import ServedCertificate

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

    def look(self, certificates: Certificates) -> None:
        """Log what expires, and remove the copies that have not been served for an hour."""
        now = self._epoch()
        for digest, text in expiring(certificates, now, self._warning_seconds):
            if now - self._told.get(digest, 0.0) >= DAY_SECONDS:
                self._told[digest] = now
                _log.warning("%s", text)
        served = {each.certificate for each in certificates.values()}
        self._told = {digest: told for digest, told in self._told.items() if digest in served}
        try:
            self._keyring.release_others((self._before, certificates))
        except OSError as error:
            _log.warning("copies of old certificates cannot be removed: %s", error)
        self._before = certificates


def expiring(
    certificates: Mapping[str, ServedCertificate], now: float, warning_seconds: float
) -> Iterator[tuple[str, str]]:
    """Yield digest and a sentence for each certificate that expires within so many seconds."""
    for each in certificates.values():
        if not each.certificate or each.not_after - now >= warning_seconds:
            continue
        name = each.domain_name or "other names"
        date = datetime.fromtimestamp(each.not_after, UTC)
        days = int((each.not_after - now) // DAY_SECONDS)
        when = f"expires on {date:%Y-%m-%d}, in {days} days" if days >= 0 else "has expired"
        text = f"the certificate of {name} {when}; put a new one in place of its file"
        yield each.certificate, text
