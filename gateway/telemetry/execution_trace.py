"""What data tracing notes of a request while it passes: headers, and how each body begins.

Bounded: a log line holds 1,024 bytes, so that is all that is kept of a body of any size.
"""

from __future__ import annotations

from typing import Final

from gateway.messages import RawHeaders

EXCERPT_BYTES: Final = 1024
"""Kept of a body: what no line can show is not copied."""


class Excerpt:
    """How a body begins, and how long it is."""

    __slots__ = ("kept", "length")

    def __init__(self, body: bytes = b"") -> None:
        self.kept = b""
        self.length = 0
        """Bytes of the whole body, as far as it has passed."""
        self.add(body)

    def __repr__(self) -> str:
        return f"<Excerpt {len(self.kept)} of {self.length} bytes>"

    def add(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        room = EXCERPT_BYTES - len(self.kept)
        if room > 0:
            self.kept += chunk[:room]
        self.length += len(chunk)


class ExecutionTrace:
    """What passed in one request. One writer: `integrations.traced`."""

    __slots__ = (
        "answer", "answer_headers", "endpoint_answer", "endpoint_answer_headers",
        "endpoint_headers", "endpoint_request", "first_content", "has_data", "request", "sent_at",
    )  # fmt: skip

    def __init__(self, *, has_data: bool) -> None:
        self.has_data = has_data
        """Whether headers and bodies are noted; else only times are."""
        self.request = Excerpt()
        """The client's body, as far as somebody read it."""
        self.endpoint_headers: RawHeaders | None = None
        """None: no backend was called."""
        self.endpoint_request = Excerpt()
        self.endpoint_answer_headers: RawHeaders | None = None
        """None: no answer came."""
        self.endpoint_answer = Excerpt()
        self.answer_headers: RawHeaders | None = None
        """None: the integration gave no answer, but failed."""
        self.answer = Excerpt()
        self.sent_at: float | None = None
        """When the backend was asked, seconds of CLOCK_MONOTONIC."""
        self.first_content: float | None = None
        """Seconds from `sent_at` to the first bytes of the backend's body; None: none came."""
