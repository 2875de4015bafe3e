"""Facts about what a stage adds to its backends' addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.cache import CachedResponses
from gateway.clock import IdMinter
from gateway.integrations.base import IntegrationContext, MisconfiguredError
from gateway.integrations.connections import MissingConnectionError, connected
from gateway.integrations.uri import BoundUri, compile_uri
from tests.backend_certificates import self_signed

CONTEXT = IntegrationContext(
    ids=IdMinter(), now=lambda: 0.0, body_bytes=0, cache=CachedResponses(0, lambda: 0.0)
)
LINKED = replace(CONTEXT, vpc_links={"shop": ("10.0.0.5:8080", "10.0.0.6")})
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/shop/50dc"
SHOWN = self_signed().client("partner")
SHOWING = replace(CONTEXT, client_certificate_id="partner", client_certificate=SHOWN)


def uri(text: str) -> BoundUri:
    return compile_uri(text, is_verified=True, values={}, path="", problems=[]).bind({})


def test_without_anything_an_address_stays_what_it_is() -> None:
    plain = uri("https://backend.test/")

    assert connected(plain, None, None, {}, CONTEXT) is plain


def test_https_backend_is_shown_the_certificate_and_has_connections_for_it() -> None:
    found = connected(uri("https://backend.test/"), None, None, {}, SHOWING)

    assert found.origin.client_certificate is SHOWN
    assert found.origin.key == f"https://backend.test:443#client={SHOWN.digest}"
    assert found.describe_way() == {"shows": "client certificate partner"}
    assert SHOWN.private_key not in repr(found)


def test_plain_backend_is_shown_nothing_and_asks_for_nothing() -> None:
    for context in (SHOWING, replace(SHOWING, client_certificate=None)):
        assert connected(uri("http://backend.test/"), None, None, {}, context).origin.key == (
            "http://backend.test:80"
        )


def test_certificate_that_is_not_there_keeps_https_closed() -> None:
    with pytest.raises(MissingConnectionError, match="certificate partner is not there") as caught:
        connected(uri("https://a/"), None, None, {}, replace(SHOWING, client_certificate=None))

    assert caught.value.field == "clientCertificateId"


@pytest.mark.parametrize(
    ("link", "variables"), [("shop", {}), ("${stageVariables.link}", {"link": "shop"})]
)
def test_link_leads_to_its_addresses(link: str, variables: dict[str, str]) -> None:
    found = connected(uri("http://shop.internal/pets"), link, None, variables, LINKED)

    assert found.origin.targets == ("10.0.0.5:8080", "10.0.0.6")
    assert found.origin.key == "http://shop.internal:80#via=10.0.0.5:8080,10.0.0.6"
    assert found.host_header == "shop.internal"
    assert found.describe_way() == {"through": "10.0.0.5:8080, 10.0.0.6"}


@pytest.mark.parametrize("link", ["", "lost", "${stageVariables.link}"])
def test_link_that_leads_nowhere_never_becomes_a_direct_way(link: str) -> None:
    with pytest.raises(MissingConnectionError, match="leads nowhere"):
        connected(uri("http://shop.internal/pets"), link, None, {}, LINKED)


@pytest.mark.parametrize(
    ("target", "address"), [(BALANCER, "10.0.0.9:80"), (f"{BALANCER}/other", "10.0.0.5:8080")]
)
def test_what_is_behind_a_link_has_addresses_of_its_own_or_the_links(
    target: str, address: str
) -> None:
    context = replace(LINKED, vpc_links={**LINKED.vpc_links, BALANCER: ("10.0.0.9:80",)})
    found = connected(uri("http://shop.internal/pets"), "shop", target, {}, context)

    assert found.origin.targets[0] == address


def test_link_and_certificate_go_together() -> None:
    both = replace(SHOWING, vpc_links=LINKED.vpc_links)
    found = connected(uri("https://shop.internal/"), "shop", None, {}, both)

    assert found.origin.targets
    assert found.origin.client_certificate is SHOWN


def test_unix_socket_is_reached_through_no_link() -> None:
    with pytest.raises(MisconfiguredError, match="through no VPC link"):
        connected(uri("http://unix:/run/app.sock:/"), "shop", None, {}, LINKED)
