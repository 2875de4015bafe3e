"""A stage's access log: its format is compiled once, and a request renders one line.

A format may only name `$context` variables. What a client chose is escaped for the kind of line it
stands in, so that no client can forge a line, a field or a JSON member.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, cast

from gateway.build import BUILD
from gateway.context import Getter, UnknownVariableError, clf_time, variable
from gateway.definitions.stage import AccessLogSettings
from gateway.errors import Problem
from gateway.messages import Exchange
from gateway.telemetry.access_line import CALL, READ, TEXT, LineLoop, Piece
from gateway.telemetry.destinations import destination_of
from gateway.telemetry.escaping import (
    Remembered,
    csv_field,
    json_text,
    quoted_csv_text,
    quoted_text,
    visible,
    xml_text,
)

_Kind = Literal["json", "xml", "csv", "quoted csv", "text"]

_FIELDS: Final = {
    "requestId": "requestId",
    "extendedRequestId": "extendedRequestId",
    "ip": "identity.sourceIp",
    "caller": "identity.caller",
    "user": "identity.user",
    "requestTime": "requestTime",
    "httpMethod": "httpMethod",
    "resourcePath": "resourcePath",
    "status": "status",
    "protocol": "protocol",
    "responseLength": "responseLength",
}
_CSV_ORDER: Final = (
    "ip", "caller", "user", "requestTime", "httpMethod", "resourcePath",
    "protocol", "status", "responseLength", "requestId", "extendedRequestId",
)  # fmt: skip

PRESETS: Final[dict[str, str]] = {
    "json": "{"
    + ",".join(f'"{name}":"$context.{source}"' for name, source in _FIELDS.items())
    + "}",
    "clf": "$context.identity.sourceIp $context.identity.caller $context.identity.user"
    ' [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol"'
    " $context.status $context.responseLength $context.requestId $context.extendedRequestId",
    "xml": '<request id="$context.requestId"> '
    + " ".join(
        f"<{name}>$context.{source}</{name}>"
        for name, source in _FIELDS.items()
        if name != "requestId"
    )
    + " </request>",
    "csv": ",".join(f"$context.{_FIELDS[name]}" for name in _CSV_ORDER),
}
"""The layouts that AWS recommends, by the name that a stage may give as its format."""

_MOST_FORMAT_BYTES: Final = 3 * 1024
"""AWS's limit on a format."""

_ESCAPES: Final[dict[_Kind, Callable[[str], str]]] = {
    "json": json_text,
    "xml": xml_text,
    "csv": csv_field,
    "quoted csv": quoted_csv_text,
    "text": quoted_text,
}
_KIND_BY_START: Final[dict[str, _Kind]] = {"{": "json", "<": "xml"}
_SEPARATOR: Final = re.compile(r'"?\s*,(?:[\w .-]*,)*\s*"?', re.ASCII)
"""Between two variables of a CSV line: a comma, or constant fields."""
_MISSING: Final = "-"


class _Read(NamedTuple):
    """A value that is read without a call to its getter: it says the same, and costs a third."""

    source: str
    """Python, over `exchange`."""
    is_escaped: bool = False
    """Whether its text may hold anything, and is escaped for its place."""
    is_always_there: bool = False
    """Every request has one: a length of 0 is no missing length."""


_READS: Final = {
    "extendedRequestId": _Read("exchange.extended_request_id", is_always_there=True),
    "httpMethod": _Read("exchange.request.method", is_escaped=True),
    "identity.sourceIp": _Read("exchange.request.source_ip", is_escaped=True),
    "protocol": _Read(
        "(http_1_0 if exchange.request.is_http_1_0 else http_1_1)", is_always_there=True
    ),
    "requestId": _Read("exchange.request_id", is_always_there=True),
    "requestTime": _Read("times[int(exchange.epoch)]", is_always_there=True),
    # Whoever writes an access log line has found a stage, and with it an identity.
    "resourcePath": _Read("exchange.identity.resource_path", is_escaped=True),
    "responseLength": _Read("exchange.response_length", is_always_there=True),
    "status": _Read("statuses[exchange.status]", is_always_there=True),
}
"""Of the variables that most formats name: their getters in `context`, written out."""


def _status_text(status: int) -> str:
    return str(status) if status else _MISSING


