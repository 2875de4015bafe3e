"""A backend that swallows request bodies as fast as they come: `body_sink PORT`.

It answers with the count once the body is complete. With `?pause` in the target it stops reading
for a while in the middle, as a slow backend would.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Final, cast

import uvloop

PAUSE_AFTER_BYTES: Final = 8 * 1024 * 1024
PAUSE_SECONDS: Final = 1.0
_BUFFER: Final = 256 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Sink(asyncio.BufferedProtocol):
    """One connection; requests follow each other."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER)
        self._head = b""
        self._is_in_body = False
        self._length = 0
        self._received = 0
        self._pause_at = -1
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._is_in_body:
            self._count(nbytes)
            return
        self._head += bytes(self._buffer[:nbytes])
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            return
        self._head = b""
        length = _LENGTH.search(head)
        # Without a length (the readiness check, chunks) there is nothing to swallow.
        self._length = int(length[1]) if length else 0
        self._received = 0
        self._pause_at = PAUSE_AFTER_BYTES if b"?pause" in head.split(b"\r\n")[0] else -1
        self._is_in_body = True
        self._count(len(rest))

    def _count(self, received: int) -> None:
        self._received += received
        assert self._transport is not None
        if 0 <= self._pause_at <= self._received:
            self._pause_at = -1
            self._transport.pause_reading()
            loop = asyncio.get_running_loop()
            loop.call_later(PAUSE_SECONDS, self._transport.resume_reading)
        if self._received >= self._length:
            self._is_in_body = False
            body = b'{"bytes": %d}' % self._received
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))
