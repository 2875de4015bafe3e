"""From plain HTTP to HTTPS, for custom domains that have a certificate: 308, with the same method.

It stands before the service, and only where the setting asks for it: others pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.integrations.base import Answer
from gateway.messages import Exchange, InvocationRequest, InvocationResponse
from gateway.pipeline.service import Service

HTTPS_PORT: Final = 443
_BODY: Final = b'{"message":"Permanent Redirect"}'


class Redirector:
    """A service that answers plain HTTP with the way to HTTPS, and leaves the rest to another."""

    def __init__(self, service: Service, has_certificate: Callable[[str], bool], port: int) -> None:
        """Take what is behind, which hosts HTTPS is served for, and on which port."""
        self._service = service
        self._has_certificate = has_certificate
        self._port = "" if port == HTTPS_PORT else f":{port}"
        self.open = service.open
        self.refuse = service.refuse
        self.record = service.record
        self.refused = service.refused

    def __repr__(self) -> str:
        return f"<Redirector to port {self._port or HTTPS_PORT}>"

    def answer(self, exchange: Exchange) -> Answer:
        """Return the answer to a request, or the work of getting it."""
        request = exchange.request
        # The client's own scheme: a trusted proxy in front may have ended its TLS.
        if request.scheme == "http" and self._has_certificate(request.host):
            return self._redirect(request)
        return self._service.answer(exchange)

    def _redirect(self, request: InvocationRequest) -> InvocationResponse:
        # `OPTIONS *` asks for no path.
        target = request.target if request.target != "*" else "/"
        location = f"https://{request.host}{self._port}{target}".encode("ascii")
        head = b"Content-Type: application/json\r\nLocation: " + location + b"\r\n"
        return InvocationResponse(308, head, _BODY)
