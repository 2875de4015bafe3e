"""Custom domain names as rows: what making, checking and showing one has in common."""

from __future__ import annotations

import re
from typing import Any, Final

from gateway.control.api.endpoint_security import check_access_mode
from gateway.control.api.lookups import AnyRow
from gateway.control.api.patch import Working
from gateway.control.api.protocol import Call, present, timestamp
from gateway.definitions.domain import DomainName
from gateway.definitions.stage_validation import problems_of_domain
from gateway.errors import bad_request
from gateway.store.ids import LONG, random_id
from gateway.store.transaction import Transaction

CLOUDFRONT_ZONE: Final = "Z2FDTNDATAQYW2"
"""AWS's hosted zone of all edge-optimized domains."""
REGIONAL_ZONE: Final = "Z1UJRXOUMOOFQ8"
"""AWS's hosted zone of regional domains in us-east-1; shown for every region."""

_TRUSTSTORE: Final = re.compile(r"s3://[a-z0-9.-]{3,63}/[^\s]{1,1024}")


def target_of_domain(name: str) -> str:
    """Return the part of a domain's ARN under which its tags are kept."""
    return f"/domainnames/{name}"


def new_domain(transaction: Transaction, name: str) -> dict[str, Any]:
    """Return the columns that every new domain begins with."""
    return {
        "domain_name": name,
        "security_policy": "TLS_1_2",
        "routing_mode": "BASE_PATH_MAPPING_ONLY",
        "target_label": random_id(LONG),
        "created_epoch": transaction.epoch,
    }


def check_domain(values: Working) -> None:
    """Check what must hold of a domain as a whole.

    Raises:
        ControlError: (BadRequestException) it does not.
    """
    name = values["domain_name"]
    problems = problems_of_domain(DomainName(domain_name=name))
    if problems:
        raise bad_request(f"Invalid domain name specified: {problems[0].message}")
    types = values["endpoint_configuration"]["types"]
    if not types:
        raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    check_access_mode(values["security_policy"], values.get("endpoint_access_mode"))
    mutual = values.get("mutual_tls_authentication")
    if mutual is None:
        return
    if not _TRUSTSTORE.fullmatch(mutual.get("truststoreUri", "")):
        raise bad_request("Invalid truststoreUri specified: write s3://BUCKET/KEY")
    if "EDGE" in types:
        raise bad_request("Mutual TLS authentication is for REGIONAL domain names only")
    if values["security_policy"] != "TLS_1_2":
        raise bad_request("Mutual TLS authentication needs the security policy TLS_1_2")


def domain_shown(row: AnyRow, call: Call) -> dict[str, Any]:
    """Return a domain in AWS's shape, without tags."""
    types = row.endpoint_configuration["types"]
    is_edge, is_regional = "EDGE" in types, "REGIONAL" in types
    label = row.target_label
    return present(
        domainName=row.domain_name,
        domainNameArn=f"arn:aws:apigateway:{call.region}::{target_of_domain(row.domain_name)}",
        certificateName=row.certificate_name,
        certificateArn=row.certificate_arn,
        certificateUploadDate=None
        if row.certificate_epoch is None
        else timestamp(row.certificate_epoch),
        regionalDomainName=f"d-{label}.execute-api.{call.region}.amazonaws.com"
        if is_regional
        else None,
        regionalHostedZoneId=REGIONAL_ZONE if is_regional else None,
        regionalCertificateName=row.regional_certificate_name,
        regionalCertificateArn=row.regional_certificate_arn,
        distributionDomainName=f"d{label}.cloudfront.net" if is_edge else None,
        distributionHostedZoneId=CLOUDFRONT_ZONE if is_edge else None,
        endpointConfiguration=row.endpoint_configuration,
        domainNameStatus="AVAILABLE",
        securityPolicy=row.security_policy,
        endpointAccessMode=row.endpoint_access_mode,
        mutualTlsAuthentication=row.mutual_tls_authentication,
        ownershipVerificationCertificateArn=row.ownership_verification_certificate_arn,
        routingMode=row.routing_mode,
    )
