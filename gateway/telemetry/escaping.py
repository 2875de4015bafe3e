"""Makes clients' text safe to log: no value can end a line, a string, a field or an element.

Every function returns printable text only; what is not printable (control characters, line
separators, bytes that are no UTF-8) becomes a backslash escape that shows its number.
Values are cut at `MOST_CHARACTERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

MOST_CHARACTERS: Final = 4096
"""Characters kept of one value: more than half of the longest request line."""

MOST_REMEMBERED: Final = 1024
"""Values whose escaped form is remembered."""

_NOT_PLAIN_ASCII: Final = re.compile(r"[^\x20-\x7e]")


def _cut(value: str) -> str:
    return value if len(value) <= MOST_CHARACTERS else value[:MOST_CHARACTERS] + "[TRUNCATED]"


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # A byte that is no UTF-8, as surrogateescape passes it.
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shown_in_json(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        # Strict JSON readers refuse a lone surrogate, escaped or not: show the byte as text.
        return "\\" + _shown(match)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def visible(value: str) -> str:
    """Escape what is not printable; a newline becomes its four-character hexadecimal form."""
    value = _cut(value)
    return value if value.isprintable() else _NOT_PLAIN_ASCII.sub(_shown, value)


def json_text(value: str) -> str:
    """Escape for the inside of a JSON string."""
    # Three scans in C: nearly every value passes here unchanged.
    if value.isprintable() and '"' not in value and "\\" not in value:
        return _cut(value)
    escaped = encode_basestring(_cut(value))[1:-1]
    return escaped if escaped.isprintable() else _NOT_PLAIN_ASCII.sub(_shown_in_json, escaped)


def quoted_text(value: str) -> str:
    """Escape for a line of text, in which values may stand in double quotes."""
    return visible(_cut(value).replace("\\", "\\\\").replace('"', '\\"'))


def xml_text(value: str) -> str:
    """Escape for XML, both between tags and in attributes."""
    value = _cut(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    value = value.replace('"', "&quot;").replace("'", "&#39;")
    return value if value.isprintable() else _NOT_PLAIN_ASCII.sub(_shown, value)


def csv_field(value: str) -> str:
    """Quote for a field of a CSV line (RFC 4180) where the value needs it."""
    value = visible(value)
    if '"' in value or "," in value:
        return '"' + value.replace('"', '""') + '"'
    return value


def quoted_csv_text(value: str) -> str:
    """Escape for the inside of a CSV field that stands in double quotes already (RFC 4180)."""
    return visible(value).replace('"', '""')


class Remembered(dict[Any, str]):
    """Values that requests have in common, with their escaped forms: found without a call."""

    def __init__(self, escape: Callable[[Any], str]) -> None:
        super().__init__()
        self._escape = escape

    def __missing__(self, value: Any) -> str:
        escaped = self._escape(value)
        if len(self) >= MOST_REMEMBERED:
            # Clients chose some of them: begin anew rather than keep what came first.
            self.clear()
        self[value] = escaped
        return escaped
