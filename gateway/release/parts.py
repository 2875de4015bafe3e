"""Parts: how a release travels to workers and rests on disk. Pure: no I/O.

A part is one deployment, one API's stages with their slots, one usage plan, one shard of the API
keys, all domains, what connections to backends need, or the settings, named by a key and a digest
of its content; equal digests need not be sent, stored or decoded again. Its content is a sequence
of *frames* (JSON arrays of records, some 4 KiB each), so that whoever decodes it between requests
can stop after every record. A release becomes parts in `encode`, and parts a release in `decode`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.release.records import Record

FRAME_BYTES: Final = 4_096
"""A frame is closed once it is as large; parsing one takes a worker some 0.03 ms."""

FRAME_BYTES_MAX: Final = 16_777_216
"""Longest frame that workers take; a record is never split, so none may be longer."""

CERTIFICATES: Final = "certificates"
"""Key of the part with what domains are served with over TLS; absent while there is nothing."""

CONNECTIONS: Final = "connections"
"""Key of the part with client certificates and VPC links; absent while there are none."""

SOLE: Final = {
    "settings": ("settings",),
    "domains": ("domains", "stored_domains"),
    CERTIFICATES: ("certificates",),
    CONNECTIONS: ("client_certificates", "vpc_links", "stored_connections"),
    "flushes": ("cache_flushes",),
}
"""Parts of which there is one, with the fields that they fill."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a release in its travelling form."""

    key: str
    """`settings`, `domains`, `certificates`, `connections`, `flushes`, `api/{id}`,
    `deployment/{id}`, `plan/{id}` or `keys/{shard}`."""
    digest: str
    frames: tuple[bytes, ...]
    """JSON arrays of records, without line breaks."""

    @property
    def is_secret(self) -> bool:
        """Whether it holds private keys, which nobody but the gateway's user may read."""
        return self.key == CONNECTIONS

    @property
    def longest_frame(self) -> int:
        """The bytes of the longest frame: above `FRAME_BYTES_MAX` it cannot travel."""
        return max(map(len, self.frames))

    @property
    def is_intact(self) -> bool:
        """Whether the content is what the digest says."""
        return digest_of_frames(self.frames) == self.digest


def digest_of_frames(frames: Iterable[bytes]) -> str:
    """Return the digest of a part's content."""
    content = hashlib.sha256()
    for frame in frames:
        content.update(frame)
        content.update(b"\n")
    return content.hexdigest()[:32]


def digest_of_parts(digests: Mapping[str, str]) -> str:
    """Return the digest of a release from its parts' keys and digests."""
    lines = "\n".join(f"{key} {digests[key]}" for key in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def digests_of(parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the digest of each part by key."""
    return {key: part.digest for key, part in parts.items()}


def diff(have: Mapping[str, str], parts: Mapping[str, Part]) -> list[Part]:
    """Return the parts that whoever has the digests `have` lacks."""
    return [part for key, part in parts.items() if have.get(key) != part.digest]


def part_of(key: str, records: Iterable[Record]) -> Part:
    """Return the part of a key from its records, none of which is split between frames."""
    frames: list[bytes] = []
    held: list[bytes] = []
    size = 0
    for record in records:
        text = orjson.dumps(record)
        held.append(text)
        size += len(text)
        if size >= FRAME_BYTES:
            frames.append(b"[" + b",".join(held) + b"]")
            held, size = [], 0
    if held or not frames:
        frames.append(b"[" + b",".join(held) + b"]")
    return Part(key, digest_of_frames(frames), tuple(frames))
