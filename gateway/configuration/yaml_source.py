"""YAML text → plain values that remember where each of them was written.

Keys are always text. Size, depth and what aliases expand to are bounded before any value is built
from them; text with nothing wrong in it is read without its places (see `plain_source`), which are
looked up when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from gateway.configuration.plain_source import UnusualError, plain_value
from gateway.configuration.yaml_scalars import NUMBER_CHARACTERS, LongNumberError, plain_scalar
from gateway.definitions.codec import shown
from gateway.errors import Problem

SOURCE_BYTES: Final = 2 * 1024 * 1024
"""Bytes of one file."""
DEPTH: Final = 64
"""Mappings and lists inside one another."""
NODES: Final = 100_000
"""Values of one file, those counted again that aliases repeat."""
CHARACTERS: Final = 16 * SOURCE_BYTES
"""Characters that aliases repeat in one file: a megabyte and a thousand aliases are a gigabyte."""
_CORE: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = {"null": type(None), "bool": bool, "int": int, "float": float, "str": str}

Mark = tuple[int, int]
"""Line and column, 1-based."""


@dataclass(slots=True)
class _Node:
    """A value with its place. Built once, then only read."""

    mark: Mark
    value: Any
    members: dict[str, _Node] | list[_Node] | None = None
    keys: dict[str, Mark] = field(default_factory=dict)
    size: int = 1
    characters: int = 0


class Positions:
    """Finds the line and column of a dotted path in one source.

    Most sources are never asked: they are read a second time, for their places, when they are.
    """

    __slots__ = ("_content", "_root")

    def __init__(self, root: _Node | None = None, *, content: bytes | None = None) -> None:
        """Take a document's root, or the content that holds it."""
        self._root = root
        self._content = content

    def find(self, path: str) -> Mark:
        """Return line and column of what a path names, or of what encloses it most closely.

        A member's place is that of its key. Keys may hold dots themselves: the longest that fits
        counts, so `resources./v1.0/pets.GET` is found.
        """
        if self._content is not None:
            self._root, _ = _read(self._content, "")
            self._content = None
        if self._root is None:
            return (1, 1)
        node, mark, rest = self._root, self._root.mark, path
        while rest:
            step = _step(node, rest)
            if step is None:
                break
            node, mark, rest = step
        return mark


def _step(node: _Node, rest: str) -> tuple[_Node, Mark, str] | None:
    if isinstance(node.members, list):
        index, bracket, after = rest.removeprefix("[").partition("]")
        if not (bracket and index.isdigit() and int(index) < len(node.members)):
            return None
        member = node.members[int(index)]
        return member, member.mark, after.removeprefix(".")
    for end in _ends(rest):
        member_ = (node.members or {}).get(rest[:end])
        if member_ is not None:
            return member_, node.keys[rest[:end]], rest[end:].removeprefix(".")
    return None


def _ends(rest: str) -> Iterator[int]:
    yield len(rest)
    for end in range(len(rest) - 1, 0, -1):
        if rest[end] in ".[":
            yield end


@dataclass(frozen=True, slots=True)
class Source:
    """What a file holds. With problems, `value` is what could be read before them."""

    value: Any
    positions: Positions
    problems: tuple[Problem, ...]


class _Refused(Exception):  # noqa: N818 (ends reading; it is reported as a Problem)
    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark


def parse(content: bytes, file: str) -> Source:
    """Read one YAML (or JSON) document; never raises for what it holds.

    `file` is the name that problems carry.
    """
    if len(content) <= SOURCE_BYTES:
        try:
            value = plain_value(
                content.decode("utf-8-sig"), depth=DEPTH, nodes=NODES, characters=CHARACTERS
            )
            return Source(value, Positions(content=content), ())
        except (UnusualError, UnicodeDecodeError):
            # What is wrong, if anything, is found out below.
            pass
    root, problems = _read(content, file)
    return Source(None if root is None else root.value, Positions(root), problems)


