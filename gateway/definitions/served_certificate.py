"""What a release says of a domain's certificate: digests and dates, never a key.

A digest names a file in the certificate store below `--data`, which holds what was last good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT: Final = ""
"""In place of a domain name: the certificate for connections that name none that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedCertificate:
    """What a domain is served with over TLS."""

    domain_name: str
    """Domain, or `DEFAULT`."""
    certificate: str = ""
    """Digest of certificate and issuers; empty: the domain has none."""
    not_after: float = 0.0
    """When the certificate expires, seconds since 1970; 0: there is none."""
    truststore: str = ""
    """Digest of the issuers that clients' certificates must come from; empty: there are none."""
