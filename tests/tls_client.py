"""A client that names one host in the handshake and another in its requests."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.certificates import Authority, Issued

PATIENCE_SECONDS = 20.0


def trusting(
    authority: Authority,
    client: Issued | None = None,
    *,
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """Return a client's context that trusts an authority and shows a certificate, if it has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.maximum_version = oldest, newest
    context.load_verify_locations(cadata=authority.certificate)
    if client is not None:
        with tempfile.TemporaryDirectory() as directory:
            context.load_cert_chain(client.write_whole(Path(directory) / "client.pem"))
    return context


class TlsClient:
    """One connection, kept open."""

    def __init__(
        self,
        address: str,
        server_name: str | None,
        context: ssl.SSLContext,
        session: ssl.SSLSession | None = None,
        *,
        checks_name: bool = True,
    ) -> None:
        host, _, port = address.rpartition(":")
        plain = socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
        context.check_hostname = server_name is not None and checks_name
        try:
            self.socket = context.wrap_socket(plain, server_hostname=server_name, session=session)
        except BaseException:
            plain.close()
            raise
        self._file = self.socket.makefile("rb")

    @property
    def server_certificate(self) -> bytes:
        """DER of what the server has shown."""
        return self.socket.getpeercert(binary_form=True) or b""

    def send(
        self, host: str, path: str, *more: str, method: str = "GET", body: bytes = b""
    ) -> None:
        length = (f"Content-Length: {len(body)}",) if body else ()
        lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", *length, *more, "", "")
        self.socket.sendall("\r\n".join(lines).encode() + body)

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        """Read an answer with a Content-Length: status, headers, body."""
        status_line = self._file.readline().decode()
        assert status_line.startswith("HTTP/1.1 "), status_line
        headers: dict[str, str] = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = self._file.read(int(headers.get("content-length", 0)))
        return int(status_line.split()[1]), headers, body

    def get(self, host: str, path: str) -> tuple[int, bytes]:
        self.send(host, path)
        status, _, body = self.receive()
        return status, body

    def is_ended(self) -> bool:
        """Wait for the server to say something; whether it says goodbye.

        Raises:
            TimeoutError: it says nothing.
        """
        try:
            return self._file.read(1) == b""
        except TimeoutError:
            raise
        except OSError:
            return True

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@contextlib.contextmanager
def connected(
    address: str,
    server_name: str | None,
    context: ssl.SSLContext,
    session: ssl.SSLSession | None = None,
    *,
    checks_name: bool = True,
) -> Iterator[TlsClient]:
    client = TlsClient(address, server_name, context, session, checks_name=checks_name)
    try:
        yield client
    finally:
        client.close()


def ask(
    address: str, server_name: str | None, context: ssl.SSLContext, host: str, path: str
) -> tuple[int, bytes]:
    """Ask on a connection of its own; return status and body."""
    with connected(address, server_name, context) as client:
        return client.get(host, path)
