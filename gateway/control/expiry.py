"""Tells in time of client certificates that end: 30, 7 and 1 days before, and when it is late."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from gateway.definitions.client_certificate import ClientCertificate

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0
"""How often to look."""

WARNING_DAYS: Final = (30, 7, 1, 0)
"""Days before the end at which a certificate is told of, once each."""

_DAY_SECONDS: Final = 86_400


class ExpiryWatch:
    """Remembers what it has told. One user: the control process."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        """Certificate's digest to the last of `WARNING_DAYS` that was told."""

    def __repr__(self) -> str:
        return f"<ExpiryWatch {len(self._told)} certificates told of>"

    def look(self, certificates: Iterable[ClientCertificate], epoch: float) -> None:
        """Log what is new at `epoch`, seconds since 1970, about certificates that are in use."""
        told: dict[str, int] = {}
        for certificate in certificates:
            left = certificate.expiration_epoch - epoch
            reached = [days for days in WARNING_DAYS if left <= days * _DAY_SECONDS]
            if not reached:
                continue
            digest = certificate.digest
            told[digest] = reached[-1]
            if self._told.get(digest) != reached[-1]:
                _tell(certificate, left)
        self._told = told


def _tell(certificate: ClientCertificate, left: float) -> None:
    id_ = certificate.client_certificate_id
    end = datetime.fromtimestamp(certificate.expiration_epoch, UTC)
    if left <= 0:
        _log.error(
            "client certificate %s has ended, on %s: backends that check it refuse every request; "
            "give its stages another one",
            id_,
            end,
        )
    else:
        days = math.ceil(left / _DAY_SECONDS)
        _log.warning(
            "client certificate %s ends on %s, in %d days: give its stages another one",
            id_,
            end,
            days,
        )
