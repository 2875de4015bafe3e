"""How methods, their answers and their integrations are shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from gateway.control.api.lookups import AnyRow
from gateway.control.api.protocol import present
from gateway.store.tables import INTEGRATION, INTEGRATION_RESPONSE, METHOD, METHOD_RESPONSE
from gateway.store.transaction import Transaction


def verbs_shown(transaction: Transaction, resource: int) -> dict[str, Any]:
    """Return a resource's methods as lists show them: `{"GET": {}}`."""
    query = select(METHOD.c.http_method).where(METHOD.c.resource == resource)
    return {verb: {} for verb in transaction.connection.execute(query).scalars()}


def methods_shown(transaction: Transaction, resource: int) -> dict[str, Any]:
    """Return a resource's methods with all that belongs to them."""
    query = select(METHOD).where(METHOD.c.resource == resource)
    return {row.http_method: method_shown(transaction, row) for row in transaction.rows(query)}


def method_shown(transaction: Transaction, row: AnyRow) -> dict[str, Any]:
    """Return a method in AWS's shape."""
    responses = transaction.rows(
        select(METHOD_RESPONSE).where(METHOD_RESPONSE.c.method == row.sequence)
    )
    integration = transaction.row(select(INTEGRATION).where(INTEGRATION.c.method == row.sequence))
    return present(
        httpMethod=row.http_method,
        authorizationType=row.authorization_type,
        authorizerId=row.authorizer_id,
        apiKeyRequired=row.api_key_required,
        requestValidatorId=row.request_validator_id,
        operationName=row.operation_name,
        requestParameters=row.request_parameters or None,
        requestModels=row.request_models or None,
        methodResponses={each.status_code: method_response_shown(each) for each in responses}
        or None,
        methodIntegration=integration and integration_shown(transaction, integration),
        authorizationScopes=row.authorization_scopes or None,
    )


def method_response_shown(row: AnyRow) -> dict[str, Any]:
    """Return a method response in AWS's shape."""
    return present(
        statusCode=row.status_code,
        responseParameters=row.response_parameters or None,
        responseModels=row.response_models or None,
    )


def integration_shown(transaction: Transaction, row: AnyRow) -> dict[str, Any]:
    """Return an integration in AWS's shape."""
    responses = transaction.rows(
        select(INTEGRATION_RESPONSE)
        .where(INTEGRATION_RESPONSE.c.integration == row.sequence)
        .order_by(INTEGRATION_RESPONSE.c.sequence)
    )
    skips = row.insecure_skip_verification
    return present(
        type=row.type,
        httpMethod=row.http_method,
        uri=row.uri,
        connectionType=row.connection_type,
        connectionId=row.connection_id,
        credentials=row.credentials,
        requestParameters=row.request_parameters or None,
        requestTemplates=row.request_templates or None,
        passthroughBehavior=row.passthrough_behavior,
        contentHandling=row.content_handling,
        timeoutInMillis=row.timeout_in_millis,
        cacheNamespace=row.cache_namespace,
        cacheKeyParameters=row.cache_key_parameters,
        integrationResponses={
            each.status_code: integration_response_shown(each) for each in responses
        }
        or None,
        tlsConfig=None if skips is None else {"insecureSkipVerification": skips},
        responseTransferMode=row.response_transfer_mode,
        integrationTarget=row.integration_target,
    )


def integration_response_shown(row: AnyRow) -> dict[str, Any]:
    """Return an integration response in AWS's shape."""
    return present(
        statusCode=row.status_code,
        selectionPattern=row.selection_pattern,
        responseParameters=row.response_parameters or None,
        responseTemplates=row.response_templates or None,
        contentHandling=row.content_handling,
    )
