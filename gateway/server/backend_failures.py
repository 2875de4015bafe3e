"""How backends fail.

Why no connection came about has a name that logs, alarms and people can look for; what broke off
later is a `Fault` with a sentence.
"""

from __future__ import annotations

import errno
import socket
import ssl
from enum import StrEnum
from typing import Final

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Origin
from gateway.streams import BodyError, BodyTooLargeError


class Failure(StrEnum):
    """The kinds of failure. The names are part of the documentation: docs/backends.md."""

    NO_ADDRESS = "NO_ADDRESS"
    CONNECTION_REFUSED = "CONNECTION_REFUSED"
    CONNECT_TIMEOUT = "CONNECT_TIMEOUT"
    CANNOT_CONNECT = "CANNOT_CONNECT"
    SOCKET_NOT_ALLOWED = "SOCKET_NOT_ALLOWED"
    SOCKET_NOT_THERE = "SOCKET_NOT_THERE"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
    CERTIFICATE_SELF_SIGNED = "CERTIFICATE_SELF_SIGNED"
    CERTIFICATE_UNKNOWN_ISSUER = "CERTIFICATE_UNKNOWN_ISSUER"
    CERTIFICATE_WRONG_HOST = "CERTIFICATE_WRONG_HOST"
    CERTIFICATE_INVALID = "CERTIFICATE_INVALID"
    CLIENT_CERTIFICATE_REFUSED = "CLIENT_CERTIFICATE_REFUSED"
    CLIENT_CERTIFICATE_UNUSABLE = "CLIENT_CERTIFICATE_UNUSABLE"
    TLS_FAILED = "TLS_FAILED"


class CannotConnectError(Exception):
    """No connection came about: the name, the network, TLS or time; the text says which."""

    def __init__(self, text: str, failure: Failure = Failure.CANNOT_CONNECT) -> None:
        super().__init__(f"{failure}: {text}")
        self.failure = failure


class StaleConnectionError(Exception):
    """A reused connection ended before any byte of the answer.

    The backend had closed it meanwhile, or sent something that it was not asked for.
    """

    def __init__(self, is_sent: bool) -> None:
        super().__init__()
        self.is_sent = is_sent
        """Whether the backend may have got the request, or a part of it."""


_VERIFY_FAILURES: Final = {
    9: Failure.CERTIFICATE_NOT_YET_VALID,
    10: Failure.CERTIFICATE_EXPIRED,
    18: Failure.CERTIFICATE_SELF_SIGNED,
    19: Failure.CERTIFICATE_UNKNOWN_ISSUER,
    20: Failure.CERTIFICATE_UNKNOWN_ISSUER,
    21: Failure.CERTIFICATE_UNKNOWN_ISSUER,
    62: Failure.CERTIFICATE_WRONG_HOST,
    64: Failure.CERTIFICATE_WRONG_HOST,
}
"""By OpenSSL's X509_V_ERR_*, which is `SSLCertVerificationError.verify_code`."""

_REFUSALS: Final = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
"""Ends of the names that OpenSSL gives to alerts (RFC 8446 section 6.2) about our certificate: ours
is the only one that a backend judges."""

_NO_CERTIFICATE: Final = (
    ", just after the TLS handshake: so end, too, those of backends that refuse our client"
    " certificate, or miss one"
)

_ERRNO_FAILURES: Final = {
    errno.ECONNREFUSED: Failure.CONNECTION_REFUSED,
    errno.ENOENT: Failure.SOCKET_NOT_THERE,
}


def connect_failure(error: Exception, origin: Origin, seconds: float) -> CannotConnectError:
    """Return the name and text of what was raised while a connection was opened.

    `seconds` is how long opening it may take.
    """
    where = shown_origin(origin)
    if isinstance(error, TimeoutError):
        text = f"no connection to {where} in {seconds:g} s"
        return CannotConnectError(text, Failure.CONNECT_TIMEOUT)
    if isinstance(error, ssl.SSLCertVerificationError):
        failure = _VERIFY_FAILURES.get(error.verify_code, Failure.CERTIFICATE_INVALID)
        text = f"the certificate of {where} was refused: {error.verify_message}"
        return CannotConnectError(text, failure)
    if isinstance(error, ssl.SSLError):
        refusal = client_certificate_refusal(error, origin)
        return refusal or CannotConnectError(
            f"TLS with {where} failed: {error}", Failure.TLS_FAILED
        )
    if isinstance(error, socket.gaierror):
        text = f"no address for {origin.host}: {error.strerror}"
        return CannotConnectError(text, Failure.NO_ADDRESS)
    # Names that IDNA or the resolver cannot take and ports beyond 65535 end here as well.
    number = error.errno if isinstance(error, OSError) else None
    failure = _ERRNO_FAILURES.get(number or 0, Failure.CANNOT_CONNECT)
    told = str(error) or type(error).__name__
    return CannotConnectError(f"cannot connect to {where}: {told}", failure)


def handshake_broken(origin: Origin) -> CannotConnectError:
    """Return the failure of a backend that went away in the middle of the TLS handshake."""
    text = f"{shown_origin(origin)} closed the connection during the TLS handshake"
    return CannotConnectError(text, Failure.TLS_FAILED)


def client_certificate_refusal(
    error: Exception | None, origin: Origin
) -> CannotConnectError | None:
    """Return the failure if `error` is a backend's alert about our certificate, or its absence.

    In TLS 1.3 it comes when the handshake is over for us: as the end of a connection.
    """
    # Those that OpenSSL did not raise have no reason.
    reason: str | None = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    if not reason or not reason.endswith(_REFUSALS):
        return None
    shown = (
        f"the client certificate {origin.client_certificate.client_certificate_id}"
        if origin.client_certificate is not None
        else "a request without a client certificate"
    )
    text = f"{shown_origin(origin)} refused {shown}: {reason.lower().replace('_', ' ')}"
    return CannotConnectError(text, Failure.CLIENT_CERTIFICATE_REFUSED)


def shown_origin(origin: Origin) -> str:
    """Return a backend's address for people."""
    if origin.unix_path:
        return f"unix:{origin.unix_path}"
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    through = f" through {', '.join(origin.targets)}" if origin.targets else ""
    return f"{host}:{origin.port}{through}"


def unreachable(detail: str) -> Fault:
    """Return the Fault for a backend that no connection can be had to."""
    return Fault(GatewayResponseType.INTEGRATION_FAILURE, source="integration", detail=detail)


def no_answer(origin: Origin | None) -> Fault:
    """Return the Fault for a new connection that ended before any byte of the answer."""
    hint = _NO_CERTIFICATE if origin is not None and origin.scheme == "https" else ""
    return broken_answer(f"the connection ended without an answer{hint}")


def broken_answer(detail: str) -> Fault:
    """Return the Fault for an answer that is invalid, too large or broken off."""
    return Fault(GatewayResponseType.DEFAULT_5XX, source="integration", status=502, detail=detail)


def broken_request(error: BodyError) -> Fault:
    """Return the Fault for a client's body that broke off or is too large."""
    if isinstance(error, BodyTooLargeError):
        return Fault(GatewayResponseType.REQUEST_TOO_LARGE, source="client", detail=str(error))
    return Fault(GatewayResponseType.DEFAULT_4XX, source="client", detail=str(error))
