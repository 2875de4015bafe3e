"""Custom domain names through AWS's client."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import REGION, ControlPlane, patch, refusal

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/abc"
NAME = "api.example.com"


def regional(aws: Any, name: str = NAME, **arguments: Any) -> dict[str, Any]:
    made: dict[str, Any] = aws.create_domain_name(
        domainName=name, endpointConfiguration={"types": ["REGIONAL"]}, **arguments
    )
    return made


def patched(aws: Any, *operations: dict[str, str], name: str = NAME) -> dict[str, Any]:
    told: dict[str, Any] = aws.update_domain_name(domainName=name, patchOperations=operations)
    return told


def test_a_regional_domain_has_the_shape_of_aws(control: ControlPlane, aws: Any) -> None:
    regional(aws, regionalCertificateArn=CERTIFICATE, tags={"team": "a"})

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told.pop("regionalDomainName").endswith(f".execute-api.{REGION}.amazonaws.com")
    assert told.pop("regionalHostedZoneId")
    assert told == {
        "domainName": NAME,
        "domainNameArn": f"arn:aws:apigateway:{REGION}::/domainnames/{NAME}",
        "regionalCertificateArn": CERTIFICATE,
        "endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"},
        "domainNameStatus": "AVAILABLE",
        "securityPolicy": "TLS_1_2",
        "routingMode": "BASE_PATH_MAPPING_ONLY",
        "tags": {"team": "a"},
    }
    assert control.published[-1].are_domains_changed
    assert aws.get_domain_name(domainName=NAME)["regionalCertificateArn"] == CERTIFICATE


def test_a_domain_is_edge_optimized_unless_it_says_otherwise(aws: Any) -> None:
    told = aws.create_domain_name(domainName="*.example.com", certificateArn=CERTIFICATE)

    assert told["endpointConfiguration"] == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    assert told["distributionDomainName"].endswith(".cloudfront.net")
    assert "regionalDomainName" not in told
    assert told["certificateUploadDate"]


def test_pages_hold_every_domain_once(aws: Any) -> None:
    names = [f"{letter}.example.com" for letter in "abcde"]
    for name in names:
        regional(aws, name)

    pages = list(aws.get_paginator("get_domain_names").paginate(PaginationConfig={"PageSize": 2}))

    assert [each["domainName"] for page in pages for each in page["items"]] == names
    assert aws.get_domain_names(resourceOwner="OTHER_ACCOUNTS")["items"] == []
    with pytest.raises(ClientError) as error:
        aws.get_domain_names(resourceOwner="NOBODY")
    assert refusal(error)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("arguments", "type_", "message"),
    [
        ({"domainName": "A.example.com"}, "BadRequest", "Invalid domain name specified: "),
        ({"domainName": "a"}, "BadRequest", "Invalid domain name specified: "),
        (
            {"domainName": "*.execute-api.localhost"},
            "BadRequest",
            "Invalid domain name specified: ",
        ),
        ({"domainName": "a..b"}, "BadRequest", "Invalid domain name specified: "),
        ({"domainName": "a.example.com:80"}, "BadRequest", "Invalid domain name specified: "),
        ({"domainName": "a.*.com"}, "BadRequest", "Invalid domain name specified: "),
        ({"domainName": "a.example.com.aside"}, "BadRequest", "Invalid domain name specified: "),
        ({"domainName": NAME}, "Conflict", "The domain name you provided already exists."),
        (
            {"endpointConfiguration": {"types": []}},
            "BadRequest",
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        (
            {"endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}},
            "BadRequest",
            "Cannot create a domain name with multiple Endpoint Types.",
        ),
        (
            {"endpointConfiguration": {"types": ["PRIVATE"]}},
            "BadRequest",
            "PRIVATE domain names are not supported",
        ),
        ({"policy": "{}"}, "BadRequest", "A policy is for private domain names only"),
        ({"certificateArn": "abc"}, "BadRequest", "Invalid certificate ARN specified"),
        ({"certificatePrivateKey": "secret"}, "BadRequest", "Certificates cannot be uploaded"),
        (
            {"securityPolicy": "SecurityPolicy_TLS13_1_3_2025_09"},
            "BadRequest",
            "endpointAccessMode is required with SecurityPolicy_TLS13_1_3_2025_09",
        ),
        ({"endpointAccessMode": "STRICT"}, "BadRequest", "endpointAccessMode cannot be used with"),
        (
            {"mutualTlsAuthentication": {"truststoreUri": "s3://bucket/key.pem"}},
            "BadRequest",
            "Mutual TLS authentication is for REGIONAL domain names only",
        ),
        (
            {"mutualTlsAuthentication": {"truststoreUri": "/etc/passwd"}},
            "BadRequest",
            "Invalid truststoreUri specified",
        ),
        (
            {
                "endpointConfiguration": {"types": ["REGIONAL"]},
                "securityPolicy": "TLS_1_0",
                "mutualTlsAuthentication": {"truststoreUri": "s3://bucket/key.pem"},
            },
            "BadRequest",
            "Mutual TLS authentication needs the security policy TLS_1_2",
        ),
    ],
)
def test_a_bad_domain_is_refused(
    control: ControlPlane, aws: Any, arguments: dict[str, Any], type_: str, message: str
) -> None:
    regional(aws)

    with pytest.raises(ClientError) as error:
        aws.create_domain_name(**{"domainName": "new.example.com", **arguments})

    code, told = refusal(error)
    assert (code, told[: len(message)]) == (f"{type_}Exception", message)
    assert "secret" not in str(control.last_audit())


def test_an_unknown_domain_is_not_found(aws: Any) -> None:
    regional(aws)
    for call in (
        lambda: aws.get_domain_name(domainName="no.example.com"),
        lambda: aws.get_domain_name(domainName=NAME, domainNameId="abc"),
        lambda: aws.delete_domain_name(domainName="no.example.com"),
        lambda: patched(aws, name="no.example.com"),
        lambda: aws.get_base_path_mappings(domainName="no.example.com"),
    ):
        with pytest.raises(ClientError) as error:
            call()

        assert refusal(error) == (
            "NotFoundException",
            "Invalid domain name identifier specified",
        )


def test_a_domain_migrates_from_edge_to_regional(aws: Any) -> None:
    aws.create_domain_name(domainName=NAME, certificateArn=CERTIFICATE)

    both = patched(
        aws,
        patch("add", "/endpointConfiguration/types", "REGIONAL"),
        patch("replace", "/regionalCertificateArn", CERTIFICATE),
    )
    assert both["endpointConfiguration"]["types"] == ["EDGE", "REGIONAL"]
    one = patched(aws, patch("remove", "/endpointConfiguration/types", "EDGE"))
    assert one["endpointConfiguration"]["types"] == ["REGIONAL"]
    other = patched(aws, patch("replace", "/endpointConfiguration/types/REGIONAL", "EDGE"))
    assert other["endpointConfiguration"]["types"] == ["EDGE"]
    assert other["tags"] == {}


def test_mutual_tls_comes_and_goes(control: ControlPlane, aws: Any) -> None:
    regional(aws, mutualTlsAuthentication={"truststoreUri": "s3://bucket/key.pem"})

    told = patched(aws, patch("add", "/mutualTlsAuthentication/truststoreVersion", "7"))
    assert told["mutualTlsAuthentication"] == {
        "truststoreUri": "s3://bucket/key.pem",
        "truststoreVersion": "7",
    }
    patched(aws, patch("replace", "/mutualTlsAuthentication/truststoreUri", ""))
    assert "mutualTlsAuthentication" not in control.answers[-1][3]


def test_everything_else_is_patched(aws: Any) -> None:
    regional(aws)

    told = patched(
        aws,
        patch("replace", "/securityPolicy", "SecurityPolicy_TLS13_1_3_2025_09"),
        patch("replace", "/endpointAccessMode", "BASIC"),
        patch("replace", "/routingMode", "ROUTING_RULE_ONLY"),
        patch("replace", "/endpointConfiguration/ipAddressType", "dualstack"),
        patch("add", "/certificateName", "old"),
        patch("replace", "/ownershipVerificationCertificateArn", CERTIFICATE),
    )
    assert told["routingMode"] == "ROUTING_RULE_ONLY"
    assert told["endpointConfiguration"]["ipAddressType"] == "dualstack"
    assert told["certificateUploadDate"]
    told = patched(
        aws,
        patch("replace", "/securityPolicy", "TLS_1_0"),
        patch("replace", "/endpointAccessMode", ""),
        patch("remove", "/certificateName"),
    )
    assert "endpointAccessMode" not in told
    assert "certificateName" not in told


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (patch("replace", "/domainName", "b.example.com"), "Invalid patch path /domainName"),
        (patch("copy", "/routingMode", "x"), "Invalid patch path /routingMode"),
        (patch("replace", "/routingMode", "x"), "Invalid RoutingMode specified"),
        (patch("replace", "/securityPolicy", "x"), "Invalid SecurityPolicy specified"),
        (patch("replace", "/policy", "{}"), "A policy is for private domain names only"),
        (patch("replace", "/managementPolicy", "{}"), "A policy is for private domain names only"),
        (
            patch("replace", "/endpointConfiguration/ipAddressType", "ipv6"),
            "ipAddressType must be either ipv4 or dualstack.",
        ),
        (
            patch("add", "/endpointConfiguration/types", "WRONG"),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE",
        ),
        (
            patch("add", "/endpointConfiguration/types", "PRIVATE"),
            "PRIVATE domain names are not supported",
        ),
        (
            patch("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE",
        ),
        (
            patch("remove", "/endpointConfiguration/types", "REGIONAL"),
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        (
            patch("add", "/mutualTlsAuthentication/truststoreVersion", "1"),
            "Invalid truststoreUri specified",
        ),
    ],
)
def test_a_bad_patch_is_refused(aws: Any, operation: dict[str, str], message: str) -> None:
    regional(aws)

    with pytest.raises(ClientError) as error:
        patched(aws, operation)

    code, told = refusal(error)
    assert (code, told[: len(message)]) == ("BadRequestException", message)


def test_a_deleted_domain_takes_its_mappings_and_tags_along(
    control: ControlPlane, aws: Any
) -> None:
    api = aws.create_rest_api(name="pets")["id"]
    regional(aws, tags={"team": "a"})
    aws.create_base_path_mapping(domainName=NAME, restApiId=api)
    arn = f"arn:aws:apigateway:{REGION}::/domainnames/{NAME}"
    aws.tag_resource(resourceArn=arn, tags={"more": "b"})
    assert aws.get_tags(resourceArn=arn)["tags"] == {"team": "a", "more": "b"}

    aws.delete_domain_name(domainName=NAME)

    assert control.answers[-1][1] == 202
    assert control.published[-1].are_domains_changed
    aws.delete_rest_api(restApiId=api)
    regional(aws)
    assert aws.get_base_path_mappings(domainName=NAME)["items"] == []
    assert aws.get_tags(resourceArn=arn)["tags"] == {}
