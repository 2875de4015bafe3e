"""Checks of request line and Host, as values: no I/O, nothing is decoded, nothing repaired.

A path is matched and forwarded as it was sent, so whatever two programs could read differently is
refused here: dot segments in any spelling, NUL and control bytes, bad `%`, characters that a URI
may not hold (RFC 3986). Clean request lines pass one regular expression and never come here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from gateway.server import refusal
from gateway.server.refusal import RefusedError

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""What a method of an API may be called with (AWS: the verbs of ANY)."""
_REFUSED_METHODS: Final = frozenset({"CONNECT", "TRACE"})

_PCHAR: Final = rb"A-Za-z0-9\-._~!$&'()*+,;=:@"
_QUERY: Final = _PCHAR + rb"/?\[\]"
"""RFC 3986's query, and brackets: browsers send `a[]=1` unencoded."""

_CLEAN_TARGET: Final = (
    rb"(DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) ("
    # No segment that begins with a dot, no percent sign: those are looked at closely. Possessive
    # (`*+`) are runs alone: of groups Python 3.11.2, Debian 12's, would match none.
    rb"(?![^? ]*/\.)(/[" + _PCHAR + rb"/]*+)"
    rb"(?:\?([" + _QUERY + rb"]*+(?:%[0-9A-Fa-f]{2}[" + _QUERY + rb"]*+)*))?)"
)
match_clean_target: Final = re.compile(_CLEAN_TARGET.decode("ascii")).fullmatch
"""Match method and target that need no closer look: method, target, path and query."""
match_clean_request_line: Final = re.compile(_CLEAN_TARGET + rb" HTTP/1\.[01]\r\n").match
"""Match a whole request line likewise; its end is that of the line."""

_BARE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_REQUEST_LINE: Final = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,8192}) ([^\x00-\x20\x7f]+) HTTP/([0-9])\.([0-9])\Z"
)
_METHOD: Final = re.compile(r"[A-Z][A-Z_-]{0,31}")
_ABSOLUTE: Final = re.compile(r"(https?)://([^/?#]*)(/[^?#]*)?(\?.*)?", re.IGNORECASE)
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_QUERY_TEXT: Final = re.compile(
    r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})*", re.ASCII
)
_ENCODED_CONTROL: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_DOT_SEGMENT: Final = re.compile(
    # A backslash and an encoded slash part segments in some servers; parameters (`..;x`) are cut
    # off by others.
    r"(?:/|%2[Ff]|%5[Cc])(?:\.|%2[Ee]){1,2}(?:/|;|%2[Ff]|%5[Cc]|%3[Bb]|\Z)"
)

_HOST: Final = re.compile(
    r"(?:([A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.))*)|\[([0-9A-Fa-f:.]{2,45})\])(?::([0-9]{1,5}))?"
)
_HOST_CHARACTERS_MAX: Final = 262
"""A DNS name of 255 characters, a colon and a port, with a trailing dot."""
_HOSTS_KEPT: Final = 1024


@dataclass(slots=True)
class RequestLine:
    """A request line that was looked at closely."""

    method: str
    target: str
    """Origin-form, or `*`."""
    authority: str | None
    """The authority of an absolute-form target, as sent."""
    scheme: str | None
    """`http` or `https`, of an absolute-form target."""


