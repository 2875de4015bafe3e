"""patchOperations: AWS's variety of JSON Patch, by tables of rules.

A family says which paths its objects have, which ops each path takes, and what they do to a working
copy (a dict of column values). Operations apply in order to that one copy; an error leaves nothing
of the call. Values are text on the wire; paths write `~1` for `/` and `~0` for `~`.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from gateway.control.api.bounds import check_patched, check_text
from gateway.errors import ControlError, bad_request, limit_exceeded, not_found

OPERATIONS_MAX: Final = 1000
"""Operations of one call."""

# AWS reads ASCII digits. Python would take `1_000`, Arabic digits and spaces too.
_NUMBER: Final = re.compile(
    r"(?P<whole>[+-]?[0-9]{1,20})(?P<rest>(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?)"
)

Working = dict[str, Any]
"""An object while it is patched: column (or any other name) to value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchOperation:
    """One operation as it came."""

    op: str
    path: str
    value: str | None = None
    source: str | None = None
    """`from`, for copy."""


Apply = Callable[[Working, PatchOperation, tuple[str, ...]], None]
"""Does an operation to the working copy; the texts are what stood in the path's `{places}`."""

Convert = Callable[[str | None], Any]
"""Turns a value's text into what is kept, or raises ControlError."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a path means."""

    template: str
    """Such as `/name` or `/requestParameters/{name}`."""
    ops: tuple[str, ...]
    apply: Apply
    wrong_op: str | None = None
    """Message for another op; None: as for an unknown path."""

    def match(self, segments: Sequence[str]) -> tuple[str, ...] | None:
        """Return what stands in the template's places, or None if the path is another one."""
        parts = self.template[1:].split("/")
        if len(parts) != len(segments):
            return None
        places: list[str] = []
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                places.append(segment)
            elif part != segment:
                return None
        return tuple(places)


Unknown = Callable[[PatchOperation, Sequence[Rule]], ControlError]
"""Makes the error of a path, or of an op on a path, that no rule knows."""


def rule(template: str, ops: str, apply: Apply, *, wrong_op: str | None = None) -> Rule:
    """Return a rule; `ops` are separated by spaces: `"add replace remove"`."""
    return Rule(template, tuple(ops.split()), apply, wrong_op)


def plainly(operation: PatchOperation, _rules: Sequence[Rule]) -> ControlError:
    """Return the error of RestApi, Method, MethodResponse, Integration, GatewayResponse."""
    return bad_request(f"Invalid patch path {operation.path or 'null'}")


def listing(operation: PatchOperation, rules: Sequence[Rule]) -> ControlError:
    """Return the error of Resource, Model, RequestValidator, DocumentationPart, ApiKey."""
    paths = [each.template for each in rules if operation.op in each.ops]
    told = (
        f"Must be one of: [{', '.join(paths)}]" if paths else "Please choose supported operations"
    )
    path = operation.path or "null"
    return bad_request(f"Invalid patch path  '{path}' specified for op '{operation.op}'. {told}")


@dataclass(frozen=True, slots=True)
class PatchTable:
    """All that an `Update…` operation may change."""

    rules: tuple[Rule, ...]
    unknown: Unknown = plainly

    def apply(self, operations: Iterable[PatchOperation], working: Working) -> None:
        """Apply operations in order to the working copy.

        Raises:
            ControlError: one of them cannot be; the working copy is spoilt.
        """
        for operation in operations:
            found = self._find(operation)
            if found is None:
                raise self.unknown(operation, self.rules)
            each, places = found
            if operation.op not in each.ops:
                if each.wrong_op is not None:
                    raise bad_request(each.wrong_op)
                raise self.unknown(operation, self.rules)
            each.apply(working, operation, places)
        check_patched(working)

    def _find(self, operation: PatchOperation) -> tuple[Rule, tuple[str, ...]] | None:
        if not operation.path.startswith("/"):
            return None
        segments = [unescape(segment) for segment in operation.path[1:].split("/")]
        fallback = None
        for each in self.rules:
            places = each.match(segments)
            if places is not None:
                if operation.op in each.ops:
                    return each, places
                fallback = fallback or (each, places)
        return fallback


