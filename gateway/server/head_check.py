"""What the edge would say to a request's head, without a connection: for `explain`.

It calls what a connection calls, in the same order, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.server.head_reader import HeadReader
from gateway.server.parser import EXPECT, NO_BODY
from gateway.server.refusal import Refusal, RefusedError
from gateway.server.request_body import check_expectation, has_framing, length_of
from gateway.server.target import Hosts
from gateway.settings import Limits


def refusal_of_head(
    method: str, target: str, headers: Sequence[tuple[bytes, bytes]], limits: Limits
) -> Refusal | None:
    """Return the answer that a head gets before any API is looked at; None: it is read.

    Args:
        method: As on the wire.
        target: Path and query, as on the wire; Latin-1.
        headers: Names and values in order, with Host.
        limits: Bounds of heads and bodies.
    """
    lines = [f"{method} {target} HTTP/1.1".encode("latin-1")]
    lines += [b"%b: %b" % header for header in headers]
    reader = HeadReader(limits, Hosts())
    try:
        reader.read(b"\r\n".join(lines) + b"\r\n\r\n")
        head = reader.head
        if head is None:
            return None
        if reader.payload is not NO_BODY or has_framing(head.headers):
            length_of(head, limits.body_bytes)
        if EXPECT in head.headers:
            check_expectation(head.headers)
    except RefusedError as refused:
        return refused.refusal
    return None
