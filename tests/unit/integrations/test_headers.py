"""Facts about which headers cross the gateway."""

import pytest

from gateway.integrations.headers import (
    REQUEST_FATES,
    RESPONSE_FATES,
    RequestFate,
    ResponseFate,
    nominated,
    without,
)


@pytest.mark.parametrize(
    "name",
    [
        "Connection-Id", "Authorization", "X-Api-Key", "Cookie", "Date", "Range", "Referer",
        "Content-Type", "Content-Encoding", "Cache-Control", "X-Custom_Name",
    ],
)  # fmt: skip
def test_ordinary_request_headers_are_forwarded(name: str) -> None:
    assert REQUEST_FATES[name.encode()] is RequestFate.FORWARD


@pytest.mark.parametrize(
    "name",
    [
        "Content-Length", "Content-MD5", "Expect", "Max-Forwards", "Proxy-Authenticate", "Server",
        "TE", "Transfer-Encoding", "Trailer", "Upgrade", "WWW-Authenticate", "Host", "Via",
        "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "HTTP2-Settings", "Forwarded",
        "X-Real-IP", "X-Forwarded-For", "x_forwarded_for", "X_Forwarded-Proto", "x-amzn-trace-id",
        "X-Amzn-Apigateway-Api-Id",
    ],
)  # fmt: skip
def test_hop_by_hop_and_owned_request_headers_are_dropped(name: str) -> None:
    assert REQUEST_FATES[name.encode()] is RequestFate.DROP
    assert REQUEST_FATES[name.upper().encode()] is RequestFate.DROP


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("Content-Type", ResponseFate.CONTENT_TYPE),
        ("Connection", ResponseFate.CONNECTION),
        ("Date", ResponseFate.REMAP),
        ("Server", ResponseFate.REMAP),
        ("content-length", ResponseFate.REMAP),
        ("WWW-Authenticate", ResponseFate.REMAP),
        ("x-amzn-RequestId", ResponseFate.REMAP),
        ("Transfer-Encoding", ResponseFate.DROP),
        ("Via", ResponseFate.DROP),
        ("Trailer", ResponseFate.DROP),
        ("Keep-Alive", ResponseFate.DROP),
        ("Alt-Svc", ResponseFate.DROP),
        ("Proxy-Authenticate", ResponseFate.DROP),
        ("Content-Encoding", ResponseFate.FORWARD),
        ("Set-Cookie", ResponseFate.FORWARD),
    ],
)
def test_response_headers_meet_their_fate(name: str, fate: ResponseFate) -> None:
    assert RESPONSE_FATES[name.encode()] is fate


def test_clients_cannot_grow_the_memo_without_bound() -> None:
    for index in range(5000):
        assert REQUEST_FATES[b"x-%d" % index] is RequestFate.FORWARD

    assert len(REQUEST_FATES) <= 1024


def test_a_connection_header_nominates_only_what_is_the_clients() -> None:
    names = nominated(b"close, X-Secret, Host, Authorization, X-Forwarded-For, keep-alive")

    assert names == {b"x-secret"}
    assert without(((b"X-Secret", b"1"), (b"A", b"2")), names) == ((b"A", b"2"),)
