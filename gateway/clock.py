"""Where time and chance enter: everything else takes them as arguments.

Times named `now` are seconds of CLOCK_MONOTONIC (one clock for all processes of a machine, so that
shared token buckets agree); times named `epoch` are seconds since 1970.
"""

from __future__ import annotations

import binascii
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from struct import Struct
from typing import Any, ClassVar, Final, Protocol


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

_BATCH: Final = 128
"""Ids made at a time: one system call serves them all, and the next one is next to nothing.

More would cost a twentieth of a microsecond less for each, and hold a request for longer: 512 take
0.15 to 0.3 ms, 128 a quarter of it."""

_REQUEST_ID_LINE: Final = b"x-amzn-RequestId: %b"
_EXTENDED_ID_LINE: Final = b"\r\nx-amz-apigw-id: %b"
_ID_LINES: Final = _REQUEST_ID_LINE + _EXTENDED_ID_LINE

# How rows look: `#` is where a random hexadecimal digit goes, `?` where one of base64 does. A form
# feed ends an id: white space that no id has, so that one split takes a batch apart.
_IDS: Final = b"########-####-4###-####-############\f???????????????=\f"
_VARIANT_COLUMN: Final = 19
_VARIANTS: Final = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
"""A random hexadecimal digit to one whose two high bits are `10` (RFC 9562 section 4.1)."""
_TRACES: Final = b"#" * 24 + b";Parent=" + b"#" * 16 + b"\f"

_LINES_OF_A_BATCH: Final = Struct(f"{len(_ID_LINES % (b'-' * 36, b'-' * 16))}s" * _BATCH)


_Batch = Callable[[Callable[[int], bytes]], Iterable[Any]]
"""Makes a batch from what returns random bytes."""


def id_lines(request_id: str, extended_request_id: str) -> bytes:
    """Return the header lines that tell a client its request's ids, without the last CRLF."""
    return _ID_LINES % (request_id.encode("ascii"), extended_request_id.encode("ascii"))


class IdMinter:
    """Mints request ids and trace ids from batches of the kernel's random bytes."""

    __slots__ = ("_next_trace", "_random_bytes", "_root", "_second_ends", "request_ids")

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self.request_ids: Callable[[], tuple[str, str, bytes]] = self._endless(_request_ids)
        """Return a request id, an extended request id, and their `id_lines`.

        The first is a version 4 UUID (RFC 9562 section 5.4) as text, like x-amzn-RequestId; the
        second has 16 characters and ends with `=`, like x-amz-apigw-id.
        """
        self._next_trace: Callable[[], str] = self._endless(_traces)
        self._second_ends = 0.0
        """When the second of `_root` is over; seconds since 1970."""
        self._root = ""

    def _endless(self, batch: _Batch) -> Callable[[], Any]:
        """Return what goes from one batch to the next by itself: no call of ours for each id."""
        return chain.from_iterable(iter(partial(self._mint, batch), None)).__next__

    def _mint(self, batch: _Batch) -> Iterable[Any]:
        try:
            return batch(self._random_bytes)
        except BaseException:
            # What has raised has ended for good: whoever asks next begins anew.
            self.request_ids = self._endless(_request_ids)
            self._next_trace = self._endless(_traces)
            raise

    def request_id(self) -> str:
        """Return a request id alone."""
        return self.request_ids()[0]

    def trace_id(self, epoch: float) -> str:
        """Return a new X-Ray trace: `Root=1-{8 digits of epoch}-{24};Parent={16};Sampled=0`."""
        ends = self._second_ends
        if not ends - 1.0 <= epoch < ends:
            second = int(epoch)
            self._second_ends = second + 1.0
            self._root = f"Root=1-{second:08x}-"
        return f"{self._root}{self._next_trace()};Sampled=0"

    def parent_id(self) -> str:
        """Return an X-Ray segment id, 16 hexadecimal digits."""
        return self._random_bytes(8).hex()


def _request_ids(random_bytes: Callable[[int], bytes]) -> Iterator[tuple[str, str, bytes]]:
    """Return a batch of request ids, extended ones, and their lines."""
    rows = _rows(_IDS, random_bytes)
    variants = slice(_VARIANT_COLUMN, None, len(_IDS))
    rows[variants] = rows[variants].translate(_VARIANTS)
    # The extended id comes last of a row, and ends with the only `=`.
    first = _REQUEST_ID_LINE % b""
    lines = first + rows.replace(b"=\f", b"=" + first).replace(b"\f", _EXTENDED_ID_LINE % b"")
    ids = rows.decode("ascii").split("\f")
    return zip(ids[::2], ids[1::2], _LINES_OF_A_BATCH.unpack_from(lines), strict=False)


def _traces(random_bytes: Callable[[int], bytes]) -> list[str]:
    """Return a batch of what differs between traces."""
    return _rows(_TRACES, random_bytes)[:-1].decode("ascii").split("\f")


def _rows(row: bytes, random_bytes: Callable[[int], bytes]) -> bytearray:
    """Return a batch of rows like `row`, its `#` and `?` filled with chance.

    All is random digits at first; then what is none is written over them, column by column. Rows
    are of equal width, so that a slice with the width as its step is a column: one write for the
    whole batch. Pieces for each id, joined, cost three times as much.
    """
    width = len(row)
    rows = bytearray(random_bytes(width * _BATCH // 2).hex().encode("ascii"))
    count = row.count(b"?")
    others = binascii.b2a_base64(random_bytes(count * _BATCH * 3 // 4), newline=False)
    at = 0
    for column, sign in enumerate(row):
        if sign == ord("?"):
            rows[column::width] = others[at : at + _BATCH]
            at += _BATCH
        elif sign != ord("#"):
            rows[column::width] = bytes((sign,)) * _BATCH
    return rows
