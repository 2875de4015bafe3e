"""`$context`: what a request is called in AWS's words, for templates, gateway responses and logs.

Names are looked up once, at compile time; what remains for a request is one call of a getter over
its `Exchange`. Getters only read. A variable of a feature that this gateway does not have yet is
known and always missing, so that formats written for AWS are accepted.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Final, Literal

from gateway.client_tls import ClientCertificate, ClientTls
from gateway.messages import Exchange, MethodIdentity

Getter = Callable[[Exchange], str | None]
"""Reads one variable; None: the request has no such value."""

Content = Literal["client", "gateway", "number"]
"""What a value is made of: text that a client may have chosen, text of our own without quotes,
spaces apart, or control characters (ids, dates), or a decimal number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One `$context` variable."""

    get: Getter
    content: Content
    is_always_there: bool = False
    """Every request has a value: `get` never returns None."""
    is_log_only: bool = False
    """Only access logs may name it."""
    is_reserved: bool = False
    """It belongs to a feature that does not exist yet: `get` always returns None."""


class UnknownVariableError(LookupError):
    """No `$context` variable has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.6)
        self.suggestion = near[0] if near else None
        """The nearest name that exists, if one is near."""

    def __str__(self) -> str:
        mend = (
            f"did you mean $context.{self.suggestion}?"
            if self.suggestion
            else "see the list of $context variables in the documentation."
        )
        return f"there is no variable $context.{self.name}; {mend}"


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # fmt: skip
_TIMES_KEPT: Final = 128
"""Seconds whose text is kept: as many as requests commonly last."""
# Process. Written by `clf_time` only.
_times: dict[int, str] = {}


def clf_time(epoch: float) -> str:
    """Return `epoch` as `22/Nov/2026:12:00:00 +0000`, the form of `$context.requestTime`."""
    second = int(epoch)
    text = _times.get(second)
    if text is None:
        if len(_times) >= _TIMES_KEPT:
            _times.clear()
        at = datetime.fromtimestamp(second, UTC)
        month = _MONTHS[at.month - 1]
        text = f"{at.day:02}/{month}/{at.year}:{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
        _times[second] = text
    return text


def _missing(_exchange: Exchange) -> None:
    return None


def _of_identity(read: Callable[[MethodIdentity], str]) -> Getter:
    def get(exchange: Exchange) -> str | None:
        identity = exchange.identity
        return None if identity is None else read(identity) or None

    return get


def _api_key(exchange: Exchange) -> str | None:
    return exchange.usage.api_key or None if exchange.usage else None


def _api_key_id(exchange: Exchange) -> str | None:
    return exchange.usage.api_key_id or None if exchange.usage else None


def _is_canary_request(exchange: Exchange) -> str | None:
    identity = exchange.identity
    if identity is None or identity.is_canary is None:
        return None
    return "true" if identity.is_canary else "false"


def _domain_prefix(exchange: Exchange) -> str | None:
    return exchange.request.host.partition(".")[0] or None


def _trace_root(exchange: Exchange) -> str | None:
    """Return `1-…` of `Root=1-…;Parent=…`."""
    for part in exchange.trace_id.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals and name == "Root":
            return value or None
    return None


def _error_message(exchange: Exchange) -> str | None:
    return None if exchange.fault is None else exchange.fault.message


def _error_message_string(exchange: Exchange) -> str | None:
    """Return the message as JSON: quoted, or null when the fault has none."""
    fault = exchange.fault
    if fault is None:
        return None
    if fault.message is None:
        return "null"
    # Bytes that are no UTF-8 arrive as lone surrogates, which no strict JSON reader takes.
    text = fault.message.encode("utf-8", "backslashreplace").decode("utf-8")
    return json.dumps(text, ensure_ascii=False)


def _integration_error(exchange: Exchange) -> str | None:
    fault = exchange.fault
    if fault is None or fault.source != "integration":
        return None
    return fault.detail or fault.message


