"""RestApi, Resource, Method, MethodResponse: what a deployment freezes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.definitions.authorizer import Authorizer
from gateway.definitions.integration import Integration
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.validators import Model, RequestValidator


class ApiKeySource(StrEnum):
    """Where a method that requires an API key finds it."""

    HEADER = "HEADER"
    AUTHORIZER = "AUTHORIZER"


class AuthorizationType(StrEnum):
    """How callers of a method are authorized."""

    NONE = "NONE"
    AWS_IAM = "AWS_IAM"
    CUSTOM = "CUSTOM"
    COGNITO_USER_POOLS = "COGNITO_USER_POOLS"
    JWT = "JWT"


class EndpointType(StrEnum):
    """How AWS's networks reach an API."""

    EDGE = "EDGE"
    REGIONAL = "REGIONAL"
    PRIVATE = "PRIVATE"


class IpAddressType(StrEnum):
    """Addresses that may reach an API, by AWS."""

    IPV4 = "ipv4"
    DUALSTACK = "dualstack"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfiguration:
    """What AWS's clients are shown of an API's endpoint; it changes nothing of what is served."""

    types: tuple[EndpointType, ...] = ()
    """One type; absent: REGIONAL. PRIVATE needs a `policy`: nothing is private by its network."""
    ip_address_type: IpAddressType | None = None
    """Absent: ipv4, and dualstack for PRIVATE, which allows nothing else."""
    vpc_endpoint_ids: tuple[str, ...] = ()
    """VPC endpoints, for PRIVATE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApi:
    """The API as a whole."""

    name: str
    """Name for people; need not be unique. 1 to 1,024 characters."""
    id: str = ""
    """Identifier used in URLs, `[a-z0-9-]`, at most 63 characters. In files: the file's name."""
    description: str = ""
    """Text for people."""
    version: str = ""
    """Version text for people."""
    api_key_source: ApiKeySource = ApiKeySource.HEADER
    """Where API keys come from."""
    binary_media_types: tuple[str, ...] = ()
    """Media types treated as binary, such as `image/png` or `image/*`."""
    minimum_compression_size: int | None = None
    """Compress answers of at least this many bytes, 0 to 10485760; absent: never."""
    disable_execute_api_endpoint: bool = False
    """Answer 403 on the default endpoint, so that clients must use a custom domain."""
    policy: str | None = None
    """Resource policy as JSON text."""
    endpoint_configuration: EndpointConfiguration | None = None
    """What AWS's clients are shown of the endpoint."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Labels for people and tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResponse:
    """An answer that a method declares, by status."""

    response_parameters: Mapping[str, bool] = field(default_factory=dict)
    """Declared headers, `method.response.header.NAME` to whether it is required."""
    response_models: Mapping[str, str] = field(default_factory=dict)
    """Media type to model name; documentation only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One HTTP method of a resource, with its integration."""

    authorization_type: AuthorizationType = AuthorizationType.NONE
    """How callers are authorized."""
    authorizer_id: str | None = None
    """Authorizer that decides, for CUSTOM, COGNITO_USER_POOLS and JWT."""
    authorization_scopes: tuple[str, ...] = ()
    """Scopes of which the caller's token needs one."""
    api_key_required: bool = False
    """Whether callers must send a valid API key."""
    operation_name: str | None = None
    """Name for people and generated clients."""
    request_validator_id: str | None = None
    """Request validator to apply."""
    request_parameters: Mapping[str, bool] = field(default_factory=dict)
    """Declared `method.request.{path|querystring|header}.NAME` to whether it is required."""
    request_models: Mapping[str, str] = field(default_factory=dict)
    """Media type to name of the model that the body must satisfy."""
    method_responses: Mapping[str, MethodResponse] = field(default_factory=dict)
    """Declared answers by status code."""
    integration: Integration | None = field(
        default=None, metadata={"aliases": ("methodIntegration",)}
    )
    """What serves the method. Required before it can be deployed."""


METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
"""The HTTP methods a resource may define, in AWS's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A path and its methods."""

    path: str
    """Full path such as `/pets/{petId}` or `/{proxy+}`."""
    id: str = ""
    """Identifier, for resources that clients made; empty: it follows from the path."""
    methods: Mapping[str, Method] = field(default_factory=dict)
    """HTTP method (one of GET PUT POST DELETE PATCH OPTIONS HEAD ANY) to its definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDefinition:
    """Everything that a deployment freezes."""

    rest_api: RestApi
    """The API as a whole."""
    resources: tuple[Resource, ...] = ()
    """All resources, by full path."""
    gateway_responses: Mapping[str, GatewayResponse] = field(default_factory=dict)
    """Customised gateway responses by type, such as `DEFAULT_4XX`."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """Models by name."""
    request_validators: Mapping[str, RequestValidator] = field(default_factory=dict)
    """Request validators by id."""
    authorizers: Mapping[str, Authorizer] = field(default_factory=dict)
    """Authorizers by id."""
