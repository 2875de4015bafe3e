"""What is known of a client's TLS: decided once for a connection, read by all its requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A client's verified certificate, in AWS's words (`$context.identity.clientCert.*`)."""

    pem: str
    subject_dn: str
    """Such as `CN=client,O=Example`: the most specific name first (RFC 4514)."""
    issuer_dn: str
    serial_number: str
    """Lower-case hexadecimal bytes, such as `0f:a1`."""
    not_before: str
    """Such as `May 28 12:30:02 2019 GMT`."""
    not_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """One connection's TLS."""

    server_name: str
    """The name that the client asked for (SNI), lower case; empty: it named none."""
    version: str
    """`TLSv1.2` or `TLSv1.3`."""
    cipher: str
    """OpenSSL's name of the cipher suite."""
    domain_name: str = ""
    """The custom domain whose certificate was shown; empty: the default certificate."""
    truststore: str = ""
    """Digest of that domain's trust store, by which `certificate` was verified; empty: it has none,
    and no certificate was asked for."""
    certificate: ClientCertificate | None = None
    """None: the client has shown none, or none was asked for."""