def operations_of(body: Mapping[str, Any]) -> list[PatchOperation]:
    """Return the operations of a checked `Update…` body.

    Raises:
        ControlError: one has no op, its value is too long, or there are too many.
    """
    listed = body.get("patchOperations", [])
    if len(listed) > OPERATIONS_MAX:
        raise limit_exceeded(f"At most {OPERATIONS_MAX} patch operations are applied at once")
    if any("op" not in each for each in listed):
        raise bad_request(
            "Invalid patch operation specified. Must be one of: [add, remove, replace, copy]"
        )
    for each in listed:
        # What is patched is named by the path's first segment.
        check_text(each.get("path", "").partition("/")[2].partition("/")[0], each.get("value", ""))
    return [
        PatchOperation(
            op=each["op"],
            path=each.get("path", ""),
            value=each.get("value"),
            source=each.get("from"),
        )
        for each in listed
    ]


def patch_row(
    row: Row[*tuple[Any, ...]], body: Mapping[str, Any], table: PatchTable
) -> dict[str, Any]:
    """Apply an `Update…` body to a row, and return the columns whose values changed.

    Raises:
        ControlError: an operation cannot be applied.
    """
    before = row._asdict()
    working = copy.deepcopy(before)
    table.apply(operations_of(body), working)
    return {name: value for name, value in working.items() if value != before.get(name)}


def unescape(segment: str) -> str:
    """Return a path's segment as it is meant: `application~1json` is `application/json`."""
    return segment.replace("~1", "/").replace("~0", "~")


def text(value: str | None) -> str | None:
    """Keep a text; an absent or empty one is None."""
    return value or None


def text_or_empty(value: str | None) -> str:
    """Keep a text; an absent one is empty."""
    return value or ""


def boolean(value: str | None) -> bool:
    """Keep a boolean; whatever is not `true` is false, as by AWS."""
    return (value or "").lower() == "true"


def required_text(message: str) -> Convert:
    """Return a converter that refuses an absent or empty text with BadRequestException."""

    def convert(value: str | None) -> str:
        if not value:
            raise bad_request(message)
        return value

    return convert


def integer(message: str, lowest: int, highest: int) -> Convert:
    """Return a converter to a whole number within bounds, else BadRequestException."""

    def convert(value: str | None) -> int:
        found = _NUMBER.fullmatch(value or "")
        if found is None or found["rest"] or not lowest <= int(found["whole"]) <= highest:
            raise bad_request(message)
        return int(found["whole"])

    return convert


def finite_number(value: str | None) -> float | None:
    """Return the number that a value's text is, in ASCII digits; None: it is none."""
    if not _NUMBER.fullmatch(value or ""):
        return None
    found = float(value or "")
    return found if math.isfinite(found) else None


def number(message: str, lowest: float, highest: float) -> Convert:
    """Return a converter to a finite number within bounds, else BadRequestException."""

    def convert(value: str | None) -> float:
        found = finite_number(value)
        if found is None or not lowest <= found <= highest:
            raise bad_request(message)
        return found

    return convert


def choice(values: Iterable[str], message: str) -> Convert:
    """Return a converter that keeps one of `values`, else BadRequestException."""
    allowed = frozenset(values)

    def convert(value: str | None) -> str:
        if value not in allowed:
            raise bad_request(message)
        return str(value)

    return convert


def optional(convert: Convert) -> Convert:
    """Return a converter for which an absent or empty text means None."""

    def convert_optional(value: str | None) -> Any:
        return convert(value) if value else None

    return convert_optional


def member(column: str, convert: Convert = text) -> Apply:
    """Return what sets a column; remove clears it."""

    def apply(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
        working[column] = None if operation.op == "remove" else convert(operation.value)

    return apply


def entry(
    column: str,
    convert: Convert,
    missing: Callable[[str], ControlError] | None = None,
    *,
    must_exist_to_replace: bool = False,
) -> Apply:
    """Return what adds, replaces and removes an entry of a map by the path's last place.

    Args:
        column: The map.
        convert: Turns the value's text into what the map keeps.
        missing: Makes the error of an entry that is not there, by its name; None: a 404.
        must_exist_to_replace: Whether replacing an entry that is not there is that error too.
    """

    def apply(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
        name = places[-1]
        entries = working[column]
        is_missing = name not in entries
        if is_missing and (
            operation.op == "remove" or (must_exist_to_replace and operation.op == "replace")
        ):
            raise (missing or _no_entry)(name)
        if operation.op == "remove":
            del entries[name]
        else:
            entries[name] = convert(operation.value)

    return apply


def listed(column: str) -> Apply:
    """Return what adds and removes a text in a list by the path's last place; replace adds too."""

    def apply(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
        items = working[column]
        if operation.op == "remove":
            if places[-1] not in items:
                raise _no_entry(places[-1])
            items.remove(places[-1])
        elif places[-1] not in items:
            items.append(places[-1])

    return apply


def _no_entry(_name: str) -> ControlError:
    return not_found("Invalid parameter name specified")
