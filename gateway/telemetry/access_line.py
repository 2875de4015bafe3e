"""A line of the access log as a loop over its pieces: how the compiled build writes it.

Pure Python evaluates a function that was generated for the format (`access_log`), faster than any
loop of its own. Generated code is not compiled; a compiled loop reads values without looking up one
attribute. The rule: both write the same bytes, which tests compare format by format.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.context import clf_time
from gateway.messages import Exchange
from gateway.telemetry.escaping import Remembered

# What a piece is. Plain numbers: compared for each piece of each line.
TEXT: Final = 0
CALL: Final = 1
REQUEST_ID: Final = 2
EXTENDED_REQUEST_ID: Final = 3
SOURCE_IP: Final = 4
REQUEST_TIME: Final = 5
HTTP_METHOD: Final = 6
RESOURCE_PATH: Final = 7
STATUS: Final = 8
PROTOCOL: Final = 9
RESPONSE_LENGTH: Final = 10

READ: Final = {
    "requestId": REQUEST_ID,
    "extendedRequestId": EXTENDED_REQUEST_ID,
    "identity.sourceIp": SOURCE_IP,
    "requestTime": REQUEST_TIME,
    "httpMethod": HTTP_METHOD,
    "resourcePath": RESOURCE_PATH,
    "status": STATUS,
    "protocol": PROTOCOL,
    "responseLength": RESPONSE_LENGTH,
}
"""Variables that a line reads itself, by name."""


class Piece:
    """A part of a line: constant text, a variable that is read here, or one that is called for."""

    __slots__ = ("call", "text", "what")

    def __init__(
        self, what: int, text: str = "", call: Callable[[Exchange], str] | None = None
    ) -> None:
        self.what = what
        self.text = text
        """Constant text; of a variable: what stands for a missing value."""
        self.call = call


class LineLoop:
    """Writes the lines of one format."""

    __slots__ = ("_from", "_known", "_pieces", "_time", "_until")

    def __init__(self, pieces: Sequence[Piece], known: Remembered) -> None:
        """Take the pieces, and the escaped forms of what clients choose."""
        self._pieces = list(pieces)
        self._known = known
        self._from = self._until = 0.0
        self._time = ""
        """Of the second between the two."""

    def line(self, exchange: Exchange) -> bytes:
        """Return the line of one request, in UTF-8."""
        texts: list[str] = []
        for piece in self._pieces:
            what = piece.what
            if what == TEXT:
                texts.append(piece.text)
            elif what == REQUEST_ID:
                texts.append(exchange.request_id)
            elif what == EXTENDED_REQUEST_ID:
                texts.append(exchange.extended_request_id)
            elif what == REQUEST_TIME:
                texts.append(self._time_of(exchange.epoch))
            elif what == STATUS:
                texts.append(str(exchange.status) if exchange.status else piece.text)
            elif what == RESPONSE_LENGTH:
                texts.append(str(exchange.response_length))
            elif what == PROTOCOL:
                texts.append("HTTP/1.0" if exchange.request.is_http_1_0 else "HTTP/1.1")
            elif piece.call is not None:
                texts.append(piece.call(exchange))
            else:
                texts.append(self._known[_chosen(what, exchange)] or piece.text)
        return "".join(texts).encode()

    def _time_of(self, epoch: float) -> str:
        if not self._from <= epoch < self._until:
            second = int(epoch)
            self._from, self._until = float(second), second + 1.0
            self._time = clf_time(epoch)
        return self._time


def _chosen(what: int, exchange: Exchange) -> str:
    """Return a value that may hold anything, and is escaped for its place."""
    if what == SOURCE_IP:
        return exchange.request.source_ip
    if what == HTTP_METHOD:
        return exchange.request.method
    # Whoever writes an access log line has found a stage, and with it an identity.
    return "" if exchange.identity is None else exchange.identity.resource_path
