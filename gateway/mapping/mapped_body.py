"""A whole body as mappings see it: text, and JSON when it looks like JSON. Parsed at most once."""

from __future__ import annotations

import json
from typing import Final, Literal, NoReturn

from gateway.errors import Fault, GatewayResponseType
from gateway.mapping.json_path import MISSING, JsonPath
from gateway.mapping.wire_text import to_text

Side = Literal["request", "response"]
"""Which way a mapping goes: from method request to backend, or from backend to method response."""

MAPPED_CHARACTERS: Final = 65_536
"""Most text that a parameter may take from a body: more than a head can hold anywhere."""

_JSON_STARTS: Final = ("{", "[", '"', "'")
"""AWS parses a body only if it starts so; another is plain text (semantics sheet 10.7)."""


class MappedBody:
    """One body, for all mappings of one side of one request."""

    __slots__ = ("_document", "_side", "_text")

    def __init__(self, raw: bytes | None, side: Side = "request") -> None:
        # AWS reads an empty body as an empty object.
        self._text = to_text((raw or b"").strip()) or "{}"
        self._side: Side = side
        self._document: object = _UNPARSED

    def __repr__(self) -> str:
        state = "unparsed" if self._document is _UNPARSED else "parsed"
        return f"<MappedBody {self._side} {len(self._text)} characters, {state}>"

    def text(self) -> str:
        """Return the body's text without outer white space.

        Raises:
            Fault: it looks like JSON and is not; AWS refuses it even when only text is asked for.
                Or it is longer than `MAPPED_CHARACTERS`.
        """
        self._parse()
        return self._bounded(self._text)

    def find(self, json_path: JsonPath) -> str:
        """Return what an expression finds as text; empty when there is nothing, or null.

        Strings as they are, everything else as JSON.

        Raises:
            Fault: the body looks like JSON and is not, or is too big to search, or what is found
                is longer than `MAPPED_CHARACTERS`.
        """
        document = self._parse()
        try:
            text = _text_of(json_path.find(document))
        except (ValueError, RecursionError) as error:
            raise self._fault(str(error)) from error
        return self._bounded(text)

    def _parse(self) -> object:
        if self._document is not _UNPARSED:
            return self._document
        self._document = MISSING
        if self._text.startswith(_JSON_STARTS):
            try:
                # Not orjson: it would round integers of more than 64 bits.
                self._document = json.loads(
                    self._text.encode("utf-8").decode(), parse_constant=_refuse_constant
                )
            except (ValueError, RecursionError) as error:
                self._document = _UNPARSED
                message = "Invalid JSON in request body" if self._side == "request" else None
                raise self._fault(f"{type(error).__name__}: {error}", message) from error
        return self._document

    def _bounded(self, text: str) -> str:
        if len(text) > MAPPED_CHARACTERS:
            raise self._fault(f"{len(text)} characters are too many for a parameter")
        return text

    def _fault(self, detail: str, message: str | None = None) -> Fault:
        is_request = self._side == "request"
        return Fault(
            GatewayResponseType.DEFAULT_4XX if is_request else GatewayResponseType.DEFAULT_5XX,
            source="client" if is_request else "integration",
            message=message,
            detail=f"body mapping: {detail[:200]}",
        )


_UNPARSED: Final = object()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _text_of(value: object) -> str:
    if value is MISSING or value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
