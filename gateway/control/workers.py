"""The workers as control sees them: what each was sent, what it serves, what it refused."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from gateway.clock import Clock
from gateway.release.parts import Part, diff, digest_of_parts, digests_of
from gateway.release.wire import (
    Splitter,
    WireError,
    check_peer,
    part_messages,
    read_message,
    release_message,
)
from gateway.server.tasks import spawn

_log = logging.getLogger(__name__)

_ACCEPT_PAUSE_SECONDS: Final = 0.1


@dataclass(slots=True)
class WorkerState:
    """What a connected worker said last. Its one writer is its link."""

    worker: int
    pid: int
    revision: int = 0
    """What it serves; 0: nothing yet."""
    digest: str = ""
    compile_seconds: float = 0.0
    refused_revision: int = 0
    """The last release that it could not use."""
    problems: tuple[str, ...] = ()
    """Why."""
    is_draining: bool = False
    since: float = 0.0
    """When it connected, seconds of CLOCK_MONOTONIC."""


class WorkerLinks:
    """The server of the Unix socket: publishes releases, and knows what each worker serves."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._revision = 0
        self._digest = ""
        self._parts: Mapping[str, Part] = {}
        self._links: dict[int, WorkerLink] = {}
        self._changed = asyncio.Event()
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<WorkerLinks {sorted(self._links)}, revision {self._revision}>"

    @property
    def states(self) -> dict[int, WorkerState]:
        """What is known of every connected worker, by index."""
        return {worker: link.state for worker, link in self._links.items() if link.state}

    @property
    def highest_revision(self) -> int:
        """The highest revision that a connected worker serves."""
        return max((state.revision for state in self.states.values()), default=0)

    @property
    def is_serving(self) -> bool:
        """Whether a live worker serves a release and goes on doing so."""
        return any(state.revision and not state.is_draining for state in self.states.values())

    def serve(self, listening: socket.socket) -> None:
        """Accept workers from now on; the socket is this object's."""
        self._listening = listening
        self._accepting = spawn(self._accept(listening), "accept workers")

    async def close(self) -> None:
        """Stop accepting, and leave every worker to itself."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        if self._listening is not None:
            self._listening.close()
        for link in list(self._links.values()):
            link.close()

    def send(self, revision: int, parts: Mapping[str, Part]) -> None:
        """Make this the release that every worker, present and future, is sent."""
        self._revision, self._parts = revision, parts
        self._digest = digest_of_parts(digests_of(parts))
        for link in self._links.values():
            self._send(link)

    async def acknowledged(self, revision: int, timeout_seconds: float) -> bool:
        """Wait until every connected worker serves or has refused `revision`, or time is up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not all(
                    max(state.revision, state.refused_revision) >= revision or state.is_draining
                    for state in self.states.values()
                ):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def joined(self, link: WorkerLink, have: Mapping[str, str], state: WorkerState) -> None:
        """Take in a worker that said hello, and send what it lacks."""
        earlier = self._links.get(state.worker)
        self._links[state.worker] = link
        if earlier is not None and earlier is not link:
            earlier.close()
        state.since = self._now()
        link.have = dict(have)
        if self._revision:
            self._send(link)
        self._changed.set()

    def _send(self, link: WorkerLink) -> None:
        """Send the current release, unless the worker serves it: after a restart of control."""
        state = link.state
        current = self._revision, self._digest
        if state is None or (state.revision, state.digest) != current:
            link.send(self._revision, self._parts)

    def left(self, link: WorkerLink) -> None:
        """Forget a worker whose connection ended."""
        if link.state is not None and self._links.get(link.state.worker) is link:
            del self._links[link.state.worker]
        self._changed.set()

    def heard(self) -> None:
        """Note that a worker's state has changed."""
        self._changed.set()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                # Such as too many open files: the worker waits in the queue, and so do we.
                _log.warning("cannot accept a worker's connection: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            try:
                check_peer(connection)
            except OSError as error:
                _log.warning("refusing a connection: %s", error)
                connection.close()
                continue
            await loop.connect_accepted_socket(lambda: WorkerLink(self), connection)


class WorkerLink(asyncio.Protocol):
    """One worker's connection."""

    def __init__(self, links: WorkerLinks) -> None:
        self._links = links
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self.state: WorkerState | None = None
        """None until the worker said hello."""
        self.have: dict[str, str] = {}
        """Digests of what the worker holds or was sent."""

    def __repr__(self) -> str:
        return f"<WorkerLink {self.state}>"

    def send(self, revision: int, parts: Mapping[str, Part]) -> None:
        """Send what the worker lacks of a release, and the word to serve it."""
        if self._transport is None or self._transport.is_closing():
            return
        for part in diff(self.have, parts):
            self._transport.writelines(part_messages(part))
        self.have = digests_of(parts)
        self._transport.write(release_message(revision, self.have))

    def close(self) -> None:
        """End the connection; the worker goes on serving and connects again."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport; the worker speaks first."""
        # uvloop's transports are asyncio's in all but name.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        """Forget the worker."""
        self._transport = None
        self._links.left(self)

    def data_received(self, data: bytes) -> None:
        """Act on every message that is complete."""
        try:
            for payload in self._splitter.feed(data):
                self._act(read_message(payload))
        except (WireError, KeyError, TypeError, ValueError) as error:
            _log.warning("closing a worker's connection: %r", error)
            self.close()

    def _act(self, message: dict[str, Any]) -> None:
        type_ = message["type"]
        if type_ == "hello":
            state = WorkerState(int(message["worker"]), int(message["pid"]))
            state.revision, state.digest = int(message["revision"]), str(message["digest"])
            self.state = state
            self._links.joined(self, message["have"], state)
            return
        if self.state is None:
            raise WireError(f"{type_} before hello")
        if type_ == "ack":
            self.state.revision = int(message["revision"])
            self.state.digest = str(message["digest"])
            self.state.compile_seconds = float(message["compileSeconds"])
        elif type_ == "nack":
            self.state.refused_revision = int(message["revision"])
            self.state.problems = tuple(map(str, message["problems"]))
        elif type_ == "draining":
            self.state.is_draining = True
        else:
            raise WireError(f"unknown message {type_}")
        self._links.heard()
