"""Which operations are served, and why the others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.control.api import (
    account,
    api_key_import,
    api_keys,
    api_mappings,
    authorizers,
    base_path_mappings,
    client_certificates,
    deployments,
    documentation,
    documentation_versions,
    domain_names,
    gateway_responses,
    integrations,
    methods,
    models,
    request_validators,
    resources,
    rest_apis,
    stages,
    tags,
    test_invoke,
    usage,
    usage_plan_keys,
    usage_plans,
    vpc_links,
)
from gateway.control.api.protocol import Served

SERVED: Final[Mapping[str, Served]] = {
    **account.OPERATIONS,
    **authorizers.OPERATIONS,
    **api_key_import.OPERATIONS,
    **api_keys.OPERATIONS,
    **api_mappings.OPERATIONS,
    **client_certificates.OPERATIONS,
    **deployments.OPERATIONS,
    **gateway_responses.OPERATIONS,
    **base_path_mappings.OPERATIONS,
    **documentation.OPERATIONS,
    **documentation_versions.OPERATIONS,
    **domain_names.OPERATIONS,
    **integrations.OPERATIONS,
    **methods.OPERATIONS,
    **models.OPERATIONS,
    **request_validators.OPERATIONS,
    **resources.OPERATIONS,
    **rest_apis.OPERATIONS,
    **stages.OPERATIONS,
    **tags.OPERATIONS,
    **usage.OPERATIONS,
    **usage_plan_keys.OPERATIONS,
    **usage_plans.OPERATIONS,
    **vpc_links.OPERATIONS,
    **test_invoke.OPERATIONS,
}
"""Handler and body of every served operation by name. A family adds one line."""

_NO_IMPORT: Final = (
    "{name} is not supported: create the API's resources one by one, or write the API as a file in "
    "the config directory"
)

REFUSALS: Final[Mapping[str, str]] = {
    "ImportRestApi": _NO_IMPORT,
    "PutRestApi": _NO_IMPORT,
    "GetExport": "{name} is not supported: `stagegate export` writes an API as files",
    "GetSdk": "{name} is not supported: no client libraries are generated",
    "GetSdkType": "{name} is not supported: no client libraries are generated",
    "GetSdkTypes": "{name} is not supported: no client libraries are generated",
    "CreateDomainNameAccessAssociation": "{name} is not supported: there are no private domains",
    "DeleteDomainNameAccessAssociation": "{name} is not supported: there are no private domains",
    "GetDomainNameAccessAssociations": "{name} is not supported: there are no private domains",
    "RejectDomainNameAccessAssociation": "{name} is not supported: there are no private domains",
}
"""Why operations are refused for good, by name."""


def refusal_of(name: str) -> str:
    """Return the sentence with which an operation that is not served is refused."""
    return REFUSALS.get(name, "{name} is not supported yet").format(name=name)
