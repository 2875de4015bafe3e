"""DomainName and BasePathMapping: custom host names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class EndpointAccessMode(StrEnum):
    """How strictly clients must reach a domain."""

    BASIC = "BASIC"
    STRICT = "STRICT"


class SecurityPolicy(StrEnum):
    """Which TLS clients may speak (AWS's names, semantics sheet 9.4 and 19.5)."""

    TLS_1_0 = "TLS_1_0"
    TLS_1_2 = "TLS_1_2"
    TLS13_1_3_2025_09 = "SecurityPolicy_TLS13_1_3_2025_09"
    TLS13_1_3_FIPS_2025_09 = "SecurityPolicy_TLS13_1_3_FIPS_2025_09"
    TLS13_1_2_PFS_PQ_2025_09 = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    TLS13_1_2_FIPS_PQ_2025_09 = "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09"
    TLS13_1_2_FIPS_PFS_PQ_2025_09 = "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09"
    TLS13_1_2_EXT2_PQ_2025_09 = "SecurityPolicy_TLS13_1_2_Ext2_PQ_2025_09"
    TLS13_1_2_EXT2_FIPS_PQ_2025_09 = "SecurityPolicy_TLS13_1_2_Ext2_FIPS_PQ_2025_09"
    TLS13_1_2_PQ_2025_09 = "SecurityPolicy_TLS13_1_2_PQ_2025_09"
    TLS13_1_2_2021_06 = "SecurityPolicy_TLS13_1_2_2021_06"
    TLS13_2025_EDGE = "SecurityPolicy_TLS13_2025_EDGE"
    TLS12_PFS_2025_EDGE = "SecurityPolicy_TLS12_PFS_2025_EDGE"
    TLS12_2018_EDGE = "SecurityPolicy_TLS12_2018_EDGE"


TLS_1_3_ONLY: Final = frozenset(
    {
        SecurityPolicy.TLS13_1_3_2025_09,
        SecurityPolicy.TLS13_1_3_FIPS_2025_09,
        SecurityPolicy.TLS13_2025_EDGE,
    }
)
"""Policies under which TLS 1.2 is refused; under all others it is the oldest that is spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MutualTlsAuthentication:
    """Certificates that clients of a domain must have."""

    truststore_uri: str
    """PEM file of the accepted issuers, relative to the configuration directory; or AWS's
    `s3://bucket/key.pem`, which is the file `truststores/bucket/key.pem`."""
    truststore_version: str | None = None
    """Version of that object: shown, and without effect."""


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
    """Certificates asked of clients; without one, and without TLS, the answer is 403."""
    endpoint_access_mode: EndpointAccessMode = EndpointAccessMode.BASIC
    """STRICT: the name of the TLS handshake (SNI) must be that of the Host header, else 403."""
    certificate_file: str | None = None
    """PEM file of the domain's certificate, its issuers after it, relative to the configuration
    directory."""
    private_key_file: str | None = None
    """PEM file of its private key; absent: the key is in `certificateFile`."""
    regional_certificate_arn: str | None = None
    """Instead of files: an ARN whose last part NAME stands for `certificates/NAME.pem` and
    `certificates/NAME.key`."""
    certificate_arn: str | None = None
    """The same, as AWS calls it for an edge-optimized domain."""
    security_policy: SecurityPolicy = SecurityPolicy.TLS_1_2
    """The oldest TLS version that is accepted: 1.2, under some policies 1.3. TLS_1_0 means 1.2."""
