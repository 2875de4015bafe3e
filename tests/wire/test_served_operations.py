"""Every operation that is served succeeds once, with AWS's client, in an answer of AWS's shape."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gateway.control.api.families import SERVED
from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, answer_with, api_with_method

FUNCTION = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:decide/invocations"
)
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/pets/0123456789abcdef"
SCHEMA = '{"title": "Pet", "type": "object", "properties": {"name": {"type": "string"}}}'


def described(text: str = "text") -> list[dict[str, str]]:
    return [patch("replace", "/description", text)]


def methods(aws: Any, api: MadeApi) -> None:
    """RestApi, resources, methods, integrations, their responses."""
    answer_with(aws, api, "pets")
    response = {**api.method, "statusCode": "200"}
    aws.update_integration(
        **api.method, patchOperations=[patch("replace", "/timeoutInMillis", "1000")]
    )
    aws.update_integration_response(
        **response, patchOperations=[patch("replace", "/selectionPattern", "2..")]
    )
    aws.update_method_response(
        **response,
        patchOperations=[patch("add", "/responseParameters/method.response.header.X", "false")],
    )
    aws.update_method(**api.method, patchOperations=[patch("replace", "/operationName", "getPets")])
    for name in ("get_method", "get_integration", "test_invoke_method"):
        getattr(aws, name)(**api.method)
    aws.get_method_response(**response)
    aws.get_integration_response(**response)
    aws.get_resources(restApiId=api.id)
    aws.get_resource(restApiId=api.id, resourceId=api.resource)
    aws.update_resource(
        restApiId=api.id,
        resourceId=api.resource,
        patchOperations=[patch("replace", "/pathPart", "cats")],
    )
    aws.get_rest_api(restApiId=api.id)
    aws.get_rest_apis()
    aws.update_rest_api(restApiId=api.id, patchOperations=described())


def parts(aws: Any, api: MadeApi) -> None:
    """What methods refer to: authorizers, models, validators, gateway responses."""
    of_api = {"restApiId": api.id}
    who = aws.create_authorizer(
        **of_api,
        name="who",
        type="TOKEN",
        authorizerUri=FUNCTION,
        identitySource="method.request.header.Authorization",
    )["id"]
    aws.get_authorizers(**of_api)
    aws.get_authorizer(**of_api, authorizerId=who)
    renamed = [patch("replace", "/name", "other")]
    aws.update_authorizer(**of_api, authorizerId=who, patchOperations=renamed)
    aws.delete_authorizer(**of_api, authorizerId=who)
    pet = {**of_api, "modelName": "Pet"}
    aws.create_model(**of_api, name="Pet", contentType="application/json", schema=SCHEMA)
    aws.get_models(**of_api)
    aws.get_model(**pet)
    aws.get_model_template(**pet)
    aws.update_model(**pet, patchOperations=described())
    aws.delete_model(**pet)
    all_of_it = aws.create_request_validator(**of_api, name="all")["id"]
    aws.get_request_validators(**of_api)
    aws.get_request_validator(**of_api, requestValidatorId=all_of_it)
    aws.update_request_validator(**of_api, requestValidatorId=all_of_it, patchOperations=renamed)
    aws.delete_request_validator(**of_api, requestValidatorId=all_of_it)
    throttled = {**of_api, "responseType": "THROTTLED"}
    aws.put_gateway_response(**throttled, statusCode="429")
    aws.get_gateway_responses(**of_api)
    aws.get_gateway_response(**throttled)
    aws.update_gateway_response(
        **throttled, patchOperations=[patch("replace", "/statusCode", "420")]
    )
    aws.delete_gateway_response(**throttled)


def documentation(aws: Any, api: MadeApi) -> None:
    """Documentation parts and versions."""
    of_api = {"restApiId": api.id}
    properties = '{"description": "pets"}'
    made = aws.create_documentation_part(**of_api, location={"type": "API"}, properties=properties)[
        "id"
    ]
    part = {**of_api, "documentationPartId": made}
    aws.get_documentation_parts(**of_api)
    aws.get_documentation_part(**part)
    aws.update_documentation_part(
        **part, patchOperations=[patch("replace", "/properties", properties)]
    )
    aws.create_documentation_version(**of_api, documentationVersion="1", description="first")
    version = {**of_api, "documentationVersion": "1"}
    aws.get_documentation_versions(**of_api)
    told = aws.get_documentation_version(**version)
    assert (told["version"], told["description"]) == ("1", "first")
    aws.update_documentation_version(**version, patchOperations=described())
    aws.delete_documentation_version(**version)
    document = (
        b'{"swagger": "2.0", "x-amazon-apigateway-documentation": {"documentationParts": []}}'
    )
    aws.import_documentation_parts(**of_api, body=document)
    aws.delete_documentation_part(**part)


def deployments(aws: Any, api: MadeApi) -> str:
    """Deployments and stages; returns the id of the deployment that `prod` serves."""
    of_api = {"restApiId": api.id}
    first = aws.create_deployment(**of_api, description="first")["id"]
    second: str = aws.create_deployment(**of_api, stageName="prod")["id"]
    listed = aws.get_deployments(**of_api)["items"]
    assert [(each["id"], each.get("description")) for each in listed] == [
        (first, "first"),
        (second, None),
    ]
    aws.get_deployment(**of_api, deploymentId=first)
    aws.update_deployment(**of_api, deploymentId=first, patchOperations=described())
    aws.create_stage(**of_api, stageName="test", deploymentId=first)
    aws.get_stages(**of_api)
    test = {**of_api, "stageName": "test"}
    aws.get_stage(**test)
    aws.update_stage(**test, patchOperations=described())
    aws.flush_stage_cache(**test)
    aws.flush_stage_authorizers_cache(**test)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api.id}/stages/test"
    aws.tag_resource(resourceArn=arn, tags={"a": "b"})
    aws.get_tags(resourceArn=arn)
    aws.untag_resource(resourceArn=arn, tagKeys=["a"])
    aws.delete_stage(**test)
    aws.delete_deployment(**of_api, deploymentId=first)
    return second


def keys_and_plans(aws: Any, api: MadeApi) -> None:
    """API keys, usage plans, usage, account."""
    key = aws.create_api_key(name="alice")["id"]
    aws.get_api_keys()
    aws.get_api_key(apiKey=key)
    aws.update_api_key(apiKey=key, patchOperations=[patch("replace", "/name", "bob")])
    aws.import_api_keys(format="csv", body=b"name,key\ncarol,cccccccccccccccccccc")
    plan = aws.create_usage_plan(
        name="gold",
        quota={"limit": 100, "period": "DAY"},
        apiStages=[{"apiId": api.id, "stage": "prod"}],
    )["id"]
    aws.get_usage_plans()
    aws.get_usage_plan(usagePlanId=plan)
    aws.update_usage_plan(usagePlanId=plan, patchOperations=described())
    in_plan = {"usagePlanId": plan, "keyId": key}
    aws.create_usage_plan_key(**in_plan, keyType="API_KEY")
    aws.get_usage_plan_keys(usagePlanId=plan)
    aws.get_usage_plan_key(**in_plan)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    aws.get_usage(usagePlanId=plan, startDate=today, endDate=today)
    aws.update_usage(**in_plan, patchOperations=[patch("replace", "/remaining", "7")])
    aws.delete_usage_plan_key(**in_plan)
    aws.update_usage_plan(
        usagePlanId=plan, patchOperations=[patch("remove", "/apiStages", f"{api.id}:prod")]
    )
    aws.delete_usage_plan(usagePlanId=plan)
    aws.delete_api_key(apiKey=key)
    aws.get_account()
    aws.update_account(patchOperations=[])


def names_and_connections(aws: Any, api: MadeApi) -> None:
    """Domain names, base path mappings, client certificates, VPC links."""
    name = {"domainName": "api.example.com"}
    aws.create_domain_name(**name)
    aws.get_domain_names()
    aws.get_domain_name(**name)
    aws.update_domain_name(
        **name, patchOperations=[patch("replace", "/routingMode", "BASE_PATH_MAPPING_ONLY")]
    )
    mapping = {**name, "basePath": "pets"}
    aws.create_base_path_mapping(**mapping, restApiId=api.id, stage="prod")
    aws.get_base_path_mappings(**name)
    aws.get_base_path_mapping(**mapping)
    aws.update_base_path_mapping(**mapping, patchOperations=[patch("replace", "/stage", "prod")])
    aws.delete_base_path_mapping(**mapping)
    aws.delete_domain_name(**name)
    certificate = {"clientCertificateId": aws.generate_client_certificate()["clientCertificateId"]}
    aws.get_client_certificates()
    aws.get_client_certificate(**certificate)
    aws.update_client_certificate(**certificate, patchOperations=described())
    aws.delete_client_certificate(**certificate)
    link = {"vpcLinkId": aws.create_vpc_link(name="pets", targetArns=[BALANCER])["id"]}
    aws.get_vpc_links()
    aws.get_vpc_link(**link)
    aws.update_vpc_link(**link, patchOperations=described())
    aws.delete_vpc_link(**link)


def api_mappings(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    """What AWS's second API has."""
    second = control.client("apigatewayv2")
    aws.create_domain_name(domainName="v2.example.com")
    domain = {"DomainName": "v2.example.com"}
    made = second.create_api_mapping(**domain, ApiId=api.id, Stage="prod")
    mapping = {**domain, "ApiMappingId": made["ApiMappingId"]}
    second.get_api_mappings(**domain)
    second.get_api_mapping(**mapping)
    second.update_api_mapping(**mapping, ApiId=api.id, ApiMappingKey="pets")
    second.delete_api_mapping(**mapping)
    aws.delete_domain_name(domainName="v2.example.com")


