"""What of the store is served and belongs to no one API: domains, usage plans, connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.definitions.domain import DomainName
from gateway.definitions.usage_plan import UsageDefinitions
from gateway.store.connections import StoredConnections, stored_connections
from gateway.store.served import served_domains
from gateway.store.transaction import Changes, Transaction
from gateway.store.usage import served_usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWide:
    """All of each kind; None: it did not change, or was not read."""

    domains: tuple[DomainName, ...] | None = None
    """Custom domain names."""
    usage: UsageDefinitions | None = None
    """Usage plans and API keys."""
    connections: StoredConnections | None = None
    """Client certificates and VPC links."""

    def __bool__(self) -> bool:
        return bool(self.kinds())

    def kinds(self) -> list[str]:
        """Return the names of what changed, as the log says them."""
        kinds = {
            "domains": self.domains,
            "usage plans": self.usage,
            "connections": self.connections,
        }
        return [name for name, each in kinds.items() if each is not None]


NOTHING_WIDE: Final = AccountWide()
"""Nothing of all this changed."""


def account_wide(transaction: Transaction, changes: Changes) -> AccountWide:
    """Return what changed of all this, as it is now."""
    return AccountWide(
        domains=served_domains(transaction) if changes.are_domains_changed else None,
        usage=served_usage(transaction) if changes.is_usage_changed else None,
        connections=stored_connections(transaction) if changes.are_connections_changed else None,
    )
