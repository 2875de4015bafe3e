"""Facts about what a host leads to."""

from gateway.routing import Domains, Places
from gateway.snapshot import finish


def places() -> Places[str]:
    return Places(finish(Domains.slices([("api.example.com", [("(none)", "x")])])))


def test_a_custom_domain_wins_an_api_is_named_and_the_rest_is_neither() -> None:
    hosts = places()

    assert hosts["api.example.com"].domain is not None
    assert hosts["api.example.com"].api_id is None
    assert hosts["shop.execute-api.local"] == (None, "shop")
    assert hosts["localhost"] == (None, None)


def test_a_host_is_decided_once() -> None:
    hosts = places()

    assert hosts["shop.execute-api.local"] is hosts["shop.execute-api.local"]


def test_clients_cannot_grow_it_without_bound() -> None:
    hosts = places()
    for index in range(5000):
        assert hosts[f"shop.execute-api.{index}"].api_id == "shop"

    assert len(hosts) <= 1024
