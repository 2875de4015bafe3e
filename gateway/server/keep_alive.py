"""What a backend says of how long it keeps a connection: the parameter of `Keep-Alive`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_TIMEOUT: Final = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*\"?(\d{1,6})", re.IGNORECASE)

_MARGIN_SECONDS: Final = 1.0
"""Let go so long before the backend does: a request on its way would meet a closed connection."""


def idle_seconds_of(headers: Iterable[tuple[bytes, bytes]], most: float) -> float:
    """Return how long a connection may stay unused, after an answer with these headers.

    `Keep-Alive: timeout=5` (RFC 2068 section 19.7.1.1) lowers the `most` that the settings allow,
    with a second's margin, or half of the time where that is less.
    """
    for name, value in headers:
        # By length first: of the usual names only few have it.
        if len(name) == 10 and name.lower() == b"keep-alive":
            found = _TIMEOUT.search(value)
            if found is not None:
                seconds = float(found[1])
                return min(most, max(seconds - _MARGIN_SECONDS, seconds / 2))
    return most
