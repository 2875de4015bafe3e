"""What control and workers say to each other over their Unix socket. No I/O here.

A message is four bytes of length (big endian) and as many of JSON; an object with `type`. After a
`part` message follow its frames, with lengths of their own but passed on undecoded, so that neither
side spends more than a fraction of a millisecond on one.

    worker → control   hello {worker, pid, have, revision, digest}
    control → worker   part {key, digest, frames}, frame, frame, …; release {revision, parts}
    worker → control   ack {revision, digest, compileSeconds} or nack {revision, digest, problems}
    worker → control   draining {}
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from gateway.release.parts import FRAME_BYTES_MAX, Part

MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX
"""Longest message accepted: a template of 300 KB fits, a runaway length does not."""

_LENGTH: Final = struct.Struct(">I")
_CREDENTIALS: Final = struct.Struct("3i")


class WireError(Exception):
    """The peer does not speak this protocol; the connection is of no more use."""


def pack(payload: bytes) -> bytes:
    """Return a payload with its length before it."""
    return _LENGTH.pack(len(payload)) + payload


def message(type_: str, **fields: object) -> bytes:
    """Return a message ready to be written."""
    return pack(orjson.dumps({"type": type_, **fields}))


def part_messages(part: Part) -> Iterator[bytes]:
    """Yield a part as its announcement and its frames, each ready to be written."""
    yield message("part", key=part.key, digest=part.digest, frames=len(part.frames))
    for frame in part.frames:
        yield pack(frame)


def release_message(revision: int, digests: Mapping[str, str]) -> bytes:
    """Return the message that makes the parts sent so far a release; `digests` names them all."""
    return message("release", revision=revision, parts=digests)


def read_message(payload: bytes) -> dict[str, Any]:
    """Return a decoded message.

    Raises:
        WireError: it is not one.
    """
    try:
        decoded = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(decoded, dict) or not isinstance(decoded.get("type"), str):
        raise WireError("not a message")
    return decoded


class Splitter:
    """Cuts a byte stream into payloads."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """Take bytes, and yield every payload that is complete.

        Raises:
            WireError: a length is beyond all reason.
        """
        buffer = self._buffer
        buffer += octets
        position = 0
        while len(buffer) - position >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, position)
            if length > MESSAGE_BYTES_MAX:
                raise WireError(f"a message of {length} bytes")
            end = position + _LENGTH.size + length
            if end > len(buffer):
                break
            yield bytes(buffer[position + _LENGTH.size : end])
            position = end
        del buffer[:position]


def check_peer(connection: socket.socket) -> None:
    """See that the process at the other end is of the same user (SO_PEERCRED).

    Names in the abstract namespace have no permissions, so both sides ask.

    Raises:
        PermissionError: it is another user's.
    """
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _group = _CREDENTIALS.unpack(credentials)
    if user != os.getuid():
        raise PermissionError(f"process {pid} of user {user} is at the other end")
