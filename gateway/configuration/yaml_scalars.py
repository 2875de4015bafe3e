"""YAML 1.2's core scalars, and no others: `yes`, `on`, `1_000` and dates stay text."""

from __future__ import annotations

import re
from typing import Final

NUMBER_CHARACTERS: Final = 64
"""A longer number is refused: it is text that lacks quotes."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    re.ASCII,
)
_NUMBERS_BEGIN: Final = frozenset("+-.0123456789")


class NumberAsWritten(int):
    """A whole number whose text is not its usual one, such as `007`: as text it is that text."""

    text: str

    def __str__(self) -> str:
        return self.text


class LongNumberError(ValueError):
    """A number with more characters than any that is meant as one."""


def plain_scalar(text: str) -> str | float | bool | None:
    """Return what a scalar without quotes stands for.

    Raises:
        LongNumberError: it has more than `NUMBER_CHARACTERS` characters and would be a number.
    """
    if text in _NULLS:
        return None
    if text[0] not in _NUMBERS_BEGIN:
        boolean = _BOOLEANS.get(text)
        return text if boolean is None else boolean
    is_integer = _INTEGER.fullmatch(text) is not None
    if not is_integer and not _FLOAT.fullmatch(text):
        return text
    if len(text) > NUMBER_CHARACTERS:
        raise LongNumberError
    if is_integer:
        return whole_number(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def whole_number(text: str) -> int:
    """Return a whole number, which remembers how it was written where that is not the usual way."""
    number = int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if str(number) == text:
        return number
    written = NumberAsWritten(number)
    written.text = text
    return written
