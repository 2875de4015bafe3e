"""Custom domain names of a release, compiled."""

from __future__ import annotations

from dataclasses import replace

from gateway.definitions.domain import (
    BasePathMapping,
    DomainName,
    EndpointAccessMode,
    MutualTlsAuthentication,
)
from gateway.snapshot.compile import compile_release
from gateway.snapshot.compiled import DomainRefusal, Snapshot
from gateway.snapshot.enforcement import unenforced_of_domain
from tests.builders import World, api, mock, release

PETS = api({"/pets": {"GET": mock(200, "one")}})
MAPPED = DomainName(
    domain_name="a.example.com",
    base_path_mappings=(BasePathMapping(rest_api_id="shop", stage="dev"),),
)
GUARDED = replace(
    MAPPED,
    mutual_tls_authentication=MutualTlsAuthentication(truststore_uri="s3://bucket/key"),
    endpoint_access_mode=EndpointAccessMode.STRICT,
)


def test_unchanged_domains_are_not_compiled_again() -> None:
    world = World(replace(release(PETS), domains=(MAPPED,)))
    before = world.cell.current.domains
    world.publish(replace(release(PETS, revision=2), domains=(replace(MAPPED),)))
    assert world.cell.current.domains is before

    world.publish(replace(release(PETS, revision=3), domains=()))
    assert world.cell.current.domains is not before


def test_many_domains_are_compiled_and_compared_little_by_little() -> None:
    many = tuple(replace(MAPPED, domain_name=f"{index}.example.com") for index in range(500))
    world = World(replace(release(PETS), domains=many))

    def pieces(domains: tuple[DomainName, ...], previous: Snapshot | None) -> int:
        released = replace(release(PETS, revision=2), domains=domains)
        return sum(1 for _ in compile_release(released, previous, world.binding))

    without = pieces((), None)
    assert pieces(many, None) >= without + 500
    # The same, but for the last one: compared first, and then compiled.
    served = world.cell.current
    changed = (*map(replace, many[:-1]), replace(many[-1], base_path_mappings=()))
    assert pieces(changed, served) >= pieces((), served) + 499 + 500


def test_a_domain_that_asks_for_more_leads_nowhere() -> None:
    assert [field for field, _ in unenforced_of_domain(GUARDED)] == [
        "mutualTlsAuthentication",
        "endpointAccessMode",
    ]
    world = World(replace(release(PETS), domains=(GUARDED,)))

    found = world.cell.current.domains.find("a.example.com")

    assert found is not None
    assert found.find("/any/path") == (
        "(none)",
        DomainRefusal("mutual TLS, endpointAccessMode STRICT"),
        "/any/path",
    )
