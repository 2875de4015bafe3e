"""Which content codings a client takes: answers in one that it does not take are not for it.

A backend's `Content-Encoding` reaches the client as it is, so what clients accept is a part of
every key: as one of few sets, or clients that write the same in many ways would share nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

CODINGS: Final = ("br", "deflate", "gzip", "zstd")
"""Those that backends use; others are told apart by `*` alone."""

_NONE: Final = frozenset({"", "0", "0.", "0.0", "0.00", "0.000"})
"""Weights of what is not acceptable (RFC 9110 section 12.4.2), and what is none."""


@lru_cache(maxsize=256)
def accepted_codings(accept_encoding: str) -> str:
    """Return the codings that an Accept-Encoding value takes, in one way of writing.

    >>> accepted_codings("GZip;q=0.5, br, deflate;q=0")
    'br,gzip'
    """
    weights: dict[str, str] = {}
    for item in accept_encoding.lower().split(","):
        coding, _, parameter = item.partition(";")
        name, _, weight = parameter.partition("=")
        weights[coding.strip()] = weight.strip() if name.strip() == "q" else "1"
    accepted = [each for each in (*CODINGS, "*") if weights.get(each, "") not in _NONE]
    if weights.get("identity", "1") in _NONE:
        accepted.append("identity;q=0")
    return ",".join(accepted)
