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

_UUID: Final = b"xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx"
"""RFC 9562 section 5.4."""
_VARIANT_DIGIT: Final = 15
"""Which `x` of a UUID has `10` for its two high bits."""
_VARIANTS: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
"""A random hexadecimal digit to one of those."""
_EXTENDED: Final = b"xxxxxxxxxxxxxxx="
_TRACE: Final = b"xxxxxxxxxxxxxxxxxxxxxxxx;Parent=xxxxxxxxxxxxxxxx;Sampled=0"


class IdMinter:
    """Mints request ids and trace ids from batches of the kernel's random bytes."""

    __slots__ = ("_pairs", "_random_bytes", "_root", "_second", "_traces")

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._pairs: list[tuple[str, str]] = []
        self._traces: list[str] = []
        self._second = -1
        self._root = ""

    def request_ids(self) -> tuple[str, str]:
        """Return the two ids of a request: its own, and the extended one.

        A version 4 UUID (RFC 9562 section 5.4) as text, like x-amzn-RequestId, and 16 characters of
        which the last is `=`, like x-amz-apigw-id.
        """
        if not self._pairs:
            digits = _hexadecimal(self._random_bytes(16 * _BATCH))
            digits[_VARIANT_DIGIT::32] = digits[_VARIANT_DIGIT::32].translate(_VARIANTS)
            extended = binascii.b2a_base64(self._random_bytes(12 * _BATCH), newline=False)
            self._pairs = list(
                zip(_filled(_UUID, digits, 32), _filled(_EXTENDED, extended, 16), strict=True)
            )
        return self._pairs.pop()

    def request_id(self) -> str:
        """Return a request id of its own."""
        return self.request_ids()[0]

    def trace_id(self, epoch: float) -> str:
        """Return a new X-Ray trace: `Root=1-{8 digits of epoch}-{24};Parent={16};Sampled=0`."""
        second = int(epoch)
        if second != self._second:
            self._second = second
            self._root = f"Root=1-{second:08x}-"
        if not self._traces:
            self._traces = _filled(_TRACE, _hexadecimal(self._random_bytes(20 * _BATCH)), 40)
        return self._root + self._traces.pop()

    def parent_id(self) -> str:
        """Return an X-Ray segment id, 16 hexadecimal digits."""
        return self._random_bytes(8).hex()


def _hexadecimal(random_bytes: bytes) -> bytearray:
    return bytearray(random_bytes.hex(), "ascii")


def _filled(pattern: bytes, signs: bytes | bytearray, each: int) -> list[str]:
    """Return `pattern` once for each `each` of `signs`, which take the places of its `x` in turn.

    Place by place for all at once: a third of the cost of one after the other.
    """
    width = len(pattern) + 1
    text = bytearray((pattern + b" ") * (len(signs) // each))
    places = (place for place, sign in enumerate(pattern) if sign == ord("x"))
    for number, place in enumerate(places):
        text[place::width] = signs[number::each]
    return text.decode("ascii").split()
