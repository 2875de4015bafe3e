"""Custom domain names of a release, compiled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.definitions.domain import (
    BasePathMapping,
    DomainName,
    EndpointAccessMode,
    MutualTlsAuthentication,
)
from gateway.definitions.stage import Deployment
from gateway.routing import Guard
from gateway.snapshot.compile import compile_release
from gateway.snapshot.compiled import Snapshot
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


def guard_of(domain: DomainName) -> Guard | None:
    world = World(replace(release(PETS), domains=(domain,)))
    found = world.cell.current.domains.find("a.example.com")
    assert found is not None
    return found.guard


def test_only_a_domain_that_asks_for_something_has_a_guard() -> None:
    strict = replace(MAPPED, endpoint_access_mode=EndpointAccessMode.STRICT)

    assert guard_of(MAPPED) is None
    assert guard_of(strict) == Guard(domain_name="a.example.com", needs_certificate=False)
    assert guard_of(GUARDED) == Guard(domain_name="a.example.com", needs_certificate=True)


def test_a_guard_that_is_new_is_compiled() -> None:
    world = World(replace(release(PETS), domains=(MAPPED,)))
    world.publish(replace(release(PETS, revision=2), domains=(GUARDED,)))

    assert world.cell.current.places["a.example.com"].guard is not None


@pytest.mark.parametrize(("newest", "status"), [(2.0, 403), (0.5, 200)])
def test_the_newest_deployment_closes_the_default_endpoint_of_all_stages(
    newest: float, status: int
) -> None:
    closed = replace(PETS, rest_api=replace(PETS.rest_api, disable_execute_api_endpoint=True))
    made = release(PETS)
    ((open_id, open_),) = made.deployments.items()
    stages = made.stages["shop"]
    ((name, stage),) = stages.items()
    other = Deployment(id="other", api_id="shop", definition=closed, created_date=newest)
    world = World(
        replace(
            made,
            stages={
                "shop": {**stages, "late": replace(stage, stage_name="late", deployment_id="other")}
            },
            deployments={open_id: replace(open_, created_date=1.0), "other": other},
        )
    )

    _, response = world.ask("GET", f"/{name}/pets")
    assert response.status == status
