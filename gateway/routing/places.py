"""What a host leads to: a custom domain, an API, or neither. Decided once per host."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from gateway.routing.addressing import api_of_host
from gateway.routing.domains import BasePaths, Domains
from gateway.routing.guards import Guard

T = TypeVar("T")

_HOSTS_KEPT: Final = 1024
"""Hosts remembered: what follows `execute-api` in a host name is a client's choice."""


class Place(Generic[T]):
    """What a host leads to. Immutable."""

    __slots__ = ("api_id", "domain", "guard")

    def __init__(self, domain: BasePaths[T] | None, api_id: str | None) -> None:
        self.domain = domain
        """The base paths of the custom domain that it is."""
        self.api_id = api_id
        """The API that it names; None for a custom domain, and where the path must name one."""
        self.guard: Guard | None = None if domain is None else domain.guard
        """What the domain asks of connections; None: nothing."""

    def __repr__(self) -> str:
        return f"<Place {self.domain!r}, API {self.api_id}, {self.guard}>"


class Places(dict[str, Place[T]]):
    """Host, lower case, to its place. Filled as hosts are asked for, up to a bound."""

    def __init__(self, domains: Domains[T]) -> None:
        super().__init__()
        self._domains = domains

    def __missing__(self, host: str) -> Place[T]:
        domain = self._domains.find(host)
        place = Place(domain, api_of_host(host) if domain is None else None)
        if len(self) < _HOSTS_KEPT:
            self[host] = place
        return place
