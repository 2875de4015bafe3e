"""The worker's end of the socket to the control process: takes releases, tells what became of them.

Traffic never waits for it: while control is gone the worker serves what it has, and tries again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from gateway.errors import ConfigurationError
from gateway.release.parts import Part
from gateway.release.wire import Splitter, WireError, check_peer, message, read_message
from gateway.worker.shelf import PartShelf

_log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.5
"""Pauses between attempts to connect, doubling from the first to the longest."""

Hello = Callable[[], Mapping[str, object]]
"""Returns what the worker says first: its index, process id, and what it serves."""


class Offers(Protocol):
    """Who compiles releases."""

    def offer(self, revision: int, digests: Mapping[str, str]) -> None:
        """Compile and serve a release, whose parts are on the shelf, as soon as possible.

        Raises:
            ConfigurationError: a part is missing.
        """
        ...


class ReleaseClient:
    """Keeps a connection to control for as long as the worker lives."""

    def __init__(self, address: str, shelf: PartShelf, offers: Offers, hello: Hello) -> None:
        self._address = address
        self._shelf = shelf
        self._offers = offers
        self._hello = hello
        self._link: _Link | None = None

    def __repr__(self) -> str:
        return f"<ReleaseClient {'connected' if self._link else 'alone'}>"

    async def run(self) -> None:
        """Connect, and connect again whenever the connection ends. Never returns."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._connect()
                pause = FIRST_PAUSE_SECONDS
            except OSError as error:
                _log.debug("control cannot be reached: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def tell(self, type_: str, **fields: object) -> None:
        """Tell control something; when there is none, the next hello says it all."""
        if self._link is not None:
            self._link.write(message(type_, **fields))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, self._address)
            check_peer(connection)
            link = _Link(self._shelf, self._offers)
            await loop.create_unix_connection(lambda: link, sock=connection)
        except BaseException:
            connection.close()
            raise
        self._link = link
        try:
            link.write(message("hello", have=self._shelf.digests, **self._hello()))
            await link.ended.wait()
        finally:
            self._link = None
            link.close()


class _Link(asyncio.Protocol):
    """One connection to control."""

    def __init__(self, shelf: PartShelf, offers: Offers) -> None:
        self._shelf = shelf
        self._offers = offers
        self._splitter = Splitter()
        self._transport: asyncio.WriteTransport | None = None
        self._part: tuple[str, str, int] | None = None
        """Key, digest and number of frames of the part that is arriving."""
        self._frames: list[bytes] = []
        self.ended = asyncio.Event()

    def write(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but name.
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        self._transport = None
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._splitter.feed(data):
                if self._part is not None:
                    self._take_frame(self._part, payload)
                else:
                    self._act(read_message(payload))
        except (WireError, ConfigurationError, KeyError, TypeError, ValueError) as error:
            # Begin anew with nothing: control then sends everything.
            _log.warning("closing the connection to control: %r", error)
            self._shelf.clear()
            self.close()

    def _act(self, received: dict[str, Any]) -> None:
        if received["type"] == "part":
            self._part = received["key"], received["digest"], int(received["frames"])
            self._frames = []
        elif received["type"] == "release":
            self._offers.offer(int(received["revision"]), received["parts"])
        else:
            raise WireError(f"unknown message {received['type']}")

    def _take_frame(self, part: tuple[str, str, int], frame: bytes) -> None:
        self._frames.append(frame)
        key, digest, count = part
        if len(self._frames) == count:
            self._shelf.put(Part(key, digest, tuple(self._frames)))
            self._part = None
