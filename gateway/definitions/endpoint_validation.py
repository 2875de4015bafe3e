"""What is wrong with an API's endpoint configuration, in AWS's words where it has any."""

from __future__ import annotations

from gateway.definitions.codec import join
from gateway.definitions.rest_api import EndpointType, IpAddressType, RestApi
from gateway.errors import Problem


def problems_of_endpoint(rest_api: RestApi, path: str) -> list[Problem]:
    """Return what is wrong; `path` is that of the API as a whole."""
    endpoint = rest_api.endpoint_configuration
    if endpoint is None:
        return []
    here = join(path, "endpointConfiguration")
    if len(endpoint.types) > 1:
        text = "Cannot create an api with multiple Endpoint Types."
        return [Problem(join(here, "types"), text)]
    if EndpointType.PRIVATE not in endpoint.types:
        return []
    problems = []
    if endpoint.ip_address_type is IpAddressType.IPV4:
        text = "Only dualstack ipAddressType is supported for Private APIs."
        problems.append(Problem(join(here, "ipAddressType"), text))
    if not rest_api.policy:
        # Nothing here is private by its network: without a policy anybody could call it.
        text = "Private REST API doesn't have a resource policy attached to it: add restApi.policy"
        problems.append(Problem(join(here, "types"), text))
    return problems
