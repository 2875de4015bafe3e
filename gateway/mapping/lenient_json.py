"""Reading `statusCode` out of what MOCK templates render, leniently (semantics sheet 10.6).

Taken besides JSON: keys without quotes, single quotes, trailing commas, anything after the closing
brace. One pass over the text, no recursion, bounded depth.
"""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from typing import Final

NESTING: Final = 256
"""Deepest nesting of objects and arrays that is looked into."""
STATUS_DIGITS: Final = 18
"""Most digits of a status code. AWS takes any integer; more digits than these select nothing."""

_WORD_OR_MARK: Final = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<mark>[{}\[\]:,])
      | (?P<word>
            "[^"\\]*+(?:\\.[^"\\]*+)*+"
          | '[^'\\]*+(?:\\.[^'\\]*+)*+'
          | [^\s{}\[\]:,"'\\]++
        )
    )""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER: Final = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{STATUS_DIGITS - 1}}})")


class _Expect(Enum):
    """What may come next."""

    OBJECT = auto()
    """The outermost opening brace."""
    KEY = auto()
    """A key, or the object's end."""
    COLON = auto()
    VALUE = auto()
    ITEM = auto()
    """A value, or the array's end."""
    COMMA = auto()
    """A comma, or the end of the object or array."""


_MARKS: Final = {
    "{": {_Expect.OBJECT, _Expect.VALUE, _Expect.ITEM},
    "[": {_Expect.VALUE, _Expect.ITEM},
    "}": {_Expect.KEY, _Expect.COMMA},
    "]": {_Expect.ITEM, _Expect.COMMA},
    ":": {_Expect.COLON},
    ",": {_Expect.COMMA},
}
"""Mark to where it may stand."""
_INSIDE: Final = {"{": _Expect.KEY, "[": _Expect.ITEM}
_OPENING: Final = {"}": "{", "]": "["}


def status_code(text: str) -> int | None:
    """Return the integer `statusCode` of the object that the text starts with.

    `{statusCode: 200}` gives 200; None when there is no such object, or no such integer in it:
    `{"statusCode": "200"}`, `{"statusCode": 200`. Of several the last one counts, as in JSON.
    """
    reader = _Reader()
    position = 0
    while (match := _WORD_OR_MARK.match(text, position)) is not None:
        position = match.end()
        mark = match["mark"]
        if not (reader.word(match["word"]) if mark is None else reader.mark(mark)):
            return None
        if not reader.opened:
            return int(reader.found) if _INTEGER.fullmatch(reader.found) else None
    return None


class _Reader:
    """Takes words and marks one by one; says no to what cannot stand where it stands."""

    __slots__ = ("expect", "found", "key", "opened")

    def __init__(self) -> None:
        self.expect = _Expect.OBJECT
        self.opened: list[str] = []
        self.key = ""
        self.found = ""
        """The last value of the outermost `statusCode`, as written."""

    def word(self, word: str) -> bool:
        if self.expect is _Expect.KEY:
            self.key = _unquoted(word)
            self.expect = _Expect.COLON
            return True
        if self.expect is _Expect.VALUE or self.expect is _Expect.ITEM:
            self._note(word)
            self.expect = _Expect.COMMA
            return True
        return False

    def mark(self, mark: str) -> bool:
        if self.expect not in _MARKS[mark]:
            return False
        if mark in _INSIDE:
            self._note(mark)
            self.opened.append(mark)
            self.expect = _INSIDE[mark]
            return len(self.opened) <= NESTING
        if mark in _OPENING:
            self.expect = _Expect.COMMA
            return self.opened.pop() == _OPENING[mark]
        self.expect = _Expect.VALUE if mark == ":" else _INSIDE[self.opened[-1]]
        return True

    def _note(self, value: str) -> None:
        if len(self.opened) == 1 and self.key == "statusCode":
            self.found = value


def _unquoted(word: str) -> str:
    if word[0] not in "\"'":
        return word
    if "\\" in word and word[0] == '"':
        try:
            return str(json.loads(word, strict=False))
        except ValueError:
            return word
    return word[1:-1]
