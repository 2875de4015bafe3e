"""The seam around the response parser: bytes of a backend in, one checked answer out. No I/O here.

The rule: what leaves here can be relayed. llhttp (through httptools) refuses what is ambiguous: two
framings, doubled or malformed lengths, bare CR or LF, NUL and control bytes in values, folded
lines, malformed chunks. It has no limits and keeps trailers among the headers, so every bound and
the rest of the strictness is ours:

- The head, interim answers included, is bounded by bytes and by fields, interim answers by number.
- Only `HTTP/1.1` and `HTTP/1.0`, only statuses 200 to 599 as final, never 101: nobody asks for it.
- `Transfer-Encoding` is exactly one `chunked`, and only in HTTP/1.1 (RFC 9112 section 6.1).
- Answers to HEAD, 204, 205 and 304 have no body, whatever they declare (RFC 9112 section 6.3,
  RFC 9110 section 15.3.6); bytes that come all the same are dropped, and so is the connection.
- Trailers are bounded, kept apart and dropped.

Stricter than it need be: two `Content-Length` of the same value are refused, since llhttp does so.
The reason phrase is never read: nothing relays it.
"""

from __future__ import annotations

from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEAD_BYTES: Final = 65_536
"""Most bytes of head, interim answers included. HAProxy allows 16 KiB, Envoy 60 KiB, Go 1 MiB."""
HEADER_COUNT: Final = 256
"""Most fields of one head. Envoy allows 100, HAProxy 101; backends set many cookies."""
INTERIM_COUNT: Final = 16
"""Most interim (1xx) answers before the final one; Go allows 5."""
TRAILER_BYTES: Final = 65_536
"""Most bytes in a row after the head that carry no body: trailers, chunk extensions."""


class InvalidResponseError(Exception):
    """The backend's answer breaks HTTP or a bound; the text says how, for the log."""


