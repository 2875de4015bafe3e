"""DomainName and BasePathMapping: custom host names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EndpointAccessMode(StrEnum):
    """How strictly clients must reach a domain."""

    BASIC = "BASIC"
    STRICT = "STRICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class MutualTlsAuthentication:
    """Certificates that clients of a domain must have."""

    truststore_uri: str
    """Where the accepted issuers are: `s3://bucket/key.pem`."""
    truststore_version: str | None = None
    """Version of that object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePathMapping:
    """Requests under a base path of a domain go to an API's stage."""

    rest_api_id: str
    """API served."""
    base_path: str = "(none)"
    """Path without outer slashes, such as `orders/v1`; `(none)`: everything else."""
    stage: str = "(none)"
    """Stage served; `(none)`: the first path segment after the base path names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainName:
    """A host name under which APIs are served."""

    domain_name: str
    """Lower-case host name; `*.example.com` matches any one label in place of the star."""
    base_path_mappings: tuple[BasePathMapping, ...] = ()
    """What is served under which base path; the longest matching one wins."""
    mutual_tls_authentication: MutualTlsAuthentication | None = None
    """Certificates asked of clients. Not enforced yet: such a domain answers 500."""
    endpoint_access_mode: EndpointAccessMode = EndpointAccessMode.BASIC
    """STRICT is not enforced yet: such a domain answers 500."""
