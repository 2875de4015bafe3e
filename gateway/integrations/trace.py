"""X-Amzn-Trace-Id towards backends (semantics sheet 10.4)."""

from __future__ import annotations

import re
from typing import Final

from multidict import istr

from gateway.clock import IdMinter
from gateway.messages import Exchange

_TRACE_ID: Final = istr("X-Amzn-Trace-Id")
"""Folded once: looking it up as text would fold it for each request."""
_ROOT: Final = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})")
_PARENT: Final = re.compile(r"Parent=([0-9a-f]{16})")
_SAMPLED: Final = re.compile(r"Sampled=([01?])")


def trace_id(exchange: Exchange, ids: IdMinter) -> str:
    """Return the trace header for a request: the client's where it is whole, completed or new else.

    A full `Root=…;Parent=…;Sampled=…` is kept, a lone Root gets a Parent and `Sampled=0`; anything
    that does not parse is replaced, since backends trust this header.
    """
    sent = exchange.request.derived.sent_trace_id
    if sent is None:
        return ids.trace_id(exchange.epoch)
    root = _ROOT.search(sent)
    if root is None:
        return ids.trace_id(exchange.epoch)
    parent = _PARENT.search(sent)
    sampled = _SAMPLED.search(sent)
    return (
        f"Root={root[1]};Parent={parent[1] if parent else ids.parent_id()}"
        f";Sampled={sampled[1] if sampled else '0'}"
    )
