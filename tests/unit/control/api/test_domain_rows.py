from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api.domain_rows import check_domain, target_of_domain
from gateway.errors import ControlError


def values(**changes: Any) -> dict[str, Any]:
    return {
        "domain_name": "a.example.com",
        "endpoint_configuration": {"types": ["REGIONAL"]},
        "security_policy": "TLS_1_2",
        "endpoint_access_mode": None,
        "mutual_tls_authentication": None,
        **changes,
    }


def test_a_target_is_the_arn_s_part() -> None:
    assert target_of_domain("a.example.com") == "/domainnames/a.example.com"


def test_a_good_domain_passes() -> None:
    check_domain(values())
    check_domain(
        values(security_policy="SecurityPolicy_TLS13_1_3_2025_09", endpoint_access_mode="STRICT")
    )
    check_domain(values(mutual_tls_authentication={"truststoreUri": "s3://bucket/key.pem"}))


@pytest.mark.parametrize("uri", ["", "s3://bucket", "https://bucket/key", "s3://b/k", "s3://bu/ k"])
def test_a_truststore_is_an_object_of_s3(uri: str) -> None:
    with pytest.raises(ControlError, match="truststoreUri"):
        check_domain(values(mutual_tls_authentication={"truststoreUri": uri}))


def test_mutual_tls_goes_with_no_enhanced_policy() -> None:
    with pytest.raises(ControlError, match="needs the security policy TLS_1_2"):
        check_domain(
            values(
                security_policy="SecurityPolicy_TLS13_1_3_2025_09",
                endpoint_access_mode="BASIC",
                mutual_tls_authentication={"truststoreUri": "s3://bucket/key.pem"},
            )
        )