def _read(content: bytes, file: str) -> tuple[_Node | None, tuple[Problem, ...]]:
    """Return a document's root, as far as it can be read, and what is wrong."""
    reader = _Reader(file)
    root: _Node | None = None
    try:
        root = reader.read(content)
    except _Refused as refusal:
        reader.add(refusal.mark, str(refusal))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        text = " ".join(part for part in (error.context, error.problem) if part)
        place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        reader.add(place, f"is no valid YAML: {text}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        text = str(error).splitlines()[0]
        reader.add(_byte_mark(content, error), f"is no valid YAML: {text}; save it as UTF-8 text")
    return root, tuple(reader.problems)


def _byte_mark(content: bytes, error: Exception) -> Mark:
    start = getattr(error, "start", getattr(error, "position", 0)) or 0
    before = content[:start]
    return before.count(b"\n") + 1, start - (before.rfind(b"\n") + 1) + 1


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


class _Reader:
    """Builds nodes from the parser's events.

    Not PyYAML's own composer: its recursion in C has no bound, so nesting alone could end the
    process before anything could be counted.
    """

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._anchors: dict[str, _Node] = {}
        self._nodes = 0
        self._repeated = 0
        self._events: Iterator[yaml.Event] = iter(())

    def add(self, mark: Mark, message: str) -> None:
        """Report a problem; reading goes on."""
        self.problems.append(Problem("", message, self._file, *mark))

    def read(self, content: bytes) -> _Node | None:
        """Return the only document's root."""
        if len(content) > SOURCE_BYTES:
            raise _Refused((1, 1), f"has more than {SOURCE_BYTES} bytes; split the API")
        # Decoded here, because YAML would also take UTF-16, which nobody means.
        self._events = yaml.parse(content.decode("utf-8-sig"), Loader=yaml.CSafeLoader)
        root: _Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused(_mark(event), "holds a second document; keep one per file")
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, 0)
        return root

    def _node(self, event: yaml.NodeEvent, depth: int) -> _Node:
        mark = _mark(event)
        if depth > DEPTH:
            raise _Refused(mark, f"is nested more than {DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            node = self._anchors.get(event.anchor or "")
            if node is None:
                raise _Refused(mark, f"no anchor &{event.anchor} stands before this alias")
            self._count(node.size, mark)
            self._repeat(node.characters, mark)
            return node
        self._count(1, mark)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
            node = _Node(mark, value, characters=len(value) if type(value) is str else 0)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_collection_tag(event, "seq")
            node = self._sequence(mark, depth)
        else:
            assert isinstance(event, yaml.MappingStartEvent)  # noqa: S101 (no other kind is left)
            self._check_collection_tag(event, "map")
            node = self._mapping(mark, depth)
        if event.anchor:
            # After its content: an alias inside its own anchor would never end.
            self._anchors[event.anchor] = node
        return node

    def _count(self, size: int, mark: Mark) -> None:
        self._nodes += size
        if self._nodes > NODES:
            text = f"more than {NODES} values, aliases expanded; split the API or repeat less"
            raise _Refused(mark, text)

    def _repeat(self, characters: int, mark: Mark) -> None:
        self._repeated += characters
        if self._repeated > CHARACTERS:
            text = f"aliases repeat more than {CHARACTERS} characters; split the API or repeat less"
            raise _Refused(mark, text)

    def _sequence(self, mark: Mark, depth: int) -> _Node:
        members = [self._node(event, depth + 1) for event in self._until(yaml.SequenceEndEvent)]
        size = 1 + sum(member.size for member in members)
        characters = sum(member.characters for member in members)
        value = [member.value for member in members]
        return _Node(mark, value, members, size=size, characters=characters)

    def _mapping(self, mark: Mark, depth: int) -> _Node:
        members: dict[str, _Node] = {}
        keys: dict[str, Mark] = {}
        for event in self._until(yaml.MappingEndEvent):
            place = _mark(event)
            key = self._key(event, place)
            member = self._node(next(self._events), depth + 1)  # type: ignore[arg-type]
            if key == "<<":
                self.add(place, "merge keys (<<) are not YAML 1.2; write the members out")
            elif key in members:
                line = keys[key][0]
                self.add(place, f"the key {shown(key)} stands here again; first in line {line}")
            else:
                members[key] = member
                keys[key] = place
        size = 1 + sum(member.size for member in members.values())
        characters = sum(len(key) + member.characters for key, member in members.items())
        value = {key: member.value for key, member in members.items()}
        return _Node(mark, value, members, keys, size, characters)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.NodeEvent]:
        for event in self._events:
            if isinstance(event, end):
                return
            assert isinstance(event, yaml.NodeEvent)  # noqa: S101 (what YAML's grammar promises)
            yield event

    def _key(self, event: yaml.NodeEvent, mark: Mark) -> str:
        if isinstance(event, yaml.AliasEvent):
            aliased = self._node(event, 0).value
            if isinstance(aliased, str):
                return aliased
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            return str(event.value)
        raise _Refused(mark, "a key must be text, not a mapping or list")

    def _check_collection_tag(self, event: yaml.CollectionStartEvent, kind: str) -> None:
        if event.tag not in (None, "!", _CORE + kind):
            self.add(_mark(event), f"the tag {shown(event.tag)} means nothing here; remove it")

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = str(event.value)
        if event.tag is None:
            # Quoted and block scalars are text whatever they say.
            return self._plain(text, _mark(event)) if event.implicit[0] else text
        kind = _SCALAR_TAGS.get(event.tag.removeprefix(_CORE))
        if event.tag == "!" or kind is str:
            return text
        if kind is None or not event.tag.startswith(_CORE):
            self.add(_mark(event), f"the tag {shown(event.tag)} means nothing here; remove it")
            return text
        value = self._plain(text, _mark(event))
        if not isinstance(value, kind):
            self.add(_mark(event), f"{shown(text)} is not what its tag says; remove the tag")
        return value

    def _plain(self, text: str, mark: Mark) -> Any:
        try:
            return plain_scalar(text)
        except LongNumberError:
            self.add(mark, f"a number has at most {NUMBER_CHARACTERS} characters; or quote it")
            return text