_REMEMBERED: Final = {escape: Remembered(escape) for escape in _ESCAPES.values()}
_TIMES: Final = Remembered(clf_time)
"""By the second since 1970: a look-up costs a third of a call."""
_STATUSES: Final = Remembered(_status_text)

_VARIABLE: Final = re.compile(r"\$context\.([A-Za-z]\w*(?:\.[A-Za-z]\w*|\['[^'\]]+'\])*)", re.ASCII)
_NOT_ALLOWED: Final = re.compile(
    r"\$!?\{?(?:input|stageVariables|util)\b|\$!?\{|\$!?[A-Za-z]\w*"
    r"|#(?:set|if|elseif|else|end|foreach|define|macro|include|parse|stop|break)\b|##|#\*",
    re.ASCII,
)


Render = Callable[[Exchange], str]
Line = Callable[[Exchange], bytes]
_Part = str | _Read | Render
"""Of a line: constant text, or what has a value for each request."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledAccessLog:
    """What writes a stage's access log lines."""

    destination: str
    """`stdout` or a path, relative to the data directory unless it is absolute."""
    line: Line
    """Returns the line of one request, with its newline."""


def compile_access_log(
    settings: AccessLogSettings, path: str, problems: list[Problem], *, is_canary: bool = False
) -> CompiledAccessLog | None:
    """Compile a stage's settings; None when `problems` were found (they are appended).

    `path` is the dotted path of the settings, for the problems. AWS writes the lines of a canary to
    a log group of their own: `is_canary` does so for log group ARNs.
    """
    before = len(problems)
    destination = destination_of(
        settings.destination, f"{path}.destination", problems, is_canary=is_canary
    )
    place = f"{path}.format"
    name = settings.format.lower()
    text = _checked(PRESETS.get(name, settings.format), place, problems)
    kind = _kind_of(name, text)
    parts: list[_Part] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts.append(_constant(text[end : found.start()], place, problems))
        end = found.end()
        is_bare = kind == "json" and _is_outside_string(text[: found.start()])
        is_quoted = kind == "csv" and text[: found.start()].endswith('"')
        here: _Kind = "quoted csv" if is_quoted else kind
        parts.append(_value(_plain_name(found[1]), here, is_bare, place, problems))
    parts.append(_constant(text[end:], place, problems) + "\n")
    if len(problems) > before or destination is None:
        return None
    write = _loop if BUILD == "compiled" else _line
    return CompiledAccessLog(destination=destination, line=write(parts, kind))


def _line(parts: list[_Part], kind: _Kind) -> Line:
    """Return all parts in a row as one function, in UTF-8.

    Generated as dataclasses generate their `__init__`: an f-string that reads ten values by
    attribute costs a third of as many calls (0.4 us). Nothing of a user's goes into the source:
    texts are constants of its tree, functions are names in its scope.
    """
    scope: dict[str, object] = {
        "known": _REMEMBERED[_ESCAPES[kind]],
        "missing": _MISSING,
        "times": _TIMES,
        "statuses": _STATUSES,
        "http_1_0": "HTTP/1.0",
        "http_1_1": "HTTP/1.1",
    }
    terms: list[ast.expr] = []
    for part in _joined(parts):
        if isinstance(part, str):
            terms.append(ast.Constant(part))
            continue
        if isinstance(part, _Read):
            read = f"known[{part.source}]" if part.is_escaped else part.source
            source = read if part.is_always_there else f"{read} or missing"
        else:
            name = f"value{len(scope)}"
            scope[name] = part
            source = f"{name}(exchange)"
        terms.append(ast.FormattedValue(ast.parse(source, mode="eval").body, conversion=-1))
    tree: Any = ast.parse("lambda exchange: ''.encode()", mode="eval")
    tree.body.body.func.value = ast.JoinedStr(terms)
    code = compile(ast.fix_missing_locations(tree), "<access log>", "eval")
    line: Line = eval(code, scope)  # noqa: S307 (see above)
    return line


def _loop(parts: list[_Part], kind: _Kind) -> Line:
    """Return the same as a function that is compiled with the rest of the build."""
    names = {read: name for name, read in _READS.items()}
    pieces: list[Piece] = []
    for part in _joined(parts):
        if isinstance(part, str):
            pieces.append(Piece(TEXT, part))
        elif isinstance(part, _Read):
            pieces.append(Piece(READ[names[part]], _MISSING))
        else:
            pieces.append(Piece(CALL, call=part))
    return LineLoop(pieces, _REMEMBERED[_ESCAPES[kind]]).line


