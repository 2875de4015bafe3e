"""From the bytes of one connection to checked request heads, one after the other. No I/O here."""

from __future__ import annotations

from typing import Final

from gateway.server import refusal
from gateway.server.parser import (
    AUTHORIZATION,
    END_OF_HEAD,
    HOST,
    NO_BODY,
    X_API_KEY,
    Head,
    RequestParser,
)
from gateway.server.refusal import RefusedError
from gateway.server.target import (
    Hosts,
    RequestLine,
    canonical_host,
    check_authority,
    examine_request_line,
    examine_unfinished_head,
    match_clean_request_line,
)
from gateway.settings import Limits

_NO_VALUES: Final[tuple[str, ...]] = ()


class HeadReader:
    """Finds and checks the heads of one connection. `read` again with what it returned, and more.

    An unfinished head is refused as soon as it cannot become a good one.
    """

    __slots__ = (
        "_header_bytes", "_hosts", "_is_crlf_skipped", "_line_bytes", "_searched", "head", "host",
        "is_begun", "parser", "payload", "target",
    )  # fmt: skip

    def __init__(self, limits: Limits, hosts: Hosts) -> None:
        self.parser = RequestParser(limits.header_bytes, limits.header_count)
        self._header_bytes = limits.header_bytes
        self._line_bytes = limits.line_bytes
        self._hosts = hosts
        self._searched = 0
        """Where to go on searching for the end of the head."""
        self._is_crlf_skipped = False
        self.is_begun = False
        """Whether a part of a head is there."""
        # Of the head that was read last:
        self.head: Head | None = None
        """None: it is not complete yet."""
        self.payload: object = NO_BODY
        """What the parser made of its body."""
        self.target = ""
        """Its target in origin-form."""
        self.host = ""
        """Its Host, canonical; empty for HTTP/1.0 without one."""

    def read(self, data: bytes) -> bytes:
        """Read the head that `data` begins with.

        Returns what follows it; when it is unfinished (`head` is None), what to hold until more
        has come.

        Raises:
            RefusedError: it is invalid or dangerous; the connection must be closed.
        """
        end = data.find(END_OF_HEAD, self._searched) + 4
        if end < 4:
            self.head = None
            return self._hold(data)
        line = match_clean_request_line(data)
        if line is None or line.end() > self._line_bytes or end > self._header_bytes:
            line_end = data.find(b"\r\n")
            if line_end == 0 and not self._is_crlf_skipped and end > len(END_OF_HEAD):
                return self._skip_crlf(data)
            examined = self._examine(data[:line_end], end)
        else:
            examined = None
        if end == len(data):
            rest = b""
        else:
            data, rest = data[:end], data[end:]
        self.head, self.payload = head, _ = self.parser.parse(data)
        self._check(head, examined)
        self._searched = 0
        self.is_begun = self._is_crlf_skipped = False
        return rest

    def _check(self, head: Head, examined: RequestLine | None) -> None:
        """Check what the parser leaves to us."""
        fields = head.headers
        authority = fields.get(HOST)
        if authority is not None:
            self.host = self._hosts[authority]
        elif examined is not None and examined.authority is not None:
            self.host = canonical_host(examined.authority)[0]
        else:
            self.host = ""  # HTTP/1.0: the parser refuses others without Host
        if examined is None:
            self.target = head.path
        else:
            check_authority(examined, authority)
            self.target = examined.target
        # The parser refuses a second Host, Content-Type, Content-Length, Transfer-Encoding.
        if (
            len(fields.getall(AUTHORIZATION, _NO_VALUES)) > 1
            or len(fields.getall(X_API_KEY, _NO_VALUES)) > 1
        ):
            raise RefusedError(refusal.HEADER)

    def _examine(self, line: bytes, end: int) -> RequestLine:
        """Look closely at a request line that is not obviously clean."""
        examined = examine_request_line(line, self._line_bytes)
        if end > self._header_bytes:
            raise RefusedError(refusal.HEADERS_TOO_LARGE)
        if examined.target == "*":
            raise RefusedError(refusal.SERVER_OPTIONS)
        return examined

    def _hold(self, data: bytes) -> bytes:
        """Hold an unfinished head, unless it can be refused already."""
        self.is_begun = True
        if data[:1] == b"\r" and not self._is_crlf_skipped:
            if data[1:2] == b"\n":
                return self._skip_crlf(data)
            if len(data) == 1:
                return data
        if data:
            examine_unfinished_head(data, self._searched, self._line_bytes, self._header_bytes)
        self._searched = max(len(data) - 3, 0)
        return data

    def _skip_crlf(self, data: bytes) -> bytes:
        """Skip the one empty line that some clients send after a body (RFC 9112 section 2.2)."""
        self._is_crlf_skipped = True
        self._searched = 0
        return self.read(data[2:])
