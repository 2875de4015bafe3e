"""Every operation of AWS's API Gateway v1, some of v2, and which one a request means.

Whether an operation is served, and by what, says `families`; here is only its place on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.errors import ControlError, bad_request
from gateway.routing import Routes

IMPORT_MODE: Final = "?mode=import"
"""How a URI in the table says that it means imports: they share their path with a creation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation as AWS's model of the API describes it."""

    name: str
    """AWS's name, such as `CreateRestApi`."""
    verb: str
    """HTTP method."""
    uri: str
    """Path with `{labels}`; an import's ends with `?mode=import`."""
    status: int
    """Status of a successful answer."""

    @property
    def is_mutation(self) -> bool:
        """Whether it changes anything: such are audited, and need the admin role."""
        return not self.name.startswith(("Get", "TestInvoke"))

    @property
    def input_name(self) -> str:
        """AWS's name of what it takes, as in messages: `createRestApiInput`."""
        return f"{self.name[0].lower()}{self.name[1:]}Input"


_API: Final = "/restapis/{restapi_id}"
_STAGE: Final = _API + "/stages/{stage_name}"
_DOCUMENTATION: Final = _API + "/documentation"
_METHOD: Final = _API + "/resources/{resource_id}/methods/{http_method}"
_INTEGRATION: Final = _METHOD + "/integration"
_DOMAIN: Final = "/domainnames/{domain_name}"

