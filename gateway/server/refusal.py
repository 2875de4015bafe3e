"""Answers that the edge gives before a request is one: fixed bodies, never a byte of the client's.

Each has a reason, the label under which it is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_JSON: Final = b"application/json"
_ALLOW: Final = b"Allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fixed answer after which the connection is closed."""

    reason: str
    """The metric's label: few, and never made of a client's bytes."""
    status: int
    body: bytes
    content_type: bytes = _JSON
    head: bytes = b""
    """Further header lines, each ended by CRLF."""


class RefusedError(Exception):
    """Raised where a client's bytes are found wanting; carries the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def _bad_request(reason: str) -> Refusal:
    return Refusal(reason, 400, b'{"message":"Bad Request"}')


NOT_HTTP: Final = _bad_request("not_http")
"""The first bytes cannot begin a request: TLS on a plain port, for example."""
REQUEST_LINE: Final = _bad_request("request_line")
TARGET: Final = _bad_request("target")
HOST: Final = _bad_request("host")
HEADER: Final = _bad_request("header")
"""A header that the parser refuses, or a second one of a kind that may come only once."""
FRAMING: Final = _bad_request("framing")
"""Where the body ends is not beyond doubt."""
BODY: Final = _bad_request("body")
"""The body broke off, or its chunks are malformed."""
SLOW_HEAD: Final = Refusal("slow_head", 408, b'{"message":"Request Timeout"}')
SLOW_BODY: Final = Refusal("slow_body", 408, b'{"message":"Request Timeout"}')
METHOD: Final = Refusal("method", 405, b'{"message":"Method Not Allowed"}', head=_ALLOW)
SERVER_OPTIONS: Final = Refusal("server_options", 200, b"{}", head=_ALLOW)
"""The answer to `OPTIONS *`, which asks about the server and not about any API."""
TARGET_TOO_LONG: Final = Refusal("target_too_long", 414, b'{"message":"URI Too Long"}')
EXPECTATION: Final = Refusal("expectation", 417, b'{"message":"Expectation Failed"}')
HEADERS_TOO_LARGE: Final = Refusal(
    "headers_too_large", 431, b'{"message":"Request Header Fields Too Large"}'
)
UNKNOWN_METHOD: Final = Refusal("unknown_method", 501, b'{"message":"Not Implemented"}')
UNKNOWN_CODING: Final = Refusal("unknown_coding", 501, b'{"message":"Not Implemented"}')
VERSION: Final = Refusal("version", 505, b'{"message":"HTTP Version Not Supported"}')
INTERNAL: Final = Refusal("bug", 500, b'{"message":"Internal server error"}')
BROKEN_ANSWER: Final = Refusal("broken_answer", 502, b'{"message":"Internal server error"}')
"""The backend's body broke off before a byte of the answer was sent."""


def too_large(limit_bytes: int) -> Refusal:
    """Return the answer to a body beyond `limit_bytes`, in the words of AWS's front end."""
    body = b"HTTP content length exceeded %d bytes." % limit_bytes
    return Refusal("body_too_large", 413, body, content_type=b"text; charset=utf-8")


CONNECTION_LIMIT: Final = "connection_limit"
ADDRESS_LIMIT: Final = "address_limit"
"""Reasons for which a connection is reset without an answer."""

TLS_HANDSHAKE: Final = "tls_handshake"
"""No TLS, none that both sides speak, a client certificate that is not accepted, or a client that
does not accept ours."""
TLS_NAME: Final = "tls_name"
"""A client names no host, or one without a certificate."""
TLS_SLOW: Final = "tls_slow"
TLS_LIMIT: Final = "tls_limit"
"""Reasons for which there is no connection; the third and the fourth reset it."""

REASONS: Final[tuple[str, ...]] = (
    *(
        refusal.reason
        for refusal in (
            NOT_HTTP, REQUEST_LINE, TARGET, HOST, HEADER, FRAMING, BODY, SLOW_HEAD, SLOW_BODY,
            METHOD, SERVER_OPTIONS, TARGET_TOO_LONG, EXPECTATION, HEADERS_TOO_LARGE,
            UNKNOWN_METHOD, UNKNOWN_CODING, VERSION, INTERNAL, BROKEN_ANSWER, too_large(0),
        )
    ),
    CONNECTION_LIMIT,
    ADDRESS_LIMIT,
    TLS_HANDSHAKE,
    TLS_NAME,
    TLS_SLOW,
    TLS_LIMIT,
)  # fmt: skip
"""Every reason that `Service.refused` can be given; `telemetry.metrics` has a cell for each."""
