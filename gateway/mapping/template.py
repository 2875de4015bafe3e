"""Mapping templates, the part of Velocity that is served so far: text and plain references.

References are `$context.x`, `$stageVariables.x` (also with `['x']`) and `$input.params('x')`, each
also as `${…}` and quietly as `$!…`. Everything else of the language is reported when compiling, by
name and place; nothing of it is ever rendered as if it were text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.context import UnknownVariableError
from gateway.errors import Problem
from gateway.mapping.context_variables import context_variable
from gateway.mapping.lookups import STRIPPED_AT_THE_DOOR, last_header, query_values
from gateway.mapping.media_types import invalid_key, media_type
from gateway.mapping.wire_text import to_bytes
from gateway.messages import Exchange

TEMPLATE_BYTES: Final = 300 * 1024
"""Longest template (AWS's quota)."""
PROBLEMS_PER_TEMPLATE: Final = 10
"""After so many errors the rest is not looked at; more warnings than these are not reported."""

_Getter = Callable[[Exchange], str | None]

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_STRING: Final = r"""'[^'\r\n]*'|"[^"$\#\r\n]*\""""
_CONSTRUCT: Final = re.compile(
    rf"""
    (?P<escape>\\(?=\$!?\{{?{_NAME}|\#[@{{]?{_NAME}|\#\#))
  | (?P<reference>\$!?(?P<brace>\{{?)(?P<root>{_NAME})(?P<rest>
        \.params\(\s*(?P<parameter>{_STRING})\s*\)
      | \[\s*(?P<index>{_STRING})\s*\]
      | (?:\.{_NAME})*)
    )
  | (?P<comment>\#\#|\#\*|\#\[\[)
  | \#(?P<directive>@?\{{?[A-Za-z_][A-Za-z0-9_]*\}}?)(?P<call>\(?)
    """,
    re.VERBOSE,
)
_MORE: Final = re.compile(r"[(\[]|\.[A-Za-z_]")
"""What makes Velocity read on after a reference: a call, an index, a property."""
_DIRECTIVES: Final = frozenset(
    {
        "break",
        "define",
        "else",
        "elseif",
        "end",
        "evaluate",
        "foreach",
        "if",
        "include",
        "macro",
        "parse",
        "set",
        "stop",
    }
)
_COMMENTS: Final = {"##": "comment `##`", "#*": "comment `#*`", "#[[": "unparsed block `#[[`"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """A compiled template."""

    parts: tuple[str | _Getter, ...]
    """Text, and what yields text."""
    constant: str | None
    """The whole result when nothing depends on the request."""

    def render(self, exchange: Exchange) -> str:
        """Return the text for one request; `wire_text.to_bytes` makes bytes of it."""
        if self.constant is not None:
            return self.constant
        return "".join(
            [part if isinstance(part, str) else part(exchange) or "" for part in self.parts]
        )


def compile_template(text: str, path: str, problems: list[Problem]) -> Template | None:
    """Parse a template; None when `problems` got an error that says why it cannot be used.

    A `$context` variable that nobody knows renders as nothing, as on AWS, and is a warning.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > TEMPLATE_BYTES:
        problems.append(
            Problem(path, f"the template has {size} bytes; make it {TEMPLATE_BYTES} or less")
        )
        return None
    compiler = _Compiler(text, path)
    parts = tuple(compiler.parts())
    problems += compiler.errors + compiler.warnings
    if compiler.errors:
        return None
    is_constant = all(isinstance(part, str) for part in parts)
    return Template(
        parts=parts, constant="".join(str(part) for part in parts) if is_constant else None
    )


def compile_templates(
    templates: Mapping[str, str], *, path: str, problems: list[Problem]
) -> dict[str, Template]:
    """Compile templates by media type; the keys come out as `media_types.choose_…` wants them."""
    compiled = {}
    for key, text in templates.items():
        here = f"{path}.{key}"
        reason = invalid_key(key)
        if reason is not None:
            problems.append(Problem(here, reason))
            continue
        template = compile_template(text, here, problems)
        if template is not None:
            compiled[media_type(key)] = template
    return compiled


class _Compiler:
    """One template being parsed. Single use."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def parts(self) -> Iterator[str | _Getter]:
        position = 0
        for match in _CONSTRUCT.finditer(self.text):
            if len(self.errors) >= PROBLEMS_PER_TEMPLATE:
                return
            if match.start() < position:
                continue
            part, end = self._part(match)
            if end == match.start():
                continue
            if match.start() > position:
                yield self.text[position : match.start()]
            position = end
            if part is not None:
                yield part
        if position < len(self.text):
            yield self.text[position:]

    def _part(self, match: re.Match[str]) -> tuple[_Getter | None, int]:
        """Return what a construct yields and where it ends; where it starts: it is mere text."""
        if match["reference"] is not None:
            return self._reference(match)
        if match["escape"] is not None:
            self._unsupported(match, "escaping by `\\`", "leave the backslash out")
        elif match["comment"] is not None:
            self._unsupported(match, f"a {_COMMENTS[match['comment']]}", "remove it")
        else:
            name = match["directive"].strip("@{}")
            if name not in _DIRECTIVES and not match["call"]:
                return None, match.start()
            what = f"directive `#{name}`" if name in _DIRECTIVES else f"macro call `#{name}()`"
            self._unsupported(match, what, "only text and references can be used")
        return None, match.end()

    def _reference(self, match: re.Match[str]) -> tuple[_Getter | None, int]:
        end = match.end()
        following = self.text[end : end + 1]
        written = match["reference"]
        if match["brace"]:
            if following != "}":
                self._error(
                    match, f"`{written}` is not closed where it should be: write `}}` there"
                )
                return None, end
            end += 1
        elif (more := _MORE.match(self.text, end)) is not None:
            self._unsupported(
                match, f"`{written}{more[0]}`", "write `${…}` if text is to follow a reference"
            )
            return None, end
        return self._getter(match), end

    def _getter(self, match: re.Match[str]) -> _Getter | None:
        root, rest = match["root"], match["rest"]
        if root == "input" and match["parameter"] is not None:
            return _parameter(match["parameter"][1:-1])
        if root == "stageVariables" and match["index"] is not None:
            return self._stage_variable(match, match["index"][1:-1])
        if root == "stageVariables" and rest.count(".") == 1 and match["parameter"] is None:
            return self._stage_variable(match, rest[1:])
        if root == "context" and rest and match["index"] is None and match["parameter"] is None:
            return self._context_variable(match, rest[1:])
        self._unsupported(
            match,
            f"`{match['reference']}`",
            "known are $context.NAME, $stageVariables.NAME and $input.params('NAME')",
        )
        return None

    def _stage_variable(self, match: re.Match[str], name: str) -> _Getter:
        if "-" in name:
            self._warn(
                match, f"no stage variable can be called {name}: write `${{…}}` around the name"
            )

        def get(exchange: Exchange) -> str | None:
            identity = exchange.identity
            return None if identity is None else identity.stage_variables.get(name)

        return get

    def _context_variable(self, match: re.Match[str], name: str) -> _Getter | None:
        try:
            getter, warning = context_variable(name)
        except UnknownVariableError as error:
            getter, warning = None, f"{error} (it renders as nothing)"
        if warning is not None:
            self._warn(match, warning)
        return getter

    def _unsupported(self, match: re.Match[str], what: str, mending: str) -> None:
        self._error(match, f"{what} is not supported yet: {mending}")

    def _error(self, match: re.Match[str], sentence: str) -> None:
        self.errors.append(Problem(self.path, f"{self._place(match)}: {sentence}"))

    def _warn(self, match: re.Match[str], sentence: str) -> None:
        if len(self.warnings) < PROBLEMS_PER_TEMPLATE:
            self.warnings.append(
                Problem(self.path, f"{self._place(match)}: {sentence}", severity="warning")
            )

    def _place(self, match: re.Match[str]) -> str:
        before = self.text[: match.start()]
        line = before.count("\n") + 1
        return f"template line {line}, column {len(before) - before.rfind(chr(10))}"


def _parameter(name: str) -> _Getter:
    """Return a getter of path, then query, then header parameter: the first that is not empty."""
    raw_name = b"" if name.lower() in STRIPPED_AT_THE_DOOR else to_bytes(name)

    def get(exchange: Exchange) -> str:
        request = exchange.request
        value = exchange.path_parameters.get(name)
        if value:
            return value
        if request.query:
            values = query_values(request.query, name)
            if values and values[-1]:
                return values[-1]
        return last_header(request.headers, raw_name)

    return get
