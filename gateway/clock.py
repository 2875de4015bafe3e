"""Where time and chance enter: everything else takes them as arguments.

Times named `now` are seconds of CLOCK_MONOTONIC (one clock for all processes of a machine, so that
shared token buckets agree); times named `epoch` are seconds since 1970.
"""

from __future__ import annotations

import binascii
import os
import random
import time
from collections.abc import Callable
from typing import Final, Protocol


class Clock(Protocol):
    """A source of time; tests pass one that they move by hand."""

    def now(self) -> float:
        """Return seconds of CLOCK_MONOTONIC."""
        ...

    def epoch(self) -> float:
        """Return seconds since 1970."""
        ...


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.monotonic)
    epoch = staticmethod(time.time)


draw = random.random
"""Return a number in [0, 1): who gets the canary. Not for secrets."""

_BATCH_BYTES: Final = 8192
"""Random bytes are fetched in batches: one system call serves some 300 requests."""


class IdMinter:
    """Mints request ids and trace ids from batches of the kernel's random bytes."""

    __slots__ = ("_hex", "_position", "_random_bytes")

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._hex = ""
        self._position = 0

    def hex(self, digits: int) -> str:
        """Return `digits` random lower-case hexadecimal digits."""
        start = self._position
        end = start + digits
        if end > len(self._hex):
            self._hex = self._random_bytes(_BATCH_BYTES).hex()
            start, end = 0, digits
        self._position = end
        return self._hex[start:end]

    def request_id(self) -> str:
        """Return a version 4 UUID (RFC 9562 section 5.4) as text, like x-amzn-RequestId."""
        digits = self.hex(32)
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )

    def extended_request_id(self) -> str:
        """Return a 16-character id that ends with `=`, like x-amz-apigw-id."""
        return binascii.b2a_base64(bytes.fromhex(self.hex(22)), newline=False).decode("ascii")

    def trace_root(self, epoch: float) -> str:
        """Return an X-Ray root id, `1-{8 hex digits of epoch}-{24 hex digits}`."""
        return f"1-{int(epoch):08x}-{self.hex(24)}"
