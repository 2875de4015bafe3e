"""Which headers cross the gateway, by name, in both directions (semantics sheet 10.3 and 10.4).

The rules are tables; a header's fate is looked up by its raw name, as sent, in a bounded memo,
so that
the usual spellings cost one dict look-up and no lower-casing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, Generic, TypeVar

from gateway.mapping.lookups import STRIPPED_AT_THE_DOOR
from gateway.messages import RawHeaders

_F = TypeVar("_F")


class RequestFate(IntEnum):
    """What happens to a client's header on its way to a proxied backend."""

    FORWARD = 0
    DROP = 1
    CONNECTION = 2
    ACCEPT = 3
    USER_AGENT = 4


class ResponseFate(IntEnum):
    """What happens to a backend's header on its way to the client."""

    FORWARD = 0
    DROP = 1
    REMAP = 2
    CONNECTION = 3
    CONTENT_TYPE = 4


OWNED: Final = frozenset(
    {
        b"host",
        b"x-amzn-trace-id",
        b"x-amzn-apigateway-api-id",
        b"x-forwarded-for",
        b"x-forwarded-port",
        b"x-forwarded-proto",
    }
)
"""Headers that the gateway sets itself. No client can nominate them away by `Connection`."""

_SPOOFABLE: Final = frozenset({b"forwarded", b"x-real-ip"})
"""Claims about the client that backends trust; only the gateway's own X-Forwarded-* are sent."""

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110 section 7.6.1, and the ones that clients invented."""

STRIPPED_AT_FRONT_DOOR: Final = frozenset(name.encode("ascii") for name in STRIPPED_AT_THE_DOOR)
"""Invisible to mappings, and never forwarded from the client to any integration."""

_DROPPED_REQUEST: Final = (
    STRIPPED_AT_FRONT_DOOR
    | _HOP_BY_HOP
    | OWNED
    | _SPOOFABLE
    | {b"via", b"http2-settings", b"proxy-authorization"}
)

_REMAPPED_RESPONSE: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"date",
        b"server",
        b"www-authenticate",
        b"x-amzn-requestid",
        b"x-amz-apigw-id",
    }
)

_DROPPED_RESPONSE: Final = (
    _HOP_BY_HOP | {b"via", b"proxy-authenticate", b"alt-svc"}
) - _REMAPPED_RESPONSE

_MEMO_NAMES: Final = 1024
"""Spellings remembered per direction; clients cannot grow the memos past it."""


class _Fates(dict[bytes, _F], Generic[_F]):
    """Header name as sent to its fate; a missing one is classified, and kept up to a bound."""

    def __init__(self, classify: Callable[[bytes], _F]) -> None:
        super().__init__()
        self._classify = classify

    def __missing__(self, name: bytes) -> _F:
        fate = self._classify(name.lower())
        if len(self) < _MEMO_NAMES:
            self[name] = fate
        return fate


def _classify_request(name: bytes) -> RequestFate:
    if name == b"connection":
        return RequestFate.CONNECTION
    # Many servers read X_Forwarded_For as X-Forwarded-For: a twin of what we set or drop goes too.
    if name in _DROPPED_REQUEST or name.replace(b"_", b"-") in _DROPPED_REQUEST:
        return RequestFate.DROP
    if name == b"accept":
        return RequestFate.ACCEPT
    if name == b"user-agent":
        return RequestFate.USER_AGENT
    return RequestFate.FORWARD


def _classify_response(name: bytes) -> ResponseFate:
    if name == b"connection":
        return ResponseFate.CONNECTION
    if name in _REMAPPED_RESPONSE:
        return ResponseFate.REMAP
    if name in _DROPPED_RESPONSE:
        return ResponseFate.DROP
    if name == b"content-type":
        return ResponseFate.CONTENT_TYPE
    return ResponseFate.FORWARD


REQUEST_FATES: Final = _Fates(_classify_request)
"""`REQUEST_FATES[name]`: what happens to a client's header of this name."""

RESPONSE_FATES: Final = _Fates(_classify_response)
"""`RESPONSE_FATES[name]`: what happens to a backend's header of this name."""


def nominated(connection: bytes) -> frozenset[bytes]:
    """Return the lower-case header names that a `Connection` value declares hop-by-hop.

    Nominations of headers that the gateway owns or that carry credentials are ignored: a client
    must not be able to have them removed (CVE-2024-45410 and its kin).
    """
    names = {token.strip().lower() for token in connection.split(b",")}
    return frozenset(names - OWNED - {b"", b"close", b"keep-alive", b"authorization", b"cookie"})


def without(headers: Sequence[tuple[bytes, bytes]], names: frozenset[bytes]) -> RawHeaders:
    """Return the headers less those of the given lower-case names."""
    return tuple(header for header in headers if header[0].lower() not in names)
