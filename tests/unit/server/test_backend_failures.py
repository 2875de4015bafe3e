"""Facts about what failures are called."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from gateway.errors import GatewayResponseType
from gateway.messages import Origin
from gateway.server.backend_failures import (
    broken_request,
    client_certificate_refusal,
    connect_failure,
    handshake_broken,
    no_answer,
    shown_origin,
    unreachable,
)
from gateway.streams import BodyError, BodyTooLargeError
from tests.backend_certificates import self_signed

TLS = Origin.make("https", "backend.test", 443)
PLAIN = Origin.make("http", "backend.test", 80)


def verification_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "alert")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "CONNECT_TIMEOUT: no connection to backend.test:443 in 5 s"),
        (verification_error(10, "expired"), "CERTIFICATE_EXPIRED: the certificate of backend.test"),
        (verification_error(9, "early"), "CERTIFICATE_NOT_YET_VALID: "),
        (verification_error(18, "self-signed"), "CERTIFICATE_SELF_SIGNED: "),
        (verification_error(20, "unable"), "CERTIFICATE_UNKNOWN_ISSUER: "),
        (verification_error(62, "mismatch"), "CERTIFICATE_WRONG_HOST: "),
        (verification_error(64, "mismatch"), "CERTIFICATE_WRONG_HOST: "),
        (verification_error(23, "revoked"), "CERTIFICATE_INVALID: "),
        (alert("TLSV1_ALERT_UNKNOWN_CA"), "CLIENT_CERTIFICATE_REFUSED: "),
        (alert("WRONG_VERSION_NUMBER"), "TLS_FAILED: TLS with backend.test:443 failed"),
        (socket.gaierror(-2, "not known"), "NO_ADDRESS: no address for backend.test: not known"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "CONNECTION_REFUSED: "),
        (ConnectionResetError(), "CANNOT_CONNECT: .*ConnectionResetError"),
        (ValueError("null"), "CANNOT_CONNECT: cannot connect to backend.test:443: null"),
    ],
)
def test_failure_has_a_name_and_a_text(error: Exception, text: str) -> None:
    with pytest.raises(Exception, match=text):
        raise connect_failure(error, TLS, 5)


def test_refusal_names_the_certificate_that_was_shown() -> None:
    shown = TLS.presenting(self_signed().client("partner"))
    error = alert("TLSV13_ALERT_CERTIFICATE_REQUIRED")

    assert "refused the client certificate partner" in str(client_certificate_refusal(error, shown))
    assert "without a client certificate" in str(client_certificate_refusal(error, TLS))


@pytest.mark.parametrize("error", [None, OSError(), ssl.SSLError(1, "x"), alert("BAD_RECORD_MAC")])
def test_other_ends_are_no_refusal(error: Exception | None) -> None:
    assert client_certificate_refusal(error, TLS) is None


def test_broken_handshake_is_a_failure_of_tls() -> None:
    assert str(handshake_broken(TLS)).startswith("TLS_FAILED: backend.test:443 closed")


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (TLS, "backend.test:443"),
        (Origin.make("http", "::1", 80), "[::1]:80"),
        (Origin.make_unix("/run/app.sock"), "unix:/run/app.sock"),
        (TLS.through(("10.0.0.1:8443",)), "backend.test:443 through 10.0.0.1:8443"),
    ],
)
def test_origins_are_shown_to_people(origin: Origin, text: str) -> None:
    assert shown_origin(origin) == text


def test_unreachable_is_a_network_error() -> None:
    fault = unreachable("refused")

    assert fault.type is GatewayResponseType.INTEGRATION_FAILURE
    assert (fault.status, fault.source, fault.detail) == (504, "integration", "refused")


@pytest.mark.parametrize(("origin", "has_hint"), [(TLS, True), (PLAIN, False), (None, False)])
def test_end_without_an_answer_hints_at_certificates_where_there_was_tls(
    origin: Origin | None, has_hint: bool
) -> None:
    fault = no_answer(origin)

    assert (fault.type, fault.status) == (GatewayResponseType.DEFAULT_5XX, 502)
    assert ("client certificate" in fault.detail) is has_hint


@pytest.mark.parametrize(
    ("error", "type_", "status"),
    [
        (BodyTooLargeError("too much"), GatewayResponseType.REQUEST_TOO_LARGE, 413),
        (BodyError("the client left"), GatewayResponseType.DEFAULT_4XX, 400),
    ],
)
def test_body_that_breaks_off_is_the_clients_fault(
    error: BodyError, type_: GatewayResponseType, status: int
) -> None:
    fault = broken_request(error)

    assert (fault.type, fault.status) == (type_, status)
    assert (fault.source, fault.detail) == ("client", str(error))
