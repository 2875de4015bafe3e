from __future__ import annotations

from tests.unit.control.api.handlers import Handlers


def test_a_method_is_shown_with_all_that_belongs_to_it(handlers: Handlers) -> None:
    labels = handlers.method()
    handlers.call("PutMethodResponse", status_code="200", **labels)
    handlers.call(
        "PutIntegrationResponse",
        {"responseTemplates": {"text/plain": None}},
        status_code="200",
        **labels,
    )

    told = handlers.call("GetMethod", **labels)

    assert told == {
        "httpMethod": "GET",
        "authorizationType": "NONE",
        "apiKeyRequired": False,
        "methodResponses": {"200": {"statusCode": "200"}},
        "methodIntegration": {
            "type": "MOCK",
            "passthroughBehavior": "WHEN_NO_MATCH",
            "timeoutInMillis": 29000,
            "cacheNamespace": labels["resource_id"],
            "cacheKeyParameters": [],
            "integrationResponses": {
                "200": {"statusCode": "200", "responseTemplates": {"text/plain": None}}
            },
        },
    }
    listed = handlers.call("GetResources", restapi_id=labels["restapi_id"])["item"]
    assert listed[0]["resourceMethods"] == {"GET": {}}
