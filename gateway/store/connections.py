"""What of the store connections to backends need: client certificates and VPC links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from gateway.definitions.client_certificate import ClientCertificate
from gateway.store.tables import CLIENT_CERTIFICATE, CLIENT_CERTIFICATE_KEY, VPC_LINK
from gateway.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConnections:
    """What the store holds for connections to backends."""

    certificates: Mapping[str, ClientCertificate] = field(default_factory=dict)
    """Every client certificate, by id."""
    link_targets: Mapping[str, str] = field(default_factory=dict)
    """VPC link id to the ARN that it names."""


def stored_connections(transaction: Transaction) -> StoredConnections:
    """Return all client certificates, private keys and all, and VPC links."""
    certificates = transaction.rows(
        select(
            CLIENT_CERTIFICATE.c.id,
            CLIENT_CERTIFICATE.c.certificate,
            CLIENT_CERTIFICATE_KEY.c.private_key,
            CLIENT_CERTIFICATE.c.expiration_epoch,
        ).join(
            CLIENT_CERTIFICATE_KEY,
            CLIENT_CERTIFICATE_KEY.c.client_certificate == CLIENT_CERTIFICATE.c.sequence,
        )
    )
    links = transaction.rows(select(VPC_LINK.c.id, VPC_LINK.c.target_arns))
    return StoredConnections(
        certificates={
            row.id: ClientCertificate(
                client_certificate_id=row.id,
                certificate=row.certificate,
                private_key=row.private_key,
                expiration_epoch=row.expiration_epoch,
            )
            for row in certificates
        },
        link_targets={row.id: row.target_arns[0] for row in links if row.target_arns},
    )