def _integration_latency(exchange: Exchange) -> str | None:
    seconds = exchange.integration_latency
    return None if seconds is None else str(round(seconds * 1000))


def _first_content(exchange: Exchange) -> str | None:
    trace = exchange.execution_trace
    if trace is None or trace.first_content is None:
        return None
    return str(round(trace.first_content * 1000))


def _integration_status(exchange: Exchange) -> str | None:
    status = exchange.integration_status
    return None if status is None else str(status)


def _of_tls(read: Callable[[ClientTls], str]) -> Getter:
    def get(exchange: Exchange) -> str | None:
        tls = exchange.request.tls
        return None if tls is None else read(tls) or None

    return get


def _of_certificate(read: Callable[[ClientCertificate], str]) -> Getter:
    def get(exchange: Exchange) -> str | None:
        tls = exchange.request.tls
        return None if tls is None or tls.certificate is None else read(tls.certificate)

    return get


def _sure(get: Callable[[Exchange], str], content: Content, *, is_log_only: bool) -> Variable:
    return Variable(get=get, content=content, is_always_there=True, is_log_only=is_log_only)


def _client(get: Getter) -> Variable:
    return Variable(get=get, content="client")


def _gateway(get: Getter) -> Variable:
    return Variable(get=get, content="gateway")


def _logged(get: Getter, content: Content) -> Variable:
    return Variable(get=get, content=content, is_log_only=True)


_RESERVED: Final = Variable(get=_missing, content="client", is_reserved=True)
_RESERVED_LOGGED: Final = Variable(
    get=_missing, content="client", is_log_only=True, is_reserved=True
)

_PRESENT: Final[dict[str, Variable]] = {
    "accountId": _gateway(_of_identity(lambda identity: identity.account_id)),
    "apiId": _gateway(_of_identity(lambda identity: identity.api_id)),
    "deploymentId": _gateway(_of_identity(lambda identity: identity.deployment_id)),
    "domainName": _client(lambda exchange: exchange.request.host or None),
    "domainPrefix": _client(_domain_prefix),
    "error.message": _client(_error_message),
    "error.messageString": _client(_error_message_string),
    "error.responseType": _gateway(
        lambda exchange: None if exchange.fault is None else exchange.fault.type.value
    ),
    "extendedRequestId": _sure(attrgetter("extended_request_id"), "gateway", is_log_only=False),
    "httpMethod": _sure(attrgetter("request.method"), "client", is_log_only=False),
    "identity.clientCert.clientCertPem": _client(_of_certificate(attrgetter("pem"))),
    "identity.clientCert.issuerDN": _client(_of_certificate(attrgetter("issuer_dn"))),
    "identity.clientCert.serialNumber": _client(_of_certificate(attrgetter("serial_number"))),
    "identity.clientCert.subjectDN": _client(_of_certificate(attrgetter("subject_dn"))),
    "identity.clientCert.validity.notAfter": _client(_of_certificate(attrgetter("not_after"))),
    "identity.clientCert.validity.notBefore": _client(_of_certificate(attrgetter("not_before"))),
    "identity.apiKey": _client(_api_key),
    "identity.apiKeyId": _gateway(_api_key_id),
    "identity.sourceIp": _client(lambda exchange: exchange.request.source_ip or None),
    "identity.userAgent": _client(lambda exchange: exchange.request.fields.get("User-Agent")),
    "isCanaryRequest": _gateway(_is_canary_request),
    "path": _client(lambda exchange: exchange.context_path or exchange.request.path),
    "protocol": _sure(
        lambda exchange: "HTTP/1.0" if exchange.request.is_http_1_0 else "HTTP/1.1",
        "gateway",
        is_log_only=False,
    ),
    "requestId": _sure(attrgetter("request_id"), "gateway", is_log_only=False),
    "requestTime": _sure(lambda exchange: clf_time(exchange.epoch), "gateway", is_log_only=False),
    "requestTimeEpoch": _sure(
        lambda exchange: str(int(exchange.epoch * 1000)), "number", is_log_only=False
    ),
    "resourceId": _gateway(_of_identity(lambda identity: identity.resource_id)),
    # Chosen by the API's owner, not by a client, but its characters are as free.
    "resourcePath": _client(_of_identity(lambda identity: identity.resource_path)),
    "stage": _gateway(_of_identity(lambda identity: identity.stage)),
    "xrayTraceId": _client(_trace_root),
    "cipherSuite": _logged(_of_tls(attrgetter("cipher")), "client"),
    "customDomain.basePathMatched": _logged(lambda exchange: exchange.base_path, "client"),
    "endpointType": _logged(_of_identity(attrgetter("endpoint_type")), "gateway"),
    "integration.error": _logged(_integration_error, "client"),
    "integration.integrationStatus": _logged(_integration_status, "number"),
    "integration.latency": _logged(_integration_latency, "number"),
    "integration.responseTransferMode": _logged(
        _of_identity(attrgetter("response_transfer_mode")), "gateway"
    ),
    "integration.status": _logged(_integration_status, "number"),
    "integration.timeToAllHeaders": _logged(_integration_latency, "number"),
    "integration.timeToFirstContent": _logged(_first_content, "number"),
    "integrationErrorMessage": _logged(_integration_error, "client"),
    "integrationLatency": _logged(_integration_latency, "number"),
    "integrationStatus": _logged(_integration_status, "number"),
    "responseLatency": _sure(
        lambda exchange: str(round(exchange.response_latency * 1000)), "number", is_log_only=True
    ),
    "responseLength": _sure(
        lambda exchange: str(exchange.response_length), "number", is_log_only=True
    ),
    "status": _logged(lambda exchange: str(exchange.status) if exchange.status else None, "number"),
    "tlsVersion": _logged(_of_tls(attrgetter("version")), "client"),
}

