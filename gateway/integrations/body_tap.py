"""A body that somebody looks at as it passes: the same pieces, in the same order, none kept.

Nothing moves before the consumer wants it, and its pauses reach the producer: a body that nobody
reads stays unread, so that a client that waits for `100 Continue` goes on waiting.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.streams import BodyError, BodyStream


def tapped(source: BodyStream, look: Callable[[bytes], None]) -> BodyStream:
    """Return a body that is `source`, each piece of which is also given to `look`."""
    tap = _Tap(source, look)
    tap.stream.limit = source.limit
    if source.is_complete:
        # Whoever asks whether it is complete takes it at once.
        tap.open()
    else:
        # The first consumer resumes it, and so opens the tap.
        tap.stream.pause()
    return tap.stream


class _Tap:
    """Sink of the one stream, producer of the other."""

    __slots__ = ("_is_open", "_look", "_source", "stream")

    def __init__(self, source: BodyStream, look: Callable[[bytes], None]) -> None:
        self._source = source
        self._look = look
        self._is_open = False
        self.stream = BodyStream(self, source.length)

    def open(self) -> None:
        self._is_open = True
        self._source.attach(self)

    # Sink of the source

    def body_chunk(self, chunk: bytes) -> None:
        self._look(chunk)
        self.stream.feed(chunk)

    def body_finished(self) -> None:
        self.stream.finish()

    def body_failed(self, error: BodyError) -> None:
        self.stream.fail(error)

    # Producer of the stream

    def pause_body(self) -> None:
        if self._is_open:
            self._source.pause()

    def resume_body(self) -> None:
        if self._is_open:
            self._source.resume()
        else:
            self.open()

    def abandon_body(self) -> None:
        self._source.cut(self.stream.error or BodyError("nobody wants the rest"))
