"""`stagegate export`: what AWS's client made, as files that are the same API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway import configuration
from gateway.configuration.loaded import Loaded
from gateway.definitions.documentation import key_of, place_of_part
from gateway.definitions.identity import deployment_id
from gateway.definitions.rest_api import EndpointConfiguration, EndpointType, IpAddressType
from gateway.store.export import read_api
from tests.control_plane import ControlPlane, patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of
from tests.running_gateway import ROOT, until
from tests.wire.apis import MadeApi, answer_with, api_with_method

TEMPLATE = """\
{
  "id": "$input.params('id')",
  "stage": "$context.stage"

}
"""


@pytest.fixture
def control(tmp_path: Path) -> Any:
    plane = ControlPlane(tmp_path)
    yield plane
    plane.close()


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "export", *arguments, "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def exported(tmp_path: Path, api: str) -> Loaded:
    outcome = run(tmp_path, api, "--out", str(tmp_path / "config"))
    assert (outcome.returncode, outcome.stderr) == (0, "")
    return configuration.load(tmp_path / "config")


def full_api(aws: Any) -> MadeApi:
    """An API that says everything that files can say."""
    api = api_with_method(aws, "Größe: 'pets' #1")
    aws.update_rest_api(
        restApiId=api.id,
        patchOperations=[
            patch("replace", "/description", "1e3"),
            patch("add", "/binaryMediaTypes/image~1png"),
        ],
    )
    aws.tag_resource(
        resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api.id}", tags={"yes": "0o17"}
    )
    answer_with(aws, api, TEMPLATE)
    child = aws.create_resource(restApiId=api.id, parentId=api.resource, pathPart="{id+}")["id"]
    named = {"restApiId": api.id, "resourceId": child, "httpMethod": "ANY"}
    aws.put_method(
        **named,
        authorizationType="NONE",
        operationName="on",
        requestParameters={"method.request.path.id": True, "method.request.querystring.q": False},
    )
    aws.put_integration(
        **named,
        type="HTTP_PROXY",
        integrationHttpMethod="ANY",
        uri="http://${stageVariables.host}/{id}",
        timeoutInMillis=1000,
        requestParameters={
            "integration.request.path.id": "method.request.path.id",
            "integration.request.header.x": "'~'",
        },
    )
    return api


def document(aws: Any, api: MadeApi) -> dict[str, str]:
    """Document some places of an API; return the texts by place."""
    places: dict[str, dict[str, str]] = {
        '{"description": "laid out"}': {"type": "API"},
        '{"description":"compact"}': {"type": "RESOURCE", "path": "/pets"},
        '{"a":1.0,"b":1e2,"c":"\\u00e4","d":[null,true]}': {"type": "METHOD", "path": "/pets"},
        '{"no":"yes","0o7":"1:30"}': {
            "type": "RESPONSE_HEADER",
            "path": "/pets",
            "method": "GET",
            "statusCode": "200",
            "name": "x",
        },
    }
    for properties, location in places.items():
        aws.create_documentation_part(restApiId=api.id, location=location, properties=properties)
    told = aws.get_documentation_parts(restApiId=api.id)["items"]
    return {key_of(each["location"]): each["properties"] for each in told}


def test_a_whole_api_loads_back_identically(tmp_path: Path, control: ControlPlane) -> None:
    aws = control.client()
    api = full_api(aws)
    first = aws.create_deployment(restApiId=api.id)["id"]
    answer_with(aws, api, "second")
    second = aws.create_deployment(restApiId=api.id, description="two")["id"]
    for name, deployment, variables in (
        ("prod", second, {"host": "127.0.0.1:9000"}),
        ("beta", second, {"host": "127.0.0.1:9001"}),
        ("old", first, {"host": "127.0.0.1:9002"}),
    ):
        aws.create_stage(
            restApiId=api.id,
            stageName=name,
            deploymentId=deployment,
            variables=variables,
            description=f"the {name} one",
            tags={"stage": name},
        )
    answer_with(aws, api, "third\r\n \u2028")
    aws.create_deployment(
        restApiId=api.id,
        stageName="prod",
        canarySettings={"percentTraffic": 12.5, "stageVariableOverrides": {"host": "b:1"}},
    )
    for stage_name, operations in {
        "prod": [
            patch("replace", "/*/*/throttling/rateLimit", "10"),
            patch("replace", "/~1pets/GET/logging/loglevel", "INFO"),
            patch("replace", "/accessLogSettings/destinationArn", "arn:aws:logs:x:y:log-group:z"),
            patch("replace", "/accessLogSettings/format", '{"id": "$context.requestId"}'),
        ],
        "old": [patch("replace", "/~1pets/GET/throttling/burstLimit", "7")],
    }.items():
        aws.update_stage(restApiId=api.id, stageName=stage_name, patchOperations=operations)

    parts = document(aws, api)
    aws.update_rest_api(
        restApiId=api.id,
        patchOperations=[patch("replace", "/endpointConfiguration/ipAddressType", "dualstack")],
    )

    loaded = exported(tmp_path, api.id)

    assert loaded.problems == ()
    assert {
        key_of(place_of_part(each)): each.properties
        for each in (loaded.apis[api.id].documentation_parts)
    } == parts
    stored = read_api(tmp_path / "store.sqlite", api.id)
    again = loaded.apis[api.id]
    ids = {id_: deployment_id(api.id, each) for id_, each in stored.definitions.items()}
    assert again.deployments.keys() == set(ids.values())
    for name, stage in stored.stages.items():
        back = again.stages[name]
        assert back.deployment_id == ids[stage.deployment_id]
        assert back.method_settings == stage.method_settings
        assert (back.variables, back.description, back.tags) == (
            stage.variables,
            stage.description,
            stage.tags,
        )
    prod = again.stages["prod"]
    assert prod.canary_settings is not None
    assert prod.canary_settings.percent_traffic == 12.5
    main = again.deployments[prod.deployment_id].definition
    assert dict(main.rest_api.tags) == {"yes": "0o17"}
    assert main.rest_api.name == "Größe: 'pets' #1"
    assert main.rest_api.endpoint_configuration == EndpointConfiguration(
        types=(EndpointType.EDGE,), ip_address_type=IpAddressType.DUALSTACK
    )
    ids_by_path = {resource.path: resource.id for resource in main.resources}
    assert ids_by_path["/pets"] == api.resource
    files = {path.name for path in (tmp_path / "config").rglob("*.yaml")}
    assert files == {
        f"{api.id}.yaml",
        *(f"{api.id}-{ids[id_]}.yaml" for id_ in {first} | {_canary(stored)}),
    } - {f"{api.id}-{prod.deployment_id}.yaml"}


def _canary(stored: Any) -> str:
    id_: str = stored.stages["prod"].canary_settings.deployment_id
    return id_


def test_an_export_may_be_repeated_but_overwrites_nothing_else(
    tmp_path: Path, control: ControlPlane
) -> None:
    aws = control.client()
    api = api_with_method(aws)
    answer_with(aws, api, "one")
    aws.create_deployment(restApiId=api.id, stageName="prod")
    exported(tmp_path, api.id)
    exported(tmp_path, api.id)
    answer_with(aws, api, "two")

    outcome = run(tmp_path, api.id, "--out", str(tmp_path / "config"))
    assert outcome.returncode == 0
    assert "changes that no stage serves are not exported" in outcome.stderr
    aws.create_deployment(restApiId=api.id, stageName="prod")
    outcome = run(tmp_path, api.id, "--out", str(tmp_path / "config"))

    assert outcome.returncode == 1
    assert f"{api.id}.yaml is there already" in outcome.stderr


def test_what_files_may_not_say_is_not_written(tmp_path: Path, control: ControlPlane) -> None:
    aws = control.client()
    api = api_with_method(aws)
    answer_with(aws, api, "#foreach($x in $y)$x#end")
    aws.create_deployment(restApiId=api.id, stageName="prod")

    outcome = run(tmp_path, api.id, "--out", str(tmp_path / "config"))

    assert outcome.returncode == 1
    assert f"the API {api.id} cannot be exported" in outcome.stderr
    assert "directive `#foreach`" in outcome.stderr
    assert not (tmp_path / "config").exists()


def test_what_files_cannot_say_is_told(tmp_path: Path, control: ControlPlane) -> None:
    aws = control.client()
    api = api_with_method(aws)
    answer_with(aws, api, "one")
    aws.create_deployment(restApiId=api.id)
    aws.create_deployment(restApiId=api.id, stageName="prod")
    aws.create_resource(restApiId=api.id, parentId=api.resource, pathPart="bare")
    aws.create_documentation_version(restApiId=api.id, documentationVersion="1")
    aws.update_rest_api(
        restApiId=api.id,
        patchOperations=[patch("replace", "/securityPolicy", "TLS_1_2")],
    )

    outcome = run(tmp_path, api.id, "--out", str(tmp_path / "config"))

    assert outcome.returncode == 0
    assert outcome.stderr.splitlines() == [
        "warning: its securityPolicy, TLS_1_2, is not exported",
        "warning: deployments that no stage serves are not exported (1)",
        "warning: documentation versions are not exported (1); the present parts are",
        "warning: resources without methods are not exported (1): /pets/bare",
    ]


def test_an_unknown_api_is_named(tmp_path: Path, control: ControlPlane) -> None:
    api = api_with_method(control.client()).id

    outcome = run(tmp_path, "nothing")

    assert outcome.returncode == 1
    assert f"there is no API nothing; known are: {api}" in outcome.stderr
    outcome = run(tmp_path / "else", "nothing")
    assert outcome.returncode == 1
    assert "is --data right?" in outcome.stderr


def test_files_take_an_api_over_without_a_change(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    api = api_with_method(aws)
    answer_with(aws, api, "$context.resourceId $context.stage")
    aws.create_deployment(restApiId=api.id, stageName="prod")
    before = aws.get_resources(restApiId=api.id)["items"]
    endpoint = aws.get_rest_api(restApiId=api.id)["endpointConfiguration"]
    parts = document(aws, api)
    path = f"/_aws/execute-api/{api.id}/prod/pets"
    answer = gateway.get(path)

    outcome = run(gateway.data, api.id, "--out", str(gateway.config))
    assert outcome.returncode == 0, outcome.stderr
    until(
        lambda: gateway.status()["apis"][api.id]["file"] == f"{api.id}.yaml", "the file to be read"
    )

    assert gateway.get(path) == answer == (200, f"{api.resource} prod".encode())
    shown = until(
        lambda: [each["id"] for each in aws.get_rest_apis()["items"]][1:] or None,
        "the file's API to be shown",
    )
    assert shown == [api.id]
    after = aws.get_resources(restApiId=api.id)["items"]
    assert aws.get_rest_api(restApiId=api.id)["endpointConfiguration"] == endpoint
    documented = aws.get_documentation_parts(restApiId=api.id)["items"]
    assert {key_of(each["location"]): each["properties"] for each in documented} == parts
    assert {each["path"]: each["id"] for each in after if each["path"] != "/"} == {
        each["path"]: each["id"] for each in before if each["path"] != "/"
    }
