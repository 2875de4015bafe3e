"""Integration and IntegrationResponse: what serves a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class IntegrationType(StrEnum):
    """The kinds of backend."""

    HTTP = "HTTP"
    HTTP_PROXY = "HTTP_PROXY"
    MOCK = "MOCK"
    AWS = "AWS"
    AWS_PROXY = "AWS_PROXY"


class ConnectionType(StrEnum):
    """How the backend is reached."""

    INTERNET = "INTERNET"
    VPC_LINK = "VPC_LINK"


class PassthroughBehavior(StrEnum):
    """What happens to a body that no request template matches."""

    WHEN_NO_MATCH = "WHEN_NO_MATCH"
    WHEN_NO_TEMPLATES = "WHEN_NO_TEMPLATES"
    NEVER = "NEVER"


class ContentHandling(StrEnum):
    """Conversion between binary and text bodies."""

    CONVERT_TO_BINARY = "CONVERT_TO_BINARY"
    CONVERT_TO_TEXT = "CONVERT_TO_TEXT"


class ResponseTransferMode(StrEnum):
    """Whether an answer is bounded by the body limit or streamed without one."""

    BUFFERED = "BUFFERED"
    STREAM = "STREAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """TLS towards the backend."""

    insecure_skip_verification: bool = False
    """Accept a certificate from any issuer. For private CAs and self-signed backends only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationResponse:
    """How a backend's answer becomes a method response."""

    selection_pattern: str = ""
    """Regular expression for the backend's whole status; empty: the default response."""
    response_parameters: Mapping[str, str] = field(default_factory=dict)
    """`method.response.header.NAME` to its source: `integration.response.header.X`, `'text'`, …"""
    response_templates: Mapping[str, str] = field(default_factory=dict)
    """Media type to the template that renders the body."""
    content_handling: ContentHandling | None = None
    """Conversion of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """What serves a method."""

    type: IntegrationType
    """HTTP_PROXY (pass through), HTTP (map request and answer) or MOCK (no backend)."""
    uri: str | None = None
    """Backend URL, `http(s)://…` or `http://unix:/SOCKET:/…`; with `{pathParameter}` and
    `${stageVariables.NAME}`."""
    integration_http_method: str | None = field(default=None, metadata={"aliases": ("httpMethod",)})
    """HTTP method used towards the backend; in files the client's own when absent."""
    connection_type: ConnectionType = ConnectionType.INTERNET
    """How the backend is reached: directly, or through a VPC link's addresses."""
    connection_id: str | None = None
    """VPC link id for VPC_LINK, as in `vpc-links.yaml` or made by the API."""
    integration_target: str | None = None
    """ARN of the load balancer behind the VPC link; its addresses, if `vpc-links.yaml` gives some,
    win over the link's."""
    credentials: str | None = None
    """Role for AWS integrations."""
    request_parameters: Mapping[str, str] = field(default_factory=dict)
    """`integration.request.{path|querystring|header}.NAME` to its source."""
    request_templates: Mapping[str, str] = field(default_factory=dict)
    """Media type to the template that renders the backend's request body."""
    passthrough_behavior: PassthroughBehavior = PassthroughBehavior.WHEN_NO_MATCH
    """What happens to a body that no request template matches."""
    content_handling: ContentHandling | None = None
    """Conversion of the body."""
    timeout_in_millis: int = 29_000
    """Milliseconds until the head of the backend's answer must be there, 50 to 29000."""
    cache_namespace: str | None = None
    """Name under which answers are cached; default: the resource's id."""
    cache_key_parameters: tuple[str, ...] = ()
    """Parameters that tell cached answers apart."""
    tls_config: TlsConfig = field(default_factory=TlsConfig)
    """TLS towards the backend."""
    response_transfer_mode: ResponseTransferMode = ResponseTransferMode.BUFFERED
    """STREAM lifts the limit on the answer's size."""
    integration_responses: Mapping[str, IntegrationResponse] = field(default_factory=dict)
    """Method response status to how it is made (HTTP and MOCK)."""