def _joined(parts: list[_Part]) -> list[_Part]:
    """Return the parts with texts that stand side by side made one."""
    joined: list[_Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        else:
            joined.append(part)
    return joined


def _checked(text: str, place: str, problems: list[Problem]) -> str:
    """Return the format without its trailing newline, after the checks on it as a whole."""
    text = text.rstrip("\r\n").removesuffix("\\n")
    if len(text.encode("utf-8", "surrogatepass")) > _MOST_FORMAT_BYTES:
        problems.append(
            Problem(place, "the format is longer than 3 KB (3,072 bytes); name fewer variables.")
        )
    if not text.replace("\t", " ").isprintable():
        problems.append(
            Problem(
                place,
                "the format must be a single line without control characters;"
                " each request becomes one line anyway.",
            )
        )
    names = {found[1] for found in _VARIABLE.finditer(text)}
    if not names & {"requestId", "extendedRequestId"}:
        presets = ", ".join(PRESETS)
        problems.append(
            Problem(
                place,
                "the format must name $context.requestId or $context.extendedRequestId,"
                f" or be one of the presets {presets}; it is {_excerpt(text)}.",
            )
        )
    return text


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _kind_of(name: str, text: str) -> _Kind:
    for preset in ("json", "xml", "csv"):
        if name == preset or text == PRESETS[preset]:
            return preset
    start = text.lstrip()[:1]
    if start in _KIND_BY_START:
        return _KIND_BY_START[start]
    between = _VARIABLE.sub("\0", text).split("\0")[1:-1]
    is_csv = bool(between) and all(_SEPARATOR.fullmatch(constant) for constant in between)
    return "csv" if is_csv else "text"


def _constant(text: str, place: str, problems: list[Problem]) -> str:
    """Return a constant part; what a format may not hold becomes a problem."""
    found = _NOT_ALLOWED.search(text)
    if found is not None:
        problems.append(
            Problem(
                place,
                f"an access log format cannot hold {found[0]}: only $context variables written"
                " like $context.requestId, and constant text (no $input, $stageVariables or"
                " template logic).",
            )
        )
    return text


def _plain_name(name: str) -> str:
    """Return `authorizer.claims.custom:role` for `authorizer.claims['custom:role']`."""
    return name.replace("['", ".").replace("']", "")


def _is_outside_string(before: str) -> bool:
    """Whether the end of `before`, JSON as far as it goes, is outside any string."""
    return len(re.findall(r'(?<!\\)"', before.replace("\\\\", ""))) % 2 == 0


def _value(name: str, kind: _Kind, is_bare: bool, place: str, problems: list[Problem]) -> _Part:
    """Return what renders a variable, or constant text when it never has a value."""
    try:
        known = variable(name)
    except UnknownVariableError as error:
        problems.append(Problem(place, f"{error}"))
        return _MISSING
    missing = f'"{_MISSING}"' if is_bare else _MISSING
    if known.is_reserved:
        return missing
    if name in _READS and not is_bare and kind != "quoted csv":
        return _READS[name]
    if is_bare and known.content != "number" and name != "isCanaryRequest":
        if name == "error.messageString":
            # Quoted already by its name's promise: quote the message itself, once.
            known = variable("error.message")
        return _quoting(known.get, missing)
    if known.content == "client":
        is_quoted = kind == "text" and name == "error.messageString"
        return _escaping(known.get, visible if is_quoted else _ESCAPES[kind], missing)
    if known.is_always_there:
        return _present(known.get)
    return _defaulting(known.get, missing)


def _present(get: Getter) -> Render:
    """Return `get` of a variable that always has a value: no call in between."""
    return cast("Render", get)


def _defaulting(get: Getter, missing: str) -> Render:
    return lambda exchange: get(exchange) or missing


def _quoting(get: Getter, missing: str) -> Render:
    """Render a whole JSON string, for a variable that stands outside quotes in a JSON format."""

    def value(exchange: Exchange) -> str:
        text = get(exchange)
        return missing if text is None else f'"{json_text(text)}"'

    return value


def _escaping(get: Getter, escape: Callable[[str], str], missing: str) -> Render:
    def value(exchange: Exchange) -> str:
        text = get(exchange)
        return escape(text) if text else missing

    return value
