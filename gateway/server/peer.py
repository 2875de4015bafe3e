"""Who a client is and how it came: the peer, or what a trusted proxy says of it. No I/O here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

_ADDRESSES_KEPT: Final = 1024

_HIGHEST_PORT: Final = 65_535

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _last(values: Sequence[str]) -> str:
    """Return the last element of a list header: what the peer itself has said."""
    return values[-1].rpartition(",")[2].strip(" \t") if values else ""


def scheme_of(forwarded_proto: Sequence[str]) -> str | None:
    """Return `http` or `https`, as the last value of X-Forwarded-Proto has it; None: neither."""
    scheme = _last(forwarded_proto).lower()
    return scheme if scheme in {"http", "https"} else None


def port_of(forwarded_port: Sequence[str]) -> int | None:
    """Return the last value of X-Forwarded-Port; None: it is no port."""
    text = _last(forwarded_port)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_HIGHEST_PORT))):
        return None
    port = int(text)
    return port if 1 <= port <= _HIGHEST_PORT else None


class TrustedProxies:
    """The networks whose X-Forwarded headers are believed."""

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
