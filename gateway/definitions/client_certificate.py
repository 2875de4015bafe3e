"""ClientCertificate: with what the gateway shows itself to a stage's HTTPS backends."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate and its private key. Travels in releases; no answer, log or export holds it."""

    client_certificate_id: str
    """What a stage's `clientCertificateId` names."""
    certificate: str = field(repr=False)
    """PEM: the certificate itself, then those of its issuers that backends may not have."""
    private_key: str = field(repr=False)
    """PEM, not encrypted."""
    expiration_epoch: float
    """When the certificate ends, seconds since 1970."""

    @property
    def digest(self) -> str:
        """Hash of the content: what tells connections of one certificate from those of the next."""
        content = f"{self.certificate}\0{self.private_key}".encode()
        return hashlib.sha256(content).hexdigest()[:16]
