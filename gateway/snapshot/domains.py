"""Compiles custom domain names: what their base paths lead to, and what they ask of connections."""

from __future__ import annotations

from collections.abc import Generator

from gateway.definitions.domain import BasePathMapping, DomainName, EndpointAccessMode
from gateway.routing import Domains, Guard
from gateway.snapshot.compiled import Snapshot


def compile_domains(
    domains: tuple[DomainName, ...], previous: Snapshot | None
) -> Generator[None, None, Domains[BasePathMapping]]:
    """Return the compiled domain names; those of `previous` if they are the same."""
    if previous is not None and len(previous.domain_names) == len(domains):
        for before, now in zip(previous.domain_names, domains, strict=True):
            if before is not now and before != now:
                break
            yield
        else:
            return previous.domains
    guards: dict[str, Guard] = {}
    for domain in domains:
        if (guard := _guard(domain)) is not None:
            guards[domain.domain_name] = guard
        yield
    mappings = ((each.domain_name, _mappings(each)) for each in domains)
    return (yield from Domains.slices(mappings, guards))


def _mappings(domain: DomainName) -> list[tuple[str, BasePathMapping]]:
    return [(mapping.base_path, mapping) for mapping in domain.base_path_mappings]


def _guard(domain: DomainName) -> Guard | None:
    """Return what a domain asks of connections; None: nothing, and its requests pay nothing."""
    needs_certificate = domain.mutual_tls_authentication is not None
    if not needs_certificate and domain.endpoint_access_mode is EndpointAccessMode.BASIC:
        return None
    return Guard(domain_name=domain.domain_name, needs_certificate=needs_certificate)
