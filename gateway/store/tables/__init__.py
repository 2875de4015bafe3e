"""The store's nouns as tables, one module per family."""

from gateway.store.tables.connections import (
    CLIENT_CERTIFICATE,
    CLIENT_CERTIFICATE_KEY,
    VPC_LINK,
)
from gateway.store.tables.deployments import DEPLOYMENT, STAGE, STAGE_METHOD_SETTING
from gateway.store.tables.documentation import DOCUMENTATION_PART, DOCUMENTATION_VERSION
from gateway.store.tables.domains import BASE_PATH_MAPPING, DOMAIN_NAME
from gateway.store.tables.ledger import ACCOUNT, AUDIT, REVISION, SIGNATURE, TAG
from gateway.store.tables.metadata import METADATA, Json
from gateway.store.tables.models import AUTHORIZER, GATEWAY_RESPONSE, MODEL, REQUEST_VALIDATOR
from gateway.store.tables.rest_apis import (
    INTEGRATION,
    INTEGRATION_RESPONSE,
    METHOD,
    METHOD_RESPONSE,
    RESOURCE,
    REST_API,
)
from gateway.store.tables.usage_plans import (
    API_KEY,
    USAGE,
    USAGE_PLAN,
    USAGE_PLAN_KEY,
    USAGE_PLAN_STAGE,
)

__all__ = [
    "ACCOUNT",
    "API_KEY",
    "AUDIT",
    "AUTHORIZER",
    "BASE_PATH_MAPPING",
    "CLIENT_CERTIFICATE",
    "CLIENT_CERTIFICATE_KEY",
    "DEPLOYMENT",
    "DOCUMENTATION_PART",
    "DOCUMENTATION_VERSION",
    "DOMAIN_NAME",
    "GATEWAY_RESPONSE",
    "INTEGRATION",
    "INTEGRATION_RESPONSE",
    "METADATA",
    "METHOD",
    "METHOD_RESPONSE",
    "MODEL",
    "REQUEST_VALIDATOR",
    "RESOURCE",
    "REST_API",
    "REVISION",
    "SIGNATURE",
    "STAGE",
    "STAGE_METHOD_SETTING",
    "TAG",
    "USAGE",
    "USAGE_PLAN",
    "USAGE_PLAN_KEY",
    "USAGE_PLAN_STAGE",
    "VPC_LINK",
    "Json",
]