def the_end(aws: Any, api: MadeApi) -> None:
    """What is left is deleted, from the inside out."""
    response = {**api.method, "statusCode": "200"}
    aws.delete_integration_response(**response)
    aws.delete_integration(**api.method)
    aws.delete_method_response(**response)
    aws.delete_method(**api.method)
    aws.delete_resource(restApiId=api.id, resourceId=api.resource)
    aws.delete_rest_api(restApiId=api.id)


def test_every_served_operation_succeeds_once(control: ControlPlane, aws: Any) -> None:
    api = api_with_method(aws)
    for part in (methods, parts, documentation, deployments):
        part(aws, api)
    api_mappings(control, aws, api)
    for part in (keys_and_plans, names_and_connections, the_end):
        part(aws, api)

    succeeded = {name for name, status, _, _ in control.answers if status < 300}
    assert succeeded == SERVED.keys()


def test_an_integration_that_is_not_there_is_named(aws: Any) -> None:
    api = api_with_method(aws)
    aws.delete_integration(**api.method)

    calls: list[Callable[[], Any]] = [
        lambda: aws.get_integration(**api.method),
        lambda: aws.delete_integration(**api.method),
        lambda: aws.update_integration(**api.method, patchOperations=[]),
        lambda: aws.get_integration_response(**api.method, statusCode="200"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()

        assert refusal(error) == (
            "NotFoundException",
            "Invalid Integration identifier specified",
        )


def test_several_wrong_values_are_told_together(aws: Any) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_rest_api(
            name="pets", apiKeySource="NOWHERE", endpointConfiguration={"types": ["wrong"]}
        )

    assert refusal(error) == (
        "ValidationException",
        (
            "2 validation errors detected: Value 'NOWHERE' at 'createRestApiInput.apiKeySource' "
            "failed to satisfy constraint: Member must satisfy enum value set: "
            "[HEADER, AUTHORIZER]; Value '[wrong]' at "
            "'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member "
            "must satisfy constraint: "
            "[Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]"
        ),
    )


def test_pages_hold_everything_once(aws: Any) -> None:
    api = api_with_method(aws)
    of_api = {"restApiId": api.id}
    for number in range(3):
        aws.create_resource(**of_api, parentId=api.root, pathPart=f"p{number}")
        aws.create_deployment(**of_api)
        aws.create_request_validator(**of_api, name=f"v{number}")
        aws.create_documentation_version(**of_api, documentationVersion=str(number))
        aws.create_usage_plan(name=f"plan {number}")
        aws.create_authorizer(
            **of_api,
            name=f"a{number}",
            type="TOKEN",
            authorizerUri=FUNCTION,
            identitySource="method.request.header.Authorization",
        )

    for operation, arguments, key, count in (
        ("get_resources", of_api, "path", 5),
        ("get_deployments", of_api, "id", 3),
        ("get_usage_plans", {}, "name", 3),
        ("get_authorizers", of_api, "name", 3),
        ("get_request_validators", of_api, "name", 3),
        ("get_documentation_versions", of_api, "version", 3),
    ):
        listed = getattr(aws, operation)
        whole = [each[key] for each in listed(**arguments)["items"]]
        told: dict[str, Any] = {"position": None}
        paged: list[str] = []
        sizes: list[int] = []
        while "position" in told:
            position = {"position": told["position"]} if told["position"] else {}
            told = listed(**arguments, limit=2, **position)
            paged += [each[key] for each in told["items"]]
            sizes.append(len(told["items"]))

        assert paged == whole, operation
        assert len(set(whole)) == count, operation
        assert sizes == [2] * (count // 2) + [1] * (count % 2), operation
