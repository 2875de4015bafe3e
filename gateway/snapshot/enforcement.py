"""What is not enforced yet: a method that asks for it is answered 500, and never open."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import ApiKeySource, AuthorizationType, Method, RestApi

SERVED_TYPES = frozenset({IntegrationType.HTTP, IntegrationType.HTTP_PROXY, IntegrationType.MOCK})


def unenforced(rest_api: RestApi, method: Method) -> Iterator[tuple[str, str]]:
    """Yield the field and the name of each feature that a method asks for and would not get."""
    if rest_api.policy:
        yield "policy", "a resource policy"
    if method.authorization_type is not AuthorizationType.NONE:
        yield "authorizationType", f"authorizationType {method.authorization_type}"
    if method.api_key_required and rest_api.api_key_source is ApiKeySource.AUTHORIZER:
        yield "apiKeyRequired", "an API key from an authorizer (apiKeySource AUTHORIZER)"
    if method.request_validator_id is not None:
        yield "requestValidatorId", "a request validator"
    if method.integration is not None:
        yield from _unserved(method.integration)


def _unserved(integration: Integration) -> Iterator[tuple[str, str]]:
    if integration.type not in SERVED_TYPES:
        yield "integration.type", f"an {integration.type} integration"
    if integration.content_handling is not None:
        yield "integration.contentHandling", "conversion of the request body (contentHandling)"
    for status, response in integration.integration_responses.items():
        if response.content_handling is not None:
            yield (
                f"integration.integrationResponses.{status}.contentHandling",
                "conversion of the response body (contentHandling)",
            )
