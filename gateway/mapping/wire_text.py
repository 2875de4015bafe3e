"""Mapped text on its way into a message's head: the one place that keeps it harmless there.

Inside the mappings, text is UTF-8 in which bytes that are not UTF-8 travel as surrogates, so that
whatever a client sent comes out byte for byte. Here it becomes bytes again.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from gateway.errors import Fault, GatewayResponseType

_CONTROLS: Final = bytes(range(9)) + bytes(range(10, 32)) + b"\x7f"
"""What must not stand in a field value: all controls but the tab (RFC 9110 section 5.5)."""
_BLANKED: Final = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))

_PATH_SAFE: Final = "/%:@!$&'()*+,;=-._~"
"""Legal in a path (RFC 3986 section 3.3), and `/` and `%`: mapped text may be encoded already."""
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]*")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SEGMENT_ENDS: Final = re.compile(rb"[/\\]")


def to_text(raw: bytes) -> str:
    """Return bytes as text that `to_bytes` turns back into the same bytes."""
    return raw.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    r"""Return text as bytes: UTF-8, and surrogates made by `to_text` as the byte they stand for.

    A lone surrogate that some JSON spelled out (`"\ud800"`) has no bytes and becomes `?`.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def header_bytes(value: str) -> bytes:
    """Return a field value that cannot end its line: controls become spaces, outer blanks go."""
    if value.isascii() and value.isprintable():
        return value.strip(" ").encode("ascii")
    return to_bytes(value).translate(_BLANKED).strip(b" \t")


def query_text(value: str) -> str:
    """Return a name or value percent-encoded for a query, unreserved characters kept."""
    # Saves 1 of 1.5 µs for ids, numbers and words.
    if _UNRESERVED.fullmatch(value):
        return value
    return quote_from_bytes(to_bytes(value), safe="")


def path_text(value: str) -> str:
    """Return text for a backend's path: as written, but for what a path cannot hold (encoded).

    Raises:
        Fault: DEFAULT_4XX when it holds NUL or a dot segment, plain or encoded. Raw paths are
            checked where they come in; a decoded query value or a body is not.
    """
    raw = to_bytes(value)
    decoded = unquote_to_bytes(raw)
    if b"\0" in decoded or not {b".", b".."}.isdisjoint(_SEGMENT_ENDS.split(decoded)):
        raise Fault(
            GatewayResponseType.DEFAULT_4XX,
            source="client",
            detail="a mapped path value holds NUL or a dot segment",
        )
    return _STRAY_PERCENT.sub("%25", quote_from_bytes(raw, safe=_PATH_SAFE))
