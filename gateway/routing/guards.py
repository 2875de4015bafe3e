"""What a custom domain asks of the connection that a request comes on. Pure: values in, value out.

TLS decides by the name in the handshake (SNI), a request is routed by its Host header, and a
client chooses both. Whoever shakes hands with a public domain and then asks for a guarded one
has shown nothing to the guarded one; so both names must be the same, on every request.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.client_tls import ClientTls


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rules of one domain. Domains without rules have no guard."""

    domain_name: str
    needs_certificate: bool
    """Whether clients must have shown a certificate that the domain's trust store accepts."""

    def refusal(self, host: str, tls: ClientTls | None) -> str | None:
        """Return why a request for `host` is refused on a connection, for the log; None: it may go.

        Only a certificate that the domain's own trust store has verified is one: where a domain
        has taken a name over from a wildcard, connections to the wildcard have shown nothing to it.
        """
        if tls is None:
            return f"{host} is served over TLS of this gateway only"
        if tls.server_name != host:
            return f"the TLS handshake named {tls.server_name or 'no host'} and not {host}"
        if self.needs_certificate and (
            tls.certificate is None or tls.domain_name != self.domain_name
        ):
            return f"{host} asks for a client certificate, and none was verified"
        return None
