"""From the bytes of one connection to checked request heads, one after the other. No I/O here."""

from __future__ import annotations

from typing import Any, Final

from gateway.messages import Derived, LineParts
from gateway.server import refusal
from gateway.server.parser import (
    AUTHORIZATION,
    END_OF_HEAD,
    EXPECT,
    HOST,
    NO_BODY,
    X_API_KEY,
    Fields,
    Head,
    RequestParser,
)
from gateway.server.refusal import RefusedError
from gateway.server.request_body import has_framing
from gateway.server.target import (
    Hosts,
    RequestLine,
    canonical_host,
    check_authority,
    examine_request_line,
    examine_unfinished_head,
    match_clean_request_line,
    match_clean_target,
)
from gateway.settings import Limits

_NO_VALUES: Final[tuple[str, ...]] = ()
_AFTER_TARGET_BYTES: Final = len(b" HTTP/1.1\r\n")


def is_plain(head: Head) -> bool:
    """Whether a head without body is HTTP/1.1, and its headers ask for nothing special."""
    fields = head.headers
    return (
        head.version[1] == 1
        and not head.should_close
        and not head.upgrade
        and not has_framing(fields)
        and EXPECT not in fields
    )


class HeadReader:
    """Finds and checks the heads of one connection. `read` again with what it returned, and more.

    An unfinished head is refused as soon as it cannot become a good one.
    """

    __slots__ = (
        "_block", "_header_bytes", "_hosts", "_is_crlf_skipped", "_line_bytes",
        "_repeated_bytes", "_searched",
        "derived", "fields", "head", "is_begun", "is_complete", "line", "parser", "payload",
    )  # fmt: skip

    def __init__(self, limits: Limits, hosts: Hosts) -> None:
        self.parser = RequestParser(limits.header_bytes, limits.header_count)
        self._header_bytes = limits.header_bytes
        self._line_bytes = limits.line_bytes
        self._repeated_bytes = min(limits.header_bytes, limits.line_bytes)
        """A head that is no longer keeps both limits, however it is divided."""
        self._hosts = hosts
        self._searched = 0
        """Where to go on searching for the end of the head."""
        self._is_crlf_skipped = False
        self._block = b""
        """The last plain head from its target's end on, or nothing. A client that keeps its
        connection mostly sends the same headers again: what is equal need not be parsed again."""
        self.is_begun = False
        """Whether a part of a head is there."""
        self.is_complete = False
        """Whether `read` read a head; the rest is what it said."""
        self.head: Head | None = None
        """What the parser made of it, for whoever has to heed more than its headers. None: it is
        HTTP/1.1 and nothing follows from them: no body, expectation, upgrade or end of the
        connection."""
        self.fields: Fields
        """Its headers, for look-ups."""
        self.payload: object = NO_BODY
        """What the parser made of its body."""
        self.line: LineParts
        """Method, target in origin-form, path and query."""
        self.derived: Derived
        """Its headers; the connection may write to it whose they are. Of heads that repeat each
        other it is one and the same."""

    def read(self, data: bytes) -> bytes:
        """Read the head that `data` begins with.

        Returns what follows it; when it is not complete, what to hold until more has come.

        Raises:
            RefusedError: it is invalid or dangerous; the connection must be closed.
        """
        block = self._block
        if block and data.endswith(block) and len(data) <= self._repeated_bytes:
            # It may differ from the last plain one in its method and target alone. What is before
            # the block holds no line end when it matches, and the block no other head.
            line: Any = match_clean_target(data[: -len(block)].decode("latin-1"))
            if line is not None:
                self.line = line.groups("")
                if not self.is_complete:  # Else nothing was searched or held since the last head.
                    self._complete()
                return b""
        return self._read_other(data)

    def _read_other(self, data: bytes) -> bytes:
        """Read a head that does not repeat the last one, or is not alone."""
        # Also where the last call read a whole head: else `read` would leave `_searched` as it is.
        self.is_complete = False
        end = data.find(END_OF_HEAD, self._searched) + 4
        if end < 4:
            return self._hold(data)
        if not self._is_crlf_skipped and data.startswith(b"\r\n") and end > len(END_OF_HEAD):
            return self._skip_crlf(data)
        if end < len(data):
            self._searched = end - len(END_OF_HEAD)
            self.read(data[:end])
            return data[end:]
        self._parse(data)
        self._complete()
        return b""

    def _complete(self) -> None:
        """Note that a head was read, and that the next one begins from scratch."""
        self.is_complete = True
        self._searched = 0
        self.is_begun = self._is_crlf_skipped = False

    def _parse(self, data: bytes) -> None:
        """Read a head that has little or nothing in common with the last one."""
        line = match_clean_request_line(data)
        examined: RequestLine | None = None
        if line is None or line.end() > self._line_bytes or len(data) > self._header_bytes:
            examined = self._examine(data[: data.find(b"\r\n")], len(data))
        head, self.payload = self.parser.parse(data)
        host, target = self._checked(head, examined)
        path, _, query = target.partition("?")
        self.line = head.method, target, path, query
        is_http_1_0 = head.version[1] == 0
        self.fields = head.headers
        self.derived = Derived(host, head.raw_headers, head.headers, is_http_1_0=is_http_1_0)
        self.head, self._block = head, b""
        if self.payload is NO_BODY and is_plain(head):
            self.head = None
            if line is not None and examined is None:
                self._block = data[line.end() - _AFTER_TARGET_BYTES :]

    def _checked(self, head: Head, examined: RequestLine | None) -> tuple[str, str]:
        """Check what the parser leaves to us; return host and target."""
        fields = head.headers
        authority = fields.get(HOST)
        host = ""  # HTTP/1.0: the parser refuses others without Host
        if authority is not None:
            host = self._hosts[authority]
        elif examined is not None and examined.authority is not None:
            host = canonical_host(examined.authority)[0]
        target = head.path
        if examined is not None:
            check_authority(examined, authority)
            target = examined.target
        # The parser refuses a second Host, Content-Type, Content-Length, Transfer-Encoding.
        if (AUTHORIZATION in fields and len(fields.getall(AUTHORIZATION, _NO_VALUES)) > 1) or (
            X_API_KEY in fields and len(fields.getall(X_API_KEY, _NO_VALUES)) > 1
        ):
            raise RefusedError(refusal.HEADER)
        return host, target

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
        # Nothing after a skipped empty line is still nothing: the connection is idle.
        self.is_begun = bool(data)
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
