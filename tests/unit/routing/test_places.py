"""Facts about what a host leads to."""

from gateway.routing import Domains, Guard, Places
from gateway.snapshot import finish


def places() -> Places[str]:
    return Places(finish(Domains.slices([("api.example.com", [("(none)", "x")])])))


def test_a_custom_domain_wins_an_api_is_named_and_the_rest_is_neither() -> None:
    hosts = places()

    assert hosts["api.example.com"].domain is not None
    assert hosts["api.example.com"].api_id is None
    assert hosts["api.example.com"].guard is None
    assert hosts["shop.execute-api.local"].api_id == "shop"
    assert hosts["shop.execute-api.local"].domain is None
    assert repr(hosts["localhost"]) == "<Place None, API None, None>"


def test_a_place_has_the_guard_of_its_domain() -> None:
    guard = Guard(domain_name="*.example.com", needs_certificate=True)
    mappings = [("*.example.com", [("(none)", "x")])]
    domains = finish(Domains.slices(mappings, {"*.example.com": guard}))

    assert Places(domains)["a.example.com"].guard is guard


def test_a_host_is_decided_once() -> None:
    hosts = places()

    assert hosts["shop.execute-api.local"] is hosts["shop.execute-api.local"]


def test_clients_cannot_grow_it_without_bound() -> None:
    hosts = places()
    for index in range(5000):
        assert hosts[f"shop.execute-api.{index}"].api_id == "shop"

    assert len(hosts) <= 1024
