from __future__ import annotations

import pytest

from gateway.server.peer import TrustedProxies, port_of, scheme_of

PROXIES = TrustedProxies(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("11.0.0.1", False),
        ("::1", False),
        ("", False),
        ("10.0.0.0/8", False),
    ],
)
def test_trust_is_a_matter_of_networks(address: str, is_trusted: bool) -> None:
    assert PROXIES.is_trusted(address) is is_trusted
    assert PROXIES.is_trusted(address) is is_trusted


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ([], "10.0.0.1"),
        (["1.2.3.4"], "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (["1.2.3.4,10.0.0.9 ,\t10.0.0.8"], "1.2.3.4"),
        (["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        (["10.0.0.7"], "10.0.0.7"),
        (["2001:DB8::1"], "2001:db8::1"),
        (["::ffff:1.2.3.4"], "1.2.3.4"),
        (["1.2.3.4, unknown"], "10.0.0.1"),
        (["1.2.3.4, <script>, 10.0.0.9"], "10.0.0.9"),
        ([""], "10.0.0.1"),
        (["1.2.3.4:80"], "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_not_trusted(values: list[str], client: str) -> None:
    assert PROXIES.client_of("10.0.0.1", values) == client


def test_nobody_is_trusted_by_default() -> None:
    nobody = TrustedProxies(())

    assert not nobody
    assert not nobody.is_trusted("127.0.0.1")
    assert repr(nobody) == "<TrustedProxies none>"


def test_what_is_remembered_has_a_bound() -> None:
    proxies = TrustedProxies(["10.0.0.0/8"])
    for number in range(5000):
        proxies.is_trusted(f"11.0.{number // 250}.{number % 250}")

    assert len(proxies._known) <= 1024


@pytest.mark.parametrize(
    ("values", "scheme"),
    [
        ([], None),
        (["https"], "https"),
        (["HTTP"], "http"),
        (["https, http"], "http"),
        (["http", "http,\thttps "], "https"),
        (["https,"], None),
        (["wss"], None),
        (["https\x85"], None),
    ],
)
def test_the_scheme_is_the_last_that_was_named(values: list[str], scheme: str | None) -> None:
    assert scheme_of(values) == scheme


@pytest.mark.parametrize(
    ("values", "port"),
    [
        ([], None),
        (["443"], 443),
        (["1, 65535"], 65_535),
        (["80", "8443"], 8443),
        (["0"], None),
        (["65536"], None),
        (["-1"], None),
        (["\u00b2"], None),
        (["4" * 5000], None),
        (["443,"], None),
    ],
)
def test_the_port_is_the_last_that_was_named(values: list[str], port: int | None) -> None:
    assert port_of(values) == port