_RESERVED_NAMES: Final = """
    authorizer.claims authorizer.principalId awsEndpointRequestId error.validationErrorString
    identity.accessKey identity.accountId identity.caller
    identity.cognitoAuthenticationProvider identity.cognitoAuthenticationType
    identity.cognitoIdentityId identity.cognitoIdentityPoolId
    identity.principalOrgId identity.user identity.userArn identity.vpcId identity.vpceId
    responseOverride.status wafResponseCode webaclArn
""".split()  # noqa: SIM905 (a list would be one name a line)

_RESERVED_LOGGED_NAMES: Final = """
    authenticate.error authenticate.latency authenticate.status
    authorize.error authorize.latency authorize.status
    authorizer.error authorizer.integrationLatency authorizer.integrationStatus
    authorizer.latency authorizer.requestId authorizer.status
    customDomain.routingRuleIdMatched
    integration.requestId
    waf.error waf.latency waf.status
""".split()  # noqa: SIM905 (as above)

KNOWN: Final[Mapping[str, Variable]] = MappingProxyType(
    _PRESENT
    | dict.fromkeys(_RESERVED_NAMES, _RESERVED)
    | dict.fromkeys(_RESERVED_LOGGED_NAMES, _RESERVED_LOGGED)
)
"""Every variable that has a fixed name, without `$context.`."""

_OPEN_FAMILIES: Final = re.compile(
    r"authorizer\.claims\.[^.]+"
    r"|authorizer\.[^.]+"
    r"|requestOverride\.(?:header|path|querystring)\.[^.]+"
    r"|responseOverride\.header\.[^.]+"
)
"""Names whose last part is the user's own."""


def variable(name: str) -> Variable:
    """Return the variable called `name`, given without `$context.`, such as `identity.sourceIp`.

    Raises:
        UnknownVariableError: there is none; its text names the nearest one.
    """
    known = KNOWN.get(name)
    if known is not None:
        return known
    if _OPEN_FAMILIES.fullmatch(name):
        return _RESERVED
    raise UnknownVariableError(name)


def getter(name: str) -> Getter:
    """Return what reads `$context.{name}`.

    Raises:
        UnknownVariableError: there is none; its text names the nearest one.
    """
    return variable(name).get
