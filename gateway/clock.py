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

_UUID: Final = b"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"
"""RFC 9562 section 5.4: `x` is any hexadecimal digit, `y` one whose two high bits are `10`."""
_UUID_PLACES: Final = tuple(place for place, sign in enumerate(_UUID) if sign in b"xy")
_VARIANT_PLACE: Final = _UUID.index(b"y")
_VARIANTS: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
"""A random hexadecimal digit to one for `y`."""


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
            self._requests = _uuids(self._random_bytes(16 * _BATCH))
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


def _uuids(random_bytes: bytes) -> list[str]:
    """Return a UUID for each 16 bytes, digit by digit for all at once: a third of one by one."""
    width = len(_UUID)
    digits = random_bytes.hex().encode("ascii")
    text = bytearray(_UUID * (len(random_bytes) // 16))
    for number, place in enumerate(_UUID_PLACES):
        text[place::width] = digits[number::32]
    text[_VARIANT_PLACE::width] = text[_VARIANT_PLACE::width].translate(_VARIANTS)
    all_ = text.decode("ascii")
    return [all_[start : start + width] for start in range(0, len(all_), width)]
