"""Reads the heads that nearly all answers of backends have, at a third of a parser's cost.

The rule: only what is plain is taken; whatever is not (a status without a body, chunks, two
lengths, an interim answer, a head in parts, anything malformed) is left to `backend_parser`, which
decides. Plain is a head that came whole, of HTTP/1.1, with one Content-Length, and with nothing
that ends the connection.

A backend's answers have most header lines in common, the Date of a second among them: each line is
checked once, and remembered. Bounds: lines and heads remembered are few and short, and all are
forgotten when there are too many, so that ids which never come again cannot crowd out the rest.
"""

from __future__ import annotations

import re
from typing import Any, Final

_MOST_LINES: Final = 1024
_MOST_HEADS: Final = 256
_LONGEST_LINE_BYTES: Final = 256
_LONGEST_HEAD_BYTES: Final = 2048
"""Longer lines and heads are read each time."""
_PLAIN_HEAD_BYTES: Final = 16_384
"""Longer heads are not plain: nor are those of more fields."""
_MOST_FIELDS: Final = 64

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\t \x21-\x7e\x80-\xff]*)?")
_FIELD_LINE: Final = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*((?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*"
    rb"[\x21-\x7e\x80-\xff])?)?)[\t ]*"
)
"""RFC 9112 section 5; a bare CR or LF, or a folded line, does not match."""
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
_BODILESS: Final = frozenset({204, 205, 304})
_NOT_PLAIN: Final = frozenset({b"transfer-encoding", b"upgrade", b"proxy-connection"})
_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"Keep-Alive"})

_NO_LENGTH: Final = -1
_OTHERWISE: Final = -2
"""In place of a line's Content-Length: it has none; it makes its head one that is not plain."""

_Field = tuple[bytes, bytes]


class PlainHead:
    """The head of an answer with a body of known length, after which the connection goes on."""

    __slots__ = ("derived", "headers", "length", "status")

    def __init__(self, status: int, headers: tuple[_Field, ...], length: int) -> None:
        self.status = status
        self.headers = headers
        """Raw and in order."""
        self.length = length
        """Content-Length."""
        self.derived: dict[object, Any] = {}
        """See `EndpointResponse.derived`."""


class PlainHeads:
    """Reads plain heads, and remembers them. One per worker."""

    __slots__ = ("_lines", "_statuses", "heads")

    def __init__(self) -> None:
        self.heads: dict[bytes, PlainHead] = {}
        """Those that are remembered, for a look before `read`."""
        self._lines: dict[bytes, tuple[_Field, int]] = {}
        self._statuses: dict[bytes, int] = {}

    def __repr__(self) -> str:
        return f"<PlainHeads {len(self.heads)} heads, {len(self._lines)} lines>"

    def read(self, head: bytes) -> PlainHead | None:
        """Return what `head` says, without its empty line; None when it is not plain."""
        known = self.heads.get(head)
        return self._parse(head) if known is None else known

    def _parse(self, head: bytes) -> PlainHead | None:
        if len(head) > _PLAIN_HEAD_BYTES:
            return None
        status_line, *lines = head.split(b"\r\n")
        status = self._statuses.get(status_line) or self._read_status(status_line)
        if not status or len(lines) > _MOST_FIELDS:
            return None
        remembered = self._lines
        headers = []
        length = _NO_LENGTH
        for line in lines:
            field, declared = remembered.get(line) or self._read_line(line)
            if declared != _NO_LENGTH:
                if declared == _OTHERWISE or length != _NO_LENGTH:
                    return None
                length = declared
            headers.append(field)
        if length == _NO_LENGTH:
            return None
        plain = PlainHead(status, tuple(headers), length)
        if len(head) <= _LONGEST_HEAD_BYTES:
            if len(self.heads) >= _MOST_HEADS:
                self.heads.clear()
            self.heads[head] = plain
        return plain

    def _read_status(self, line: bytes) -> int:
        """Return the status of a line that was not seen before; 0 when it is not plain."""
        found = _STATUS_LINE.fullmatch(line)
        status = 0 if found is None else int(found[1])
        if status in _BODILESS:
            return 0
        if status and len(line) <= _LONGEST_LINE_BYTES:
            if len(self._statuses) >= _MOST_LINES:
                self._statuses.clear()
            self._statuses[line] = status
        return status

    def _read_line(self, line: bytes) -> tuple[_Field, int]:
        """Return the field of a line that was not seen before, and the length it declares."""
        found = _FIELD_LINE.fullmatch(line)
        if found is None:
            return (line, b""), _OTHERWISE
        name, value = found.groups()
        lower = name.lower()
        declared = _NO_LENGTH
        if lower == b"content-length":
            declared = int(value) if _LENGTH.fullmatch(value) else _OTHERWISE
        elif lower in _NOT_PLAIN or (lower == b"connection" and value not in _PLAIN_CONNECTION):
            declared = _OTHERWISE
        read = (name, value), declared
        if len(line) <= _LONGEST_LINE_BYTES:
            if len(self._lines) >= _MOST_LINES:
                self._lines.clear()
            self._lines[line] = read
        return read