class ResponseParser:
    """Parses the answers of one connection, one after another.

    Call `expect` for each request, `feed` with what arrives, then look at the attributes and take
    the body. The connection that feeds it is the only writer.
    """

    __slots__ = (
        "_chunks", "_fields", "_head_bytes", "_interims", "_is_interim", "_is_spent", "_is_to_head",
        "_is_version_1_1", "_left", "_parser", "_silent_bytes",
        "headers", "is_close_delimited", "is_complete", "is_head_complete", "is_reusable", "length",
        "status",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._is_spent = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        """Fields of the final answer, raw and in order; whoever takes the list owns it."""
        self.length: int | None = None
        """Content-Length, when declared (also where there is no body)."""
        self.is_close_delimited = False
        """Whether the body ends where the connection does."""
        self.is_reusable = False
        """Whether the connection may carry another request once `is_complete`."""
        self.expect(is_head=False)

    def __repr__(self) -> str:
        state = (
            "complete" if self.is_complete else "body" if self.is_head_complete else "head"
        )  # fmt: skip
        return f"<ResponseParser {state} {self.status}>"

    def expect(self, *, is_head: bool) -> None:
        """Begin with the next answer; `is_head` says that the request is a HEAD."""
        if self._is_spent:
            # llhttp still waits for the body that an answer to HEAD declared.
            self._parser = HttpResponseParser(self)
            self._is_spent = False
        if self._fields:
            self._fields = []
        self._head_bytes = 0
        self._silent_bytes = 0
        self._left = 0
        """Bytes of a body with a length that are still to come: counted here, parsed by nobody."""
        self._interims = 0
        self._is_interim = False
        self._is_to_head = is_head
        self._is_version_1_1 = False
        self.is_head_complete = False
        self.is_complete = False

    def feed(self, data: bytes) -> None:
        """Parse what arrived.

        Raises:
            InvalidResponseError: the answer is unusable, and so is the connection.
        """
        if self._left:
            self._count(data)
        elif self.is_head_complete:
            self._parse(data)
            if not self.is_complete:
                self._bound_silence(len(data))
        else:
            if not self._head_bytes:
                # Spares asking httptools, which formats the version as text each time.
                self._is_version_1_1 = data.startswith(b"HTTP/1.1 ")
            self._head_bytes += len(data)
            self._parse(data)
            if not self.is_complete or self._is_spent or self._head_bytes > HEAD_BYTES:
                self._settle_head(data)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.is_complete:
                raise InvalidResponseError(_reason_of(error)) from error
            # What follows a complete answer is no answer to anything.
            self.is_reusable = False
            self._is_spent = True

    def _settle_head(self, data: bytes) -> None:
        """Look again at a head that came in parts, is large, or is not the whole answer."""
        if self._head_bytes > HEAD_BYTES:
            self._bound_head()
        if self.is_complete:
            if self._is_spent and not data.endswith(b"\r\n\r\n"):
                # Bytes after a head that has no body, too few to have reached a callback.
                self.is_reusable = False
        elif self.is_head_complete and self.length is not None:
            self._left = self.length - sum(map(len, self._chunks))
            self._is_spent = True

    def _count(self, data: bytes) -> None:
        """Take the next bytes of a body whose length is known: llhttp would only copy them."""
        left = self._left
        if len(data) > left:
            # What follows a complete answer is no answer to anything.
            data = data[:left]
            self.is_reusable = False
        self._chunks.append(data)
        self._left = left - len(data)
        self.is_complete = not self._left

    def feed_eof(self) -> bool:
        """Say that the connection ended; return whether the answer is complete."""
        if self.is_head_complete and self.is_close_delimited:
            self.is_complete = True
        return self.is_complete

    def take_body(self) -> list[bytes]:
        """Return the pieces of body parsed since the last call."""
        chunks = self._chunks
        if chunks:
            self._chunks = []
        return chunks

    def close(self) -> None:
        """Let go of the parser, which refers back to this object."""
        self._parser = cast("HttpResponseParser", None)

    # Called by httptools

    def on_message_begin(self) -> None:
        """Notice bytes after a complete answer."""
        if self.is_complete:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head, or a trailer."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the head; what it raises reaches `feed`."""
        if self.is_complete:
            raise InvalidResponseError("a second answer follows the first")
        fields, self._fields = self._fields, []
        status = self._parser.get_status_code()
        is_chunked, length = _framing(fields)
        if not self._is_version_1_1:
            self._check_version(is_chunked=is_chunked)
        if status < 200:
            self._take_interim(status)
            return
        if status > 599:
            raise InvalidResponseError(f"status {status} is above 599")
        self.status = status
        self.headers = fields
        self.length = length
        self.is_head_complete = True
        self.is_close_delimited = False
        self.is_reusable = self._is_version_1_1 and self._parser.should_keep_alive()
        if self._is_to_head or status == 205:
            self._end_at_head(is_chunked=is_chunked)
        elif length is None and not is_chunked:
            self.is_close_delimited = status not in {204, 304}

    def on_body(self, chunk: bytes) -> None:
        """Take a piece of body; there is none where there must not be one."""
        if self.is_complete:
            self.is_reusable = False
        else:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """Note the end, of an interim answer or of the final one."""
        if self._is_interim:
            self._is_interim = False
        elif self.is_complete:
            self.is_reusable = False
        else:
            self.is_complete = True

    # Bounds and special cases

    def _check_version(self, *, is_chunked: bool) -> None:
        """Check what `feed` could not: HTTP/1.0, split heads, answers after interim ones."""
        version = self._parser.get_http_version()
        self._is_version_1_1 = version == "1.1"
        if self._is_version_1_1:
            return
        if version != "1.0":
            raise InvalidResponseError(f"HTTP/{version} was not asked for")
        if is_chunked:
            raise InvalidResponseError("Transfer-Encoding in an HTTP/1.0 answer")

    def _take_interim(self, status: int) -> None:
        if status < 100:
            raise InvalidResponseError(f"status {status} is below 100")
        if status == 101:
            raise InvalidResponseError("101 Switching Protocols was not asked for")
        self._interims += 1
        if self._interims > INTERIM_COUNT:
            raise InvalidResponseError(f"more than {INTERIM_COUNT} interim answers")
        self._is_interim = True
        self._is_version_1_1 = False

    def _end_at_head(self, *, is_chunked: bool) -> None:
        """Complete an answer that has no body, though llhttp does not know that."""
        if self.status in {204, 304} or (self.length == 0 and not is_chunked):
            return  # llhttp knows, and says so next.
        self.is_complete = True
        self._is_spent = True
        if self.length is None and not is_chunked:
            # llhttp would read until the connection closes; only the field decides here.
            self.is_reusable = self._is_version_1_1 and not any(
                name.lower() == b"connection" and b"close" in value.lower()
                for name, value in self.headers
            )

    def _bound_head(self) -> None:
        size = self._head_bytes
        if self.is_head_complete:
            # The count took in what followed the head in the same read.
            size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES:
            raise InvalidResponseError(f"the head exceeds {HEAD_BYTES} bytes")

    def _bound_silence(self, size: int) -> None:
        if self._chunks:
            self._silent_bytes = 0
            return
        self._silent_bytes += size
        if self._silent_bytes > TRAILER_BYTES:
            raise InvalidResponseError(f"more than {TRAILER_BYTES} bytes of trailers")


def _framing(fields: list[tuple[bytes, bytes]]) -> tuple[bool, int | None]:
    """Return whether a message is chunked, and its Content-Length.

    llhttp has made sure that there is at most one Content-Length, of digits, and not both.
    """
    if len(fields) > HEADER_COUNT:
        raise InvalidResponseError(f"more than {HEADER_COUNT} header fields")
    is_chunked = False
    length = None
    for name, value in fields:
        size = len(name)
        if size == 14:
            if name.lower() == b"content-length":
                length = int(value)
        elif size == 17 and name.lower() == b"transfer-encoding":
            if is_chunked or value.strip(b" \t").lower() != b"chunked":
                raise InvalidResponseError("Transfer-Encoding is not exactly one `chunked`")
            is_chunked = True
    return is_chunked, length


def _reason_of(error: BaseException) -> str:
    """Return what a callback raised, else what llhttp says."""
    cause = error.__context__
    return str(cause) if isinstance(cause, InvalidResponseError) else str(error)
