"""What a host leads to: a custom domain, an API, or neither. Decided once per host."""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

from gateway.routing.addressing import api_of_host
from gateway.routing.domains import BasePaths, Domains
from gateway.routing.guards import Guard

T = TypeVar("T")

_HOSTS_KEPT: Final = 1024
"""Hosts remembered: what follows `execute-api` in a host name is a client's choice."""


class Place(NamedTuple, Generic[T]):
    """What a host leads to."""

    domain: BasePaths[T] | None
    """The base paths of the custom domain that it is."""
    api_id: str | None
    """The API that it names; None for a custom domain, and where the path must name one."""
    guard: Guard | None = None
    """What the domain asks of connections; None: nothing."""


class Places(dict[str, Place[T]]):
    """Host, lower case, to its place. Filled as hosts are asked for, up to a bound."""

    def __init__(self, domains: Domains[T]) -> None:
        super().__init__()
        self._domains = domains

    def __missing__(self, host: str) -> Place[T]:
        domain = self._domains.find(host)
        place = (
            Place[T](None, api_of_host(host))
            if domain is None
            else Place(domain, None, domain.guard)
        )
        if len(self) < _HOSTS_KEPT:
            self[host] = place
        return place
