"""Where a chunked message ends (RFC 9112 section 7.1): sizes are followed, nothing is decoded.

The parser decodes and checks. It must never be fed past the end of a message, and cannot say where
that is before it is fed; a body may be full of what looks like an end. So sizes are followed here,
and whoever feeds the parser compares: where the two disagree, the message is refused. No I/O.
"""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,12})[;\r \t]")
"""A chunk's size, followed by an extension or the line's end; 12 digits are 256 TiB."""

LINE_BYTES: Final = 16_384
"""Longest line of framing that is read: a size with its extensions, or a trailer."""

_FORBIDDEN_TRAILERS: Final = frozenset({b"content-length", b"host", b"transfer-encoding"})
"""RFC 9110 section 6.5.1: a recipient that merged them would be misled."""

_IN_SIZE: Final = 0
_IN_DATA: Final = 1
_IN_TRAILERS: Final = 2
_UNREADABLE: Final = 3


class ChunkScanner:
    """Follows one chunked message through its segments."""

    __slots__ = ("_left", "_line", "_state", "is_ended", "is_forbidden", "is_too_long")

    def __init__(self) -> None:
        self._state = _IN_SIZE
        self._left = 0
        """Bytes of the present chunk still to come, with the line end after them."""
        self._line = b""
        """An unfinished line of framing."""
        self.is_ended = False
        """Whether the end of the message was seen."""
        self.is_too_long = False
        """Whether a line exceeded `LINE_BYTES`."""
        self.is_forbidden = False
        """Whether a trailer is one that decides over framing or routing."""

    def __repr__(self) -> str:
        state = ("size", "data", "trailers", "unreadable")[self._state]
        return f"<ChunkScanner {'ended' if self.is_ended else state}, {self._left} left>"

    def scan(self, data: bytes) -> int:
        """Return how many bytes of `data` belong to the message: all of them, unless it ends.

        From a line on that cannot be read, everything belongs to it: the parser will refuse it.
        """
        position = 0
        while position < len(data) and not self.is_ended:
            if self._state == _IN_DATA:
                step = min(self._left, len(data) - position)
                self._left -= step
                position += step
                if not self._left:
                    self._state = _IN_SIZE
            elif self._state == _UNREADABLE:
                return len(data)
            else:
                position = self._read_line(data, position)
        return position

    def _read_line(self, data: bytes, position: int) -> int:
        """Read a line of framing, or hold what there is of it; return where to go on."""
        end = data.find(b"\n", position, position + LINE_BYTES) + 1
        line = self._line + data[position : end or position + LINE_BYTES]
        if not end:
            self._line = line
            if len(line) >= LINE_BYTES:
                self._state = _UNREADABLE
                self.is_too_long = True
            return len(data)
        self._line = b""
        if self._state == _IN_TRAILERS:
            self.is_ended = line == b"\r\n"
            if line.partition(b":")[0].lower() in _FORBIDDEN_TRAILERS:
                self.is_forbidden = True
            return end
        found = _SIZE.match(line)
        size = int(found[1], 16) if found else None
        if size is None:
            self._state = _UNREADABLE
        elif size == 0:
            self._state = _IN_TRAILERS
        else:
            self._left = size + 2
            self._state = _IN_DATA
        return end