_TABLE: Final = (
    ("CreateApiKey", "POST", "/apikeys", 201),
    ("CreateAuthorizer", "POST", _API + "/authorizers", 201),
    ("CreateBasePathMapping", "POST", _DOMAIN + "/basepathmappings", 201),
    ("CreateDeployment", "POST", _API + "/deployments", 201),
    ("CreateDocumentationPart", "POST", _DOCUMENTATION + "/parts", 201),
    ("CreateDocumentationVersion", "POST", _DOCUMENTATION + "/versions", 201),
    ("CreateDomainName", "POST", "/domainnames", 201),
    ("CreateDomainNameAccessAssociation", "POST", "/domainnameaccessassociations", 201),
    ("CreateModel", "POST", _API + "/models", 201),
    ("CreateRequestValidator", "POST", _API + "/requestvalidators", 201),
    ("CreateResource", "POST", _API + "/resources/{parent_id}", 201),
    ("CreateRestApi", "POST", "/restapis", 201),
    ("CreateStage", "POST", _API + "/stages", 201),
    ("CreateUsagePlan", "POST", "/usageplans", 201),
    ("CreateUsagePlanKey", "POST", "/usageplans/{usageplanId}/keys", 201),
    ("CreateVpcLink", "POST", "/vpclinks", 202),
    ("DeleteApiKey", "DELETE", "/apikeys/{api_Key}", 202),
    ("DeleteAuthorizer", "DELETE", _API + "/authorizers/{authorizer_id}", 202),
    ("DeleteBasePathMapping", "DELETE", _DOMAIN + "/basepathmappings/{base_path}", 202),
    ("DeleteClientCertificate", "DELETE", "/clientcertificates/{clientcertificate_id}", 202),
    ("DeleteDeployment", "DELETE", _API + "/deployments/{deployment_id}", 202),
    ("DeleteDocumentationPart", "DELETE", _DOCUMENTATION + "/parts/{part_id}", 202),
    ("DeleteDocumentationVersion", "DELETE", _DOCUMENTATION + "/versions/{doc_version}", 202),
    ("DeleteDomainName", "DELETE", _DOMAIN, 202),
    (
        "DeleteDomainNameAccessAssociation",
        "DELETE",
        "/domainnameaccessassociations/{domain_name_access_association_arn}",
        202,
    ),
    ("DeleteGatewayResponse", "DELETE", _API + "/gatewayresponses/{response_type}", 202),
    ("DeleteIntegration", "DELETE", _INTEGRATION, 204),
    ("DeleteIntegrationResponse", "DELETE", _INTEGRATION + "/responses/{status_code}", 204),
    ("DeleteMethod", "DELETE", _METHOD, 204),
    ("DeleteMethodResponse", "DELETE", _METHOD + "/responses/{status_code}", 204),
    ("DeleteModel", "DELETE", _API + "/models/{model_name}", 202),
    ("DeleteRequestValidator", "DELETE", _API + "/requestvalidators/{requestvalidator_id}", 202),
    ("DeleteResource", "DELETE", _API + "/resources/{resource_id}", 202),
    ("DeleteRestApi", "DELETE", _API, 202),
    ("DeleteStage", "DELETE", _STAGE, 202),
    ("DeleteUsagePlan", "DELETE", "/usageplans/{usageplanId}", 202),
    ("DeleteUsagePlanKey", "DELETE", "/usageplans/{usageplanId}/keys/{keyId}", 202),
    ("DeleteVpcLink", "DELETE", "/vpclinks/{vpclink_id}", 202),
    ("FlushStageAuthorizersCache", "DELETE", _STAGE + "/cache/authorizers", 202),
    ("FlushStageCache", "DELETE", _STAGE + "/cache/data", 202),
    ("GenerateClientCertificate", "POST", "/clientcertificates", 201),
    ("GetAccount", "GET", "/account", 200),
    ("GetApiKey", "GET", "/apikeys/{api_Key}", 200),
    ("GetApiKeys", "GET", "/apikeys", 200),
    ("GetAuthorizer", "GET", _API + "/authorizers/{authorizer_id}", 200),
    ("GetAuthorizers", "GET", _API + "/authorizers", 200),
    ("GetBasePathMapping", "GET", _DOMAIN + "/basepathmappings/{base_path}", 200),
    ("GetBasePathMappings", "GET", _DOMAIN + "/basepathmappings", 200),
    ("GetClientCertificate", "GET", "/clientcertificates/{clientcertificate_id}", 200),
    ("GetClientCertificates", "GET", "/clientcertificates", 200),
    ("GetDeployment", "GET", _API + "/deployments/{deployment_id}", 200),
    ("GetDeployments", "GET", _API + "/deployments", 200),
    ("GetDocumentationPart", "GET", _DOCUMENTATION + "/parts/{part_id}", 200),
    ("GetDocumentationParts", "GET", _DOCUMENTATION + "/parts", 200),
    ("GetDocumentationVersion", "GET", _DOCUMENTATION + "/versions/{doc_version}", 200),
    ("GetDocumentationVersions", "GET", _DOCUMENTATION + "/versions", 200),
    ("GetDomainName", "GET", _DOMAIN, 200),
    ("GetDomainNameAccessAssociations", "GET", "/domainnameaccessassociations", 200),
    ("GetDomainNames", "GET", "/domainnames", 200),
    ("GetExport", "GET", _STAGE + "/exports/{export_type}", 200),
    ("GetGatewayResponse", "GET", _API + "/gatewayresponses/{response_type}", 200),
    ("GetGatewayResponses", "GET", _API + "/gatewayresponses", 200),
    ("GetIntegration", "GET", _INTEGRATION, 200),
    ("GetIntegrationResponse", "GET", _INTEGRATION + "/responses/{status_code}", 200),
    ("GetMethod", "GET", _METHOD, 200),
    ("GetMethodResponse", "GET", _METHOD + "/responses/{status_code}", 200),
    ("GetModel", "GET", _API + "/models/{model_name}", 200),
    ("GetModelTemplate", "GET", _API + "/models/{model_name}/default_template", 200),
    ("GetModels", "GET", _API + "/models", 200),
    ("GetRequestValidator", "GET", _API + "/requestvalidators/{requestvalidator_id}", 200),
    ("GetRequestValidators", "GET", _API + "/requestvalidators", 200),
    ("GetResource", "GET", _API + "/resources/{resource_id}", 200),
    ("GetResources", "GET", _API + "/resources", 200),
    ("GetRestApi", "GET", _API, 200),
    ("GetRestApis", "GET", "/restapis", 200),
    ("GetSdk", "GET", _STAGE + "/sdks/{sdk_type}", 200),
    ("GetSdkType", "GET", "/sdktypes/{sdktype_id}", 200),
    ("GetSdkTypes", "GET", "/sdktypes", 200),
    ("GetStage", "GET", _STAGE, 200),
    ("GetStages", "GET", _API + "/stages", 200),
    ("GetTags", "GET", "/tags/{resource_arn}", 200),
    ("GetUsage", "GET", "/usageplans/{usageplanId}/usage", 200),
    ("GetUsagePlan", "GET", "/usageplans/{usageplanId}", 200),
    ("GetUsagePlanKey", "GET", "/usageplans/{usageplanId}/keys/{keyId}", 200),
    ("GetUsagePlanKeys", "GET", "/usageplans/{usageplanId}/keys", 200),
    ("GetUsagePlans", "GET", "/usageplans", 200),
    ("GetVpcLink", "GET", "/vpclinks/{vpclink_id}", 200),
    ("GetVpcLinks", "GET", "/vpclinks", 200),
    ("ImportApiKeys", "POST", "/apikeys?mode=import", 201),
    ("ImportDocumentationParts", "PUT", _DOCUMENTATION + "/parts", 200),
    ("ImportRestApi", "POST", "/restapis?mode=import", 201),
    ("PutGatewayResponse", "PUT", _API + "/gatewayresponses/{response_type}", 201),
    ("PutIntegration", "PUT", _INTEGRATION, 201),
    ("PutIntegrationResponse", "PUT", _INTEGRATION + "/responses/{status_code}", 201),
    ("PutMethod", "PUT", _METHOD, 201),
    ("PutMethodResponse", "PUT", _METHOD + "/responses/{status_code}", 201),
    ("PutRestApi", "PUT", _API, 200),
    ("RejectDomainNameAccessAssociation", "POST", "/rejectdomainnameaccessassociations", 202),
    ("TagResource", "PUT", "/tags/{resource_arn}", 204),
    ("TestInvokeAuthorizer", "POST", _API + "/authorizers/{authorizer_id}", 200),
    ("TestInvokeMethod", "POST", _METHOD, 200),
    ("UntagResource", "DELETE", "/tags/{resource_arn}", 204),
    ("UpdateAccount", "PATCH", "/account", 200),
    ("UpdateApiKey", "PATCH", "/apikeys/{api_Key}", 200),
    ("UpdateAuthorizer", "PATCH", _API + "/authorizers/{authorizer_id}", 200),
    ("UpdateBasePathMapping", "PATCH", _DOMAIN + "/basepathmappings/{base_path}", 200),
    ("UpdateClientCertificate", "PATCH", "/clientcertificates/{clientcertificate_id}", 200),
    ("UpdateDeployment", "PATCH", _API + "/deployments/{deployment_id}", 200),
    ("UpdateDocumentationPart", "PATCH", _DOCUMENTATION + "/parts/{part_id}", 200),
    ("UpdateDocumentationVersion", "PATCH", _DOCUMENTATION + "/versions/{doc_version}", 200),
    ("UpdateDomainName", "PATCH", _DOMAIN, 200),
    ("UpdateGatewayResponse", "PATCH", _API + "/gatewayresponses/{response_type}", 200),
    ("UpdateIntegration", "PATCH", _INTEGRATION, 200),
    ("UpdateIntegrationResponse", "PATCH", _INTEGRATION + "/responses/{status_code}", 200),
    ("UpdateMethod", "PATCH", _METHOD, 200),
    ("UpdateMethodResponse", "PATCH", _METHOD + "/responses/{status_code}", 201),
    ("UpdateModel", "PATCH", _API + "/models/{model_name}", 200),
    ("UpdateRequestValidator", "PATCH", _API + "/requestvalidators/{requestvalidator_id}", 200),
    ("UpdateResource", "PATCH", _API + "/resources/{resource_id}", 200),
    ("UpdateRestApi", "PATCH", _API, 200),
    ("UpdateStage", "PATCH", _STAGE, 200),
    ("UpdateUsage", "PATCH", "/usageplans/{usageplanId}/keys/{keyId}/usage", 200),
    ("UpdateUsagePlan", "PATCH", "/usageplans/{usageplanId}", 200),
    ("UpdateVpcLink", "PATCH", "/vpclinks/{vpclink_id}", 200),
)