def examine_request_line(line: bytes, line_bytes: int) -> RequestLine:
    """Check a request line (without its CRLF) that is not obviously clean.

    Raises:
        RefusedError: too long (414), another version (505), a method that no API has (405, 501),
            or a target that is not to be trusted (400).
    """
    if len(line) > line_bytes:
        raise RefusedError(refusal.TARGET_TOO_LONG)
    parts = _REQUEST_LINE.match(line)
    if parts is None:
        raise RefusedError(refusal.REQUEST_LINE)
    if parts[3] != b"1" or parts[4] not in {b"0", b"1"}:
        raise RefusedError(refusal.VERSION)
    method = _checked_method(parts[1].decode("ascii"))
    target = parts[2].decode("latin-1")
    if target == "*":
        if method != "OPTIONS":
            raise RefusedError(refusal.TARGET)
        return RequestLine(method, target, None, None)
    authority = scheme = None
    if not target.startswith("/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise RefusedError(refusal.TARGET)
        scheme, authority = absolute[1].lower(), absolute[2]
        target = (absolute[3] or "/") + (absolute[4] or "")
    check_origin_form(target)
    return RequestLine(method, target, authority, scheme)


def examine_unfinished_head(data: bytes, start: int, line_bytes: int, header_bytes: int) -> None:
    """Refuse at once what cannot become a head; `data` up to `start` was examined before.

    Raises:
        RefusedError: 400, 414 or 431.
    """
    if not ord("A") <= data[0] <= ord("Z"):
        raise RefusedError(refusal.NOT_HTTP)
    if _BARE_LINE_END.search(data, max(start - 1, 0)) is not None:
        raise RefusedError(refusal.HEADER)
    if len(data) > line_bytes and data.find(b"\r\n", 0, line_bytes + 2) < 0:
        raise RefusedError(refusal.TARGET_TOO_LONG)
    if len(data) > header_bytes:
        raise RefusedError(refusal.HEADERS_TOO_LARGE)


def check_origin_form(target: str) -> None:
    """Check a path and query.

    Raises:
        RefusedError: 400.
    """
    path, _, query = target.partition("?")
    if (
        _PATH.fullmatch(path) is None
        or _QUERY_TEXT.fullmatch(query) is None
        or _ENCODED_CONTROL.search(path) is not None
        or _DOT_SEGMENT.search(path) is not None
    ):
        raise RefusedError(refusal.TARGET)


def _checked_method(method: str) -> str:
    if method in METHODS:
        return method
    if method in _REFUSED_METHODS:
        raise RefusedError(refusal.METHOD)
    if _METHOD.fullmatch(method) is not None:
        raise RefusedError(refusal.UNKNOWN_METHOD)
    raise RefusedError(refusal.REQUEST_LINE)


def canonical_host(authority: str) -> tuple[str, int | None]:
    """Return host (lower case, without a trailing dot) and port (None: not given).

    `API.Example.com.:8080` gives `("api.example.com", 8080)`; an IPv6 address keeps its brackets.

    Raises:
        RefusedError: it is not exactly one authority without userinfo.
    """
    if len(authority) > _HOST_CHARACTERS_MAX:
        raise RefusedError(refusal.HOST)
    parts = _HOST.fullmatch(authority)
    if parts is None:
        raise RefusedError(refusal.HOST)
    name, address, port = parts.groups()
    if port is not None and int(port) > 65535:
        raise RefusedError(refusal.HOST)
    if address is not None:
        try:
            name = f"[{ipaddress.IPv6Address(address)}]"
        except ValueError:
            raise RefusedError(refusal.HOST) from None
    return name.removesuffix(".").lower(), None if port is None else int(port)


def check_authority(line: RequestLine, host: str | None) -> None:
    """Check that an absolute-form target names the same authority as Host (RFC 9112 section 3.2.2).

    Raises:
        RefusedError: 400.
    """
    if line.authority is None or host is None:
        return
    default = 443 if line.scheme == "https" else 80
    name, port = canonical_host(line.authority)
    host_name, host_port = canonical_host(host)
    if (name, port or default) != (host_name, host_port or default):
        raise RefusedError(refusal.HOST)


class Hosts(dict[str, str]):
    """Canonical hosts by Host header as sent, kept so that each is checked once. Bounded.

    `hosts[raw]` raises RefusedError for a bad one. Emptied when full: a client that makes up names
    costs the others one check each.
    """

    __slots__ = ()

    def __missing__(self, authority: str) -> str:
        host, _ = canonical_host(authority)
        if len(self) >= _HOSTS_KEPT:
            self.clear()
        self[authority] = host
        return host
