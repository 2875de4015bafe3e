"""Who a client is: the peer, or the address that a trusted proxy names. No I/O here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

_ADDRESSES_KEPT: Final = 1024

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class TrustedProxies:
    """The networks whose X-Forwarded-For is believed."""

    __slots__ = ("_known", "_networks")

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[_Network, ...] = tuple(
            ipaddress.ip_network(network, strict=False) for network in networks
        )
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __repr__(self) -> str:
        return f"<TrustedProxies {', '.join(map(str, self._networks)) or 'none'}>"

    def is_trusted(self, text: str) -> bool:
        """Whether `text` is an address of a trusted network."""
        if not self._networks:
            return False
        known = self._known.get(text)
        if known is None:
            address = _address(text)
            known = address is not None and any(address in network for network in self._networks)
            if len(self._known) >= _ADDRESSES_KEPT:
                self._known.clear()
            self._known[text] = known
        return known

    def client_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """Return the right-most address of X-Forwarded-For that is not a trusted proxy's.

        `peer` is a trusted proxy; `forwarded_for` are the header's values, in order. What stands
        left of something that is no address cannot be believed: then the proxy that sent it is
        the client.
        """
        client = peer
        for text in reversed([part for value in forwarded_for for part in value.split(",")]):
            address = _address(text.strip(" \t"))
            if address is None:
                return client
            client = str(address)
            if not self.is_trusted(client):
                return client
        return client
