from __future__ import annotations

import pytest

from gateway.definitions.endpoint_validation import problems_of_endpoint
from gateway.definitions.rest_api import (
    EndpointConfiguration,
    EndpointType,
    IpAddressType,
    RestApi,
)

EDGE, PRIVATE = EndpointType.EDGE, EndpointType.PRIVATE


@pytest.mark.parametrize(
    ("endpoint", "policy", "paths"),
    [
        (None, None, []),
        (EndpointConfiguration(), None, []),
        (EndpointConfiguration(types=(EDGE,), ip_address_type=IpAddressType.IPV4), None, []),
        (EndpointConfiguration(types=(EDGE, PRIVATE)), None, ["types"]),
        (EndpointConfiguration(types=(PRIVATE,)), "{}", []),
        (EndpointConfiguration(types=(PRIVATE,)), None, ["types"]),
        (EndpointConfiguration(types=(PRIVATE,)), "", ["types"]),
        (
            EndpointConfiguration(types=(PRIVATE,), ip_address_type=IpAddressType.IPV4),
            None,
            ["ipAddressType", "types"],
        ),
    ],
)
def test_an_endpoint_is_one_of_aws(
    endpoint: EndpointConfiguration | None, policy: str | None, paths: list[str]
) -> None:
    rest_api = RestApi(name="a", policy=policy, endpoint_configuration=endpoint)

    assert [each.path for each in problems_of_endpoint(rest_api, "restApi")] == [
        f"restApi.endpointConfiguration.{path}" for path in paths
    ]