_API_MAPPINGS: Final = "/v2/domainnames/{domain_name}/apimappings"
_API_MAPPING: Final = _API_MAPPINGS + "/{api_mapping_id}"

_TABLE_OF_V2: Final = (
    ("CreateApiMapping", "POST", _API_MAPPINGS, 201),
    ("DeleteApiMapping", "DELETE", _API_MAPPING, 204),
    ("GetApiMapping", "GET", _API_MAPPING, 200),
    ("GetApiMappings", "GET", _API_MAPPINGS, 200),
    ("UpdateApiMapping", "PATCH", _API_MAPPING, 200),
)

V2_OPERATIONS: Final = frozenset(name for name, *_ in _TABLE_OF_V2)
"""Operations of AWS's second API: base paths of several segments are made by it alone."""

OPERATIONS: Final[Mapping[str, Operation]] = {
    name: Operation(name=name, verb=verb, uri=uri, status=status)
    for name, verb, uri, status in (*_TABLE, *_TABLE_OF_V2)
}
"""Operation by name."""


def _routes() -> Routes[tuple[Operation, ...]]:
    by_place: dict[tuple[str, str], list[Operation]] = {}
    for operation in OPERATIONS.values():
        path = operation.uri.removesuffix(IMPORT_MODE)
        by_place.setdefault((path, operation.verb), []).append(operation)
    return Routes.build((path, verb, tuple(found)) for (path, verb), found in by_place.items())


_ROUTES: Final = _routes()


def find_operation(
    verb: str, path: str, query: Mapping[str, list[str]]
) -> tuple[Operation, dict[str, str]]:
    """Return the operation that a request means, and its decoded path labels.

    `path` is as sent, percent-encoded: an encoded slash is part of a label.

    Raises:
        ControlError: no operation has this place, or a label is not UTF-8.
    """
    found = _ROUTES.find(path, verb)
    if found is None or path.startswith("//"):
        raise ControlError("UnknownOperationException", 404, _unknown(verb, path))
    operations, labels = found
    is_import = query.get("mode") == ["import"]
    operation = operations[0]
    for each in operations:
        if each.uri.endswith(IMPORT_MODE) == is_import:
            operation = each
    return operation, {name: _decoded(text) for name, text in labels.items()}


def _decoded(label: str) -> str:
    try:
        text = unquote_to_bytes(label).decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("The path is not percent-encoded UTF-8") from None
    if not text.isprintable():
        raise bad_request("The path holds characters that no identifier has")
    return text


def _unknown(verb: str, path: str) -> str:
    shown = path if len(path) <= 200 and path.isprintable() else "this path"
    return f"No operation of API Gateway is {verb} {shown}"
