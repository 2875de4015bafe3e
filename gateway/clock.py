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

_ID_LINES: Final = b"x-amzn-RequestId: %b\r\nx-amz-apigw-id: %b"

_ROW: Final = _ID_LINES % (b"########-####-4###-####-############", b"#" * 15 + b"=") + b"\f"
"""`#` is where chance goes: first the request id's digits, then those of the extended one.
The form feed ends a row: white space that no header line has, so that a batch is taken apart by
two splits."""
_UUID_DIGITS: Final = 31
"""Those of a UUID that are random; its thirteenth is the version (RFC 9562 section 5.4)."""
_VARIANT_COLUMN: Final = _ROW.index(b"#") + 19
_VARIANTS: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
"""A random hexadecimal digit to one whose two high bits are `10` (RFC 9562 section 4.1)."""

_TRACE: Final = b"#" * 24 + b";Parent=" + b"#" * 16 + b";Sampled=0 "


def id_lines(request_id: str, extended_request_id: str) -> bytes:
    """Return the header lines that tell a client its request's ids, without the last CRLF."""
    return _ID_LINES % (request_id.encode("ascii"), extended_request_id.encode("ascii"))


class IdMinter:
    """Mints request ids and trace ids from batches of the kernel's random bytes."""

    __slots__ = ("_random_bytes", "_requests", "_root", "_second_ends", "_traces")

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._requests: list[tuple[str, str, bytes]] = []
        self._traces: list[str] = []
        self._second_ends = 0.0
        """When the second of `_root` is over; seconds since 1970."""
        self._root = ""

    def request_ids(self) -> tuple[str, str, bytes]:
        """Return a request id, an extended request id, and their `id_lines`.

        The first is a version 4 UUID (RFC 9562 section 5.4) as text, like x-amzn-RequestId; the
        second has 16 characters and ends with `=`, like x-amz-apigw-id.
        """
        if not self._requests:
            self._requests = self._mint()
        return self._requests.pop()

    def request_id(self) -> str:
        """Return a request id alone."""
        return self.request_ids()[0]

    def _mint(self) -> list[tuple[str, str, bytes]]:
        digits = self._random_bytes(16 * _BATCH).hex().encode("ascii")
        others = binascii.b2a_base64(self._random_bytes(12 * _BATCH), newline=False)
        chance = digits[: _UUID_DIGITS * _BATCH] + others
        rows = _filled(_ROW, chance)
        variants = slice(_VARIANT_COLUMN, None, len(_ROW))
        rows[variants] = rows[variants].translate(_VARIANTS)
        # Of each row: a name, the request id, a name, the extended request id.
        words = rows.decode("ascii").split()
        lines = bytes(rows).split(b"\f")
        return list(zip(words[1::4], words[3::4], lines, strict=False))

    def trace_id(self, epoch: float) -> str:
        """Return a new X-Ray trace: `Root=1-{8 digits of epoch}-{24};Parent={16};Sampled=0`."""
        ends = self._second_ends
        if not ends - 1.0 <= epoch < ends:
            second = int(epoch)
            self._second_ends = second + 1.0
            self._root = f"Root=1-{second:08x}-"
        if not self._traces:
            digits = self._random_bytes(20 * _BATCH).hex().encode("ascii")
            self._traces = _filled(_TRACE, digits).decode("ascii").split()
        return self._root + self._traces.pop()

    def parent_id(self) -> str:
        """Return an X-Ray segment id, 16 hexadecimal digits."""
        return self._random_bytes(8).hex()


def _filled(row: bytes, chance: bytes) -> bytearray:
    """Return a batch of rows, whose `#` are filled from `chance` column by column.

    Rows are of equal width, so that a slice with the width as its step is a column: one write for
    256 requests. Pieces for each id, joined, cost three times as much.
    """
    rows = bytearray(row * _BATCH)
    columns = (place for place, sign in enumerate(row) if sign == ord("#"))
    for number, column in enumerate(columns):
        rows[column :: len(row)] = chance[number * _BATCH : (number + 1) * _BATCH]
    return rows
