"""A body on its way from one connection to another, under back-pressure. No I/O here.

A *producer* (the connection that reads the body) feeds a `BodyStream`;
one *sink* (the connection that
writes it on, or a collector) is attached by whoever wants the body.
Until then chunks are held, and the
producer is paused at the high-water mark.
"""

from __future__ import annotations

from typing import Final, Protocol

from gateway.driver import Waiter

HIGH_WATER_BYTES: Final = 65_536
"""Bytes held for a slow or absent sink before the producer is paused (Envoy advises 32 KiB)."""


class BodyError(Exception):
    """The body broke off: its producer's connection died, or its framing is invalid."""


class BodyTooLargeError(BodyError):
    """The body exceeds the limit that its consumer set."""


class Producer(Protocol):
    """The connection that a body is read from."""

    def pause_body(self) -> None:
        """Stop reading: the sink is slow."""
        ...

    def resume_body(self) -> None:
        """Read on."""
        ...

    def abandon_body(self) -> None:
        """Nobody wants the rest: stop, and do not reuse the connection."""
        ...


class Sink(Protocol):
    """Where a body goes. Exactly one of `body_finished` and `body_failed` comes last."""

    def body_chunk(self, chunk: bytes) -> None:
        """Take a non-empty piece; call `stream.pause()` if it is too much."""
        ...

    def body_finished(self) -> None:
        """The body is complete."""
        ...

    def body_failed(self, error: BodyError) -> None:
        """The body broke off."""
        ...


class BodyStream:
    """A body of `length` bytes (None: unknown, chunked) between one producer and one sink."""

    __slots__ = (
        "_chunks", "_held", "_is_paused", "_producer", "_sink",
        "error", "is_complete", "length", "limit", "received",
    )  # fmt: skip

    def __init__(self, producer: Producer, length: int | None, limit: int | None = None) -> None:
        self._producer: Producer | None = producer
        self._sink: Sink | None = None
        self._chunks: list[bytes] = []
        self._held = 0
        self._is_paused = False
        self.length = length
        self.limit = limit
        """Most bytes to accept, or None; passing it fails the body with `BodyTooLargeError`."""
        self.received = 0
        self.is_complete = False
        self.error: BodyError | None = None

    def __repr__(self) -> str:
        state = "complete" if self.is_complete else "failed" if self.error else "open"
        return f"<BodyStream {state} {self.received}/{self.length} bytes, {self._held} held>"

    # Producer's side

    def feed(self, chunk: bytes) -> None:
        """Hand over the next non-empty piece; ignored after an end or a failure."""
        if self.is_complete or self.error is not None:
            return
        self.received += len(chunk)
        if self.limit is not None and self.received > self.limit:
            self.cut(BodyTooLargeError(f"body exceeds {self.limit} bytes"))
            return
        if self._sink is not None:
            self._sink.body_chunk(chunk)
            return
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held > HIGH_WATER_BYTES:
            self.pause()

    def finish(self) -> None:
        """Say that the body is complete."""
        if self.is_complete or self.error is not None:
            return
        self.is_complete = True
        self._producer = None
        if self._sink is not None:
            sink, self._sink = self._sink, None
            sink.body_finished()

    def fail(self, error: BodyError) -> None:
        """Say that the body broke off."""
        if self.is_complete or self.error is not None:
            return
        self.error = error
        self._producer = None
        if self._sink is not None:
            sink, self._sink = self._sink, None
            sink.body_failed(error)

    # Consumer's side

    def attach(self, sink: Sink) -> None:
        """Send everything held, and all that follows, to `sink`; it may be called back at once."""
        chunks, self._chunks, self._held = self._chunks, [], 0
        was_paused, self._is_paused = self._is_paused, False
        self._sink = sink
        for chunk in chunks:
            sink.body_chunk(chunk)
            if self._sink is not sink:
                return  # It cut the body, and was told.
        if self.is_complete:
            self._sink = None
            sink.body_finished()
        elif self.error is not None:
            self._sink = None
            sink.body_failed(self.error)
        elif was_paused and not self._is_paused and self._producer is not None:
            # Not where the sink has just asked for a pause.
            self._producer.resume_body()

    def take(self) -> bytes:
        """Return the pieces held, and hold them no more; once complete, that is all the rest."""
        chunks = self._chunks
        if not chunks:
            return b""
        self._chunks, self._held = [], 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def pause(self) -> None:
        """Ask the producer to stop reading for now."""
        if not self._is_paused and self._producer is not None:
            self._is_paused = True
            self._producer.pause_body()

    def resume(self) -> None:
        """Ask the producer to read on."""
        if self._is_paused:
            self._is_paused = False
            if self._producer is not None:
                self._producer.resume_body()

    def cut(self, error: BodyError) -> None:
        """Fail the body from this side, and tell the producer that nobody wants the rest."""
        producer = self._producer
        self.fail(error)
        self._chunks.clear()
        if producer is not None:
            producer.abandon_body()

    async def collect(self, limit: int) -> bytes:
        """Wait for the whole body and return it.

        Raises:
            BodyTooLargeError: it exceeds `limit` bytes.
            BodyError: it broke off.
        """
        if self.is_complete:
            body = self.take()
            if len(body) > limit:
                raise BodyTooLargeError(f"body exceeds {limit} bytes")
            return body
        if self.limit is None or limit < self.limit:
            self.limit = limit
        if self.received > limit:
            self.cut(BodyTooLargeError(f"body exceeds {limit} bytes"))
        collector = _Collector()
        self.attach(collector)
        return await collector.whole()


class _Collector:
    """A sink that keeps everything in memory; the stream's limit bounds it."""

    __slots__ = ("_chunks", "_error", "_waiter")

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._error: BodyError | None = None
        self._waiter = Waiter[None]()

    def body_chunk(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def body_finished(self) -> None:
        self._waiter.set(None)

    def body_failed(self, error: BodyError) -> None:
        self._error = error
        self._waiter.set(None)

    async def whole(self) -> bytes:
        await self._waiter
        if self._error is not None:
            raise self._error
        return b"".join(self._chunks)
