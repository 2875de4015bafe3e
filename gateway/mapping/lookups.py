"""Looking up one parameter of the method request by name, AWS's way.

Names are case-sensitive, the last value counts, query text is decoded once, and headers that AWS
strips at its front door are not there (semantics sheet 10.3, 10.7, 15.3). The text of a query or
a head is bounded by the server, so a look-up is too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from gateway.mapping.wire_text import to_text

STRIPPED_AT_THE_DOOR: Final = frozenset(
    {
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
"""Headers of a client that no mapping sees, lower case."""


def query_values(query: str, name: str) -> tuple[str, ...]:
    """Return all values of a parameter of a raw query string, decoded, in order.

    `+` is a space, `;` splits like `&`, a parameter without `=` has the empty value.
    """
    if name not in query and "%" not in query:
        return ()
    if ";" in query:
        query = query.replace(";", "&")
    found = []
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name or ("%" in key and _decoded(key) == name):
            found.append(_decoded(value))
    return tuple(found)


def header_values(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> tuple[str, ...]:
    """Return all values of a header whose name is spelled exactly so, in order."""
    return tuple(to_text(value) for key, value in headers if key == name)


def header_values_of_any_case(
    headers: Sequence[tuple[bytes, bytes]], name: bytes
) -> tuple[str, ...]:
    """Return all values of a header, in order, however its name is spelled; `name` is lower case.

    For what must not be fooled by a spelling, unlike mappings.
    """
    return tuple(to_text(value) for key, value in headers if key.lower() == name)


def last_header(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    """Return the last value of a header whose name is spelled exactly so; empty when absent."""
    for key, value in reversed(headers):
        if key == name:
            return to_text(value)
    return ""


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text, errors="surrogateescape") if "%" in text else text
