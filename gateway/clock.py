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
from typing import ClassVar, Final, Protocol


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

    now: ClassVar = staticmethod(time.monotonic)
    epoch: ClassVar = staticmethod(time.time)


draw = random.random
"""Return a number in [0, 1): who gets the canary. Not for secrets."""

_BATCH: Final = 256
"""Ids made at a time: one system call serves them all, and a list's pop costs next to nothing."""

_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""A random hexadecimal digit to one whose two high bits are `10` (RFC 9562 section 4.1)."""


class IdMinter:
    """Mints request ids and trace ids from batches of the kernel's random bytes."""

    __slots__ = ("_extended", "_random_bytes", "_requests", "_root", "_second", "_traces")

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._requests: list[str] = []
        self._extended: list[str] = []
        self._traces: list[str] = []
        self._second = -1
        self._root = ""

    def request_id(self) -> str:
        """Return a version 4 UUID (RFC 9562 section 5.4) as text, like x-amzn-RequestId."""
        if not self._requests:
            digits = self._random_bytes(16 * _BATCH).hex()
            self._requests = [
                f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-4{digits[i + 13 : i + 16]}"
                f"-{_VARIANTS[digits[i + 16]]}{digits[i + 17 : i + 20]}-{digits[i + 20 : i + 32]}"
                for i in range(0, 32 * _BATCH, 32)
            ]
        return self._requests.pop()

    def extended_request_id(self) -> str:
        """Return a 16-character id that ends with `=`, like x-amz-apigw-id."""
        if not self._extended:
            text = binascii.b2a_base64(self._random_bytes(12 * _BATCH), newline=False).decode()
            self._extended = [f"{text[i : i + 15]}=" for i in range(0, 16 * _BATCH, 16)]
        return self._extended.pop()

    def trace_id(self, epoch: float) -> str:
        """Return a new X-Ray trace: `Root=1-{8 digits of epoch}-{24};Parent={16};Sampled=0`."""
        second = int(epoch)
        if second != self._second:
            self._second = second
            self._root = f"Root=1-{second:08x}-"
        if not self._traces:
            digits = self._random_bytes(20 * _BATCH).hex()
            self._traces = [
                f"{digits[i : i + 24]};Parent={digits[i + 24 : i + 40]};Sampled=0"
                for i in range(0, 40 * _BATCH, 40)
            ]
        return self._root + self._traces.pop()

    def parent_id(self) -> str:
        """Return an X-Ray segment id, 16 hexadecimal digits."""
        return self._random_bytes(8).hex()
