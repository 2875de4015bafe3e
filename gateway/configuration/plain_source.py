"""Text with nothing wrong in it → plain values, in a tenth of the time that places take.

`yaml_source` is the one that judges: whatever is unusual here (a mistake, a tag, a bound that is
near) is left to it, so that what both read is the same, and it alone has words for mistakes.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from gateway.configuration.yaml_scalars import (
    NUMBER_CHARACTERS,
    LongNumberError,
    plain_scalar,
    whole_number,
)


class UnusualError(Exception):
    """Somebody else must read this."""


def plain_value(text: str, *, depth: int, nodes: int, characters: int) -> Any:
    """Return the value of one document of at most so many nested collections and values.

    Aliases repeat at most so many characters.

    Raises:
        UnusualError: there is something that this does not read, be it right or wrong.
    """
    if text.startswith("{"):
        try:
            return _of_json(text, depth, nodes)
        except (UnusualError, ValueError, RecursionError):
            # YAML's flow style looks like JSON, and is read below.
            pass
    try:
        return _of_events(text, depth, nodes, characters)
    except (yaml.YAMLError, LongNumberError) as error:
        raise UnusualError from error


_SAME_IN_YAML: Final = re.compile(
    "[ -~\r\n\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)
"""What means the same in JSON and YAML wherever it stands: some line ends of Unicode do not."""

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""No character by itself, and refused by YAML."""

_KEY_APART: Final = re.compile(r'"(?: {9}| *[\r\n])\s*:')
"""A key that is far from its colon, or in another line: YAML refuses that."""

_KEY_CHARACTERS: Final = 160
"""YAML refuses keys that take more than 1,024 as they are written, with six for an escape."""


def _of_json(text: str, depth: int, nodes: int) -> Any:
    if _SAME_IN_YAML.fullmatch(text) is None or _SURROGATE.search(text) or _KEY_APART.search(text):
        raise UnusualError
    value = _JSON.decode(text)
    level: list[Any] = [value]
    count = 1
    for _ in range(depth):
        held = [
            each
            for collection in level
            for each in (collection.values() if type(collection) is dict else collection)
        ]
        count += len(held)
        if count > nodes:
            raise UnusualError
        level = [each for each in held if type(each) is dict or type(each) is list]
        if not level:
            return value
    raise UnusualError


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if (
        len(value) < len(pairs)
        or "<<" in value
        or max(map(len, value), default=0) > _KEY_CHARACTERS
    ):
        raise UnusualError
    return value


def _integer(text: str) -> int:
    return whole_number(_bounded(text))


def _float(text: str) -> float:
    return float(_bounded(text))


def _bounded(text: str) -> str:
    if len(text) > NUMBER_CHARACTERS:
        raise UnusualError
    return text


def _constant(_: str) -> Any:
    """`NaN` and its like are text in YAML."""
    raise UnusualError


_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_mapping, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


class _Open:
    """A collection whose end has not come."""

    __slots__ = ("anchor", "key", "start", "value")

    def __init__(self, value: Any, anchor: str | None, start: int) -> None:
        self.value = value
        """A dict or a list."""
        self.anchor = anchor
        self.start = start
        """Values that came before it."""
        self.key: str | None = None
        """Of the mapping's next member."""


def _of_events(text: str, depth: int, nodes: int, characters: int) -> Any:
    parser = yaml.CSafeLoader(text)
    parser.get_event()
    if type(parser.get_event()) is not yaml.DocumentStartEvent:
        return None
    value = _Reader(parser, depth, nodes, characters).read()
    parser.get_event()
    if type(parser.get_event()) is not yaml.StreamEndEvent:
        raise UnusualError
    return value


class _Reader:
    """Reads one value from the parser's events. Not recursive: nesting costs no stack."""

    def __init__(self, parser: Any, depth: int, nodes: int, characters: int) -> None:
        self._get_event = parser.get_event
        self._depth = depth
        self._nodes = nodes
        self._characters = characters
        """What aliases may still repeat."""
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        """Values with how many they are, and their characters."""
        self._stack: list[_Open] = []
        self._count = 0

    def read(self) -> Any:
        """Return the value that begins with the next event."""
        root = self._value(self._get_event())
        stack = self._stack
        while stack:
            top = stack[-1]
            event = self._get_event()
            kind = type(event)
            if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end(stack.pop())
            elif type(top.value) is list:
                top.value.append(self._value(event))
            elif top.key is None:
                top.key = _key(event, top.value)
            else:
                key, top.key = top.key, None
                top.value[key] = self._value(event)
        return root

    def _value(self, event: Any) -> Any:
        """Return the value that an event is or begins, and count it."""
        kind = type(event)
        if kind is yaml.AliasEvent:
            # Not yet there: it stands in what it names, or names nothing.
            unknown = None, self._nodes + 1, 0
            value, size, characters = self._anchors.get(event.anchor, unknown)
            self._characters -= characters
            if self._characters < 0:
                raise UnusualError
            return self._counted(value, size)
        if event.tag is not None:
            raise UnusualError
        if kind is yaml.ScalarEvent:
            # Quoted and block scalars are text whatever they say.
            value = plain_scalar(event.value) if event.implicit[0] else event.value
            if event.anchor is not None:
                self._anchors[event.anchor] = value, 1, _characters(value)
            return self._counted(value, 1)
        value = {} if kind is yaml.MappingStartEvent else []
        self._stack.append(_Open(value, event.anchor, self._count))
        if len(self._stack) > self._depth:
            raise UnusualError
        return self._counted(value, 1)

    def _counted(self, value: Any, size: int) -> Any:
        self._count += size
        if self._count > self._nodes:
            raise UnusualError
        return value

    def _end(self, ended: _Open) -> None:
        if ended.anchor is not None:
            size = self._count - ended.start
            self._anchors[ended.anchor] = ended.value, size, _characters(ended.value)


def _characters(value: Any) -> int:
    """Return how many characters the text in a value has, that of keys included."""
    held, count = [value], 0
    while held:
        each = held.pop()
        if type(each) is str:
            count += len(each)
        elif type(each) is dict:
            held += each
            held += each.values()
        elif type(each) is list:
            held += each
    return count


def _key(event: Any, members: dict[str, Any]) -> str:
    if type(event) is not yaml.ScalarEvent or event.tag is not None or event.anchor is not None:
        raise UnusualError
    key: str = event.value
    if key in members or key == "<<":
        raise UnusualError
    if event.implicit[0] and len(key) > NUMBER_CHARACTERS:
        plain_scalar(key)
    return key
