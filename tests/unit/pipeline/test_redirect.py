"""Facts about the way from HTTP to HTTPS."""

from __future__ import annotations

import pytest

from gateway.messages import InvocationRequest, InvocationResponse
from gateway.pipeline.redirect import Redirector
from tests.builders import World, api, domain, mock, release, request

DOMAINS = (domain("api.example.com", none="dev"),)


def answer(port: int, given: InvocationRequest) -> InvocationResponse:
    world = World(release(api({"/pets": {"GET": mock(200, "one")}}), domains=DOMAINS))
    redirector = Redirector(world.service, lambda host: host == "api.example.com", port)
    exchange = redirector.open(given)
    response = redirector.answer(exchange)
    # Neither a redirect nor a mock's answer is waited for.
    assert isinstance(response, InvocationResponse)
    exchange.status = response.status
    redirector.record(exchange)
    return response


@pytest.mark.parametrize(
    ("port", "location"),
    [
        (443, b"https://api.example.com/pets?a=%2F&b"),
        (8443, b"https://api.example.com:8443/pets?a=%2F&b"),
    ],
)
def test_a_host_with_a_certificate_is_sent_to_https(port: int, location: bytes) -> None:
    given = request("POST", "/pets?a=%2F&b", host="api.example.com")

    response = answer(port, given)

    assert response.status == 308
    assert b"\r\nLocation: " + location + b"\r\n" in response.head


def test_what_came_by_https_or_has_no_certificate_is_served() -> None:
    by_tls = request(target="/pets", host="api.example.com")
    by_tls.derived.scheme = "https"
    assert answer(443, by_tls).body == b"one"

    assert answer(443, request(target="/dev/pets")).body == b"one"


def test_a_request_for_no_path_is_sent_to_the_root() -> None:
    given = request("OPTIONS", "*", host="api.example.com")

    assert b"\r\nLocation: https://api.example.com:8443/\r\n" in answer(8443, given).head
