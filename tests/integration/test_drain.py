"""TERM while clients are at work: every request that was sent gets its whole answer."""

from __future__ import annotations

import select
import signal
import socket
import threading
import time
from typing import Final

from gateway.server.edge import DRAIN_GRACE_SECONDS
from tests.running_gateway import PATIENCE_SECONDS, RunningGateway, until

CLIENTS: Final = 16
GET: Final = (
    b"GET /_aws/execute-api/pets/prod/pets HTTP/1.1\r\nHost: localhost\r\nUser-Agent: drain\r\n\r\n"
)


class KeepAliveClient:
    """Asks for pets on one connection, without a pause, until the gateway ends it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.answers = 0
        self.failure = ""
        """How a request that was sent went without its answer."""
        self.is_told = False
        """Whether an answer said `Connection: close`."""
        self.is_late = False
        """Whether its connection was closed while it asked for nothing, as a paused process does.

        A drain gives idle connections so long; this counts from the last request on.
        """
        self._asked = self._sent = time.monotonic()
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def join(self) -> None:
        """Wait until the gateway has ended the connection."""
        self._thread.join()

    def _work(self) -> None:
        with self._socket:
            while not self.is_told and not self._is_ended():
                asked_before, self._asked = self._asked, time.monotonic()
                try:
                    self._ask()
                except OSError as error:
                    self.failure = f"after {self.answers} answers: {error!r}"
                if self.failure:
                    # Paused between the look at the connection and the request.
                    self.is_late = self._sent - asked_before >= DRAIN_GRACE_SECONDS
                    return
            if not self.is_told:
                self.is_late = time.monotonic() - self._asked >= DRAIN_GRACE_SECONDS

    def _is_ended(self) -> bool:
        """Whether the gateway has closed an idle connection: then nothing is sent on it."""
        readable, _, _ = select.select([self._socket], [], [], 0)
        return bool(readable)

    def _ask(self) -> None:
        try:
            self._socket.sendall(GET)
        finally:
            self._sent = time.monotonic()
        received = b""
        while not received.endswith(b"\r\n\r\none"):
            piece = self._socket.recv(65_536)
            if not piece:
                self.failure = f"after {self.answers} answers: the end, and {received!r}"
                return
            received += piece
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        self.answers += 1
        self.is_told = b"\r\nConnection: close\r\n" in received
        if self.is_told and self._socket.recv(1):
            self.failure = "bytes after the last answer"


def test_term_loses_no_request_of_a_busy_keep_alive_client(
    running_gateway: RunningGateway,
) -> None:
    clients = [KeepAliveClient(running_gateway.listen) for _ in range(CLIENTS)]
    until(lambda: all(client.answers > 10 for client in clients), "the clients to be at work")

    running_gateway.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join()

    failures = [client.failure for client in clients if client.failure and not client.is_late]
    assert failures == []
    assert all(client.is_told or client.is_late for client in clients)
    assert running_gateway.process.wait(PATIENCE_SECONDS) == 0


def test_term_closes_idle_connections_long_before_the_drain_ends(
    running_gateway: RunningGateway,
) -> None:
    host, _, port = running_gateway.listen.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as idle:
        idle.sendall(GET)
        assert idle.recv(65_536).endswith(b"\r\n\r\none")
        running_gateway.process.send_signal(signal.SIGTERM)

        # The drain may take 30 s, this socket's patience is shorter.
        assert idle.recv(1) == b""
    assert running_gateway.process.wait(PATIENCE_SECONDS) == 0
