"""The seam around aiohttp's C request parser: nothing outside knows which parser it is.

The connection finds the end of a head itself, so the parser is never fed past the end of a message
and what follows it stays with us. Three of its habits are kept in check here:
- it is private API: pinned, and pinned down by the tests of this module;
- the last trailer of a chunked message would become the first header of the next one: after any
  body the parser is replaced (0.3 us);
- it switches to pass-through after some upgrades: the connection closes after any upgrade.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Protocol

from aiohttp import streams
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from multidict import istr

from gateway.messages import RawHeaders
from gateway.server import refusal
from gateway.server.chunk_scanner import ChunkScanner
from gateway.server.refusal import RefusedError

try:
    from aiohttp._http_parser import HttpRequestParser
except ImportError as error:  # pragma: no cover (the wheel always has it)
    raise ImportError(
        "aiohttp's C parser is missing, and the pure-Python one is too lenient for an edge; "
        "install aiohttp from a wheel, or build it without AIOHTTP_NO_EXTENSIONS."
    ) from error

NO_BODY: Final[object] = streams.EMPTY_PAYLOAD
"""What `RequestParser.parse` returns as body for a message without one, or with an empty one."""

END_OF_HEAD: Final = b"\r\n\r\n"
"""Ends every head, and every chunked message."""

# Looking up an istr skips folding the name's case: 10 ns instead of 40.
AUTHORIZATION: Final = istr("Authorization")
CONTENT_LENGTH: Final = istr("Content-Length")
EXPECT: Final = istr("Expect")
HOST: Final = istr("Host")
TRANSFER_ENCODING: Final = istr("Transfer-Encoding")
X_API_KEY: Final = istr("X-Api-Key")
X_FORWARDED_FOR: Final = istr("X-Forwarded-For")
X_FORWARDED_PORT: Final = istr("X-Forwarded-Port")
X_FORWARDED_PROTO: Final = istr("X-Forwarded-Proto")

_OVERHEAD_BYTES: Final = 65_536
_OVERHEAD_PER_BYTE: Final = 8
"""Chunk lines, extensions and trailers may have 64 KiB, and 8 bytes per byte of the body."""

_TOO_MANY_HEADERS: Final = "Too many headers received"


class Fields(Mapping[str, str]):
    """Headers by name, in any case of letters."""

    @abstractmethod
    def getall(self, name: str, default: tuple[str, ...]) -> list[str] | tuple[str, ...]:
        """Return all values of a name, in order."""


class Head(Protocol):
    """The head of a request, parsed."""

    @property
    def method(self) -> str:
        """As sent: one of the methods of HTTP."""
        ...

    @property
    def path(self) -> str:
        """The request target as sent."""
        ...

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version."""
        ...

    @property
    def headers(self) -> Fields:
        """The headers for look-ups."""
        ...

    @property
    def raw_headers(self) -> RawHeaders:
        """The headers as sent; white space around values is gone."""
        ...

    @property
    def should_close(self) -> bool:
        """Whether the client (or HTTP/1.0) ends the connection with this message."""
        ...

    @property
    def chunked(self) -> bool:
        """Whether the last transfer coding is chunked."""
        ...

    @property
    def upgrade(self) -> bool:
        """Whether the client asks for another protocol."""
        ...


class _Unpaused:
    """The protocol that a StreamReader asks to pause: it is drained at once instead."""

    __slots__ = ()
    connected = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self, resume_parser: bool = True) -> None:
        pass


_UNPAUSED: Final = _Unpaused()


class RequestParser:
    """Parses the heads of one connection, one after the other."""

    __slots__ = ("_feed", "_header_bytes", "_header_count")

    def __init__(self, header_bytes: int, header_count: int) -> None:
        self._header_bytes = header_bytes
        self._header_count = header_count
        self.renew()

    def renew(self) -> None:
        """Begin with a fresh parser. Required after every message that has a body."""
        # The limits on single lines are ours, on the whole head: the parser's never come first.
        self._feed = HttpRequestParser(
            _UNPAUSED,
            _UNPAUSED,  # in place of the loop, which only a waiting reader would need
            65_536,
            max_line_size=self._header_bytes,
            max_field_size=self._header_bytes,
            max_headers=self._header_count,
            auto_decompress=False,
        ).feed_data

    def parse(self, head: bytes) -> tuple[Head, object]:
        """Parse exactly one head, its empty line included.

        Returns the head and its body: `NO_BODY`, or what `ChunkedBody` takes.

        Raises:
            RefusedError: the head is invalid; the parser must not be used again.
        """
        try:
            messages, _is_upgraded, _tail = self._feed(head)
        except (HttpProcessingError, ValueError) as error:
            raise RefusedError(_refusal_of(error)) from None
        if len(messages) != 1:
            raise RefusedError(refusal.HEADER)
        message: tuple[Head, object] = messages[0]
        return message

    def chunked_body(self, body: object) -> ChunkedBody:
        """Return the decoder of the chunked body of the head parsed last."""
        return ChunkedBody(self._feed, body)


class ChunkedBody:
    """Decodes one chunked body; trailers are checked, bounded and dropped."""

    __slots__ = ("_feed", "_overhead_left", "_reader", "_scanner", "is_complete")

    def __init__(self, feed: Any, reader: Any) -> None:
        self._feed = feed
        self._reader = reader
        self._overhead_left = _OVERHEAD_BYTES
        self._scanner = ChunkScanner()
        self.is_complete = False

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """Take the next bytes of the connection.

        Returns the body's bytes among them (maybe none), and how many bytes were taken: all, but
        when the body is complete.

        Raises:
            RefusedError: it is malformed, or the framing is out of all proportion to the body.
        """
        taken = self._scanner.scan(data)
        if self._scanner.is_too_long:
            raise RefusedError(refusal.HEADERS_TOO_LARGE)
        try:
            self._feed(data if taken == len(data) else data[:taken])
            piece: bytes = self._reader.read_nowait()
        except (HttpProcessingError, ValueError) as error:
            raise RefusedError(_refusal_of(error, refusal.BODY)) from None
        self.is_complete = self._reader.is_eof()
        if self.is_complete != self._scanner.is_ended or self._scanner.is_forbidden:
            raise RefusedError(refusal.BODY)
        overhead_left = self._overhead_left - taken + (_OVERHEAD_PER_BYTE + 1) * len(piece)
        if overhead_left < 0:
            raise RefusedError(refusal.HEADERS_TOO_LARGE)
        # What earlier chunks left unused is no allowance for a flood of trailers.
        self._overhead_left = min(overhead_left, _OVERHEAD_BYTES)
        return piece, taken


def _refusal_of(error: Exception, default: refusal.Refusal = refusal.HEADER) -> refusal.Refusal:
    if isinstance(error, LineTooLong) or error.args == (_TOO_MANY_HEADERS,):
        return refusal.HEADERS_TOO_LARGE
    return default
