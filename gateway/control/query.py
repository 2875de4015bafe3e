"""The query of a request to the control API, taken apart once for all who read it.

What a signature covers and what a handler sees must be the same: both begin with these pairs.
A `+` is itself (RFC 3986), and no space as in HTML forms: AWS's signers write `%20` and `%2B`.
"""

from __future__ import annotations

from urllib.parse import unquote


def split_query(text: str) -> list[tuple[str, str]]:
    """Return the decoded names and values of a query as sent, in an order that is its own.

    Sorted, for a signature does not fix the order. Bytes that are no UTF-8 become surrogates.

    >>> split_query("b=1+1&a=%2B&c")
    [('a', '+'), ('b', '1+1'), ('c', '')]
    """
    if not text:
        return []
    pairs = (pair.partition("=") for pair in text.split("&"))
    return sorted((_decoded(name), _decoded(value)) for name, _, value in pairs)


def _decoded(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def is_utf8(text: str) -> bool:
    """Whether a decoded text has no bytes in it that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
