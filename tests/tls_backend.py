"""A backend behind TLS, with blocking sockets in threads: its alerts are on the wire at once."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

from gateway.messages import Origin


class TlsBackend:
    """Answers each request with the serial number of the client's certificate, or with nothing."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0
        """Handshakes that came to their end."""
        self.heads: list[str] = []
        """Heads of the requests that came."""
        self._accepted: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="TLS backend")]
        self._threads[0].start()

    def origin(self, host: str = "localhost", *, is_verified: bool = True) -> Origin:
        return Origin.make("https", host, self.port, is_verified=is_verified)

    def close(self) -> None:
        # Closing alone would leave `accept` waiting.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads[0].join()
        for accepted in self._accepted:
            with contextlib.suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listening.accept()
                self._accepted.append(accepted)
                thread = threading.Thread(target=self._serve, args=(accepted,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError), accepted:
            accepted.settimeout(20)
            secured = self._context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            )
            with secured:
                self._accepted.append(secured)
                # By hand: the constructor would close the socket before its alert is sent.
                try:
                    secured.do_handshake()
                except ssl.SSLError:
                    # Closing with something unread would reset the connection, and lose the alert.
                    secured.shutdown(socket.SHUT_WR)
                    while secured.recv(65_536):
                        pass
                    return
                self.connections += 1
                self._answer(secured)

    def _answer(self, secured: ssl.SSLSocket) -> None:
        serial = (secured.getpeercert() or {}).get("serialNumber", "")
        assert isinstance(serial, str)
        received = b""
        while data := secured.recv(65_536):
            received += data
            while b"\r\n\r\n" in received:
                head, _, received = received.partition(b"\r\n\r\n")
                self.heads.append(head.decode())
                answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(serial)}\r\n\r\n{serial}"
                secured.sendall(answer.encode())
