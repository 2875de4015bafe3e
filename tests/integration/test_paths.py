"""Which path each integration, `$context` and the logs see, by where a request came in.

Table 1.5 of the semantics sheet (its source: localstack#12295, compared with AWS), through real
sockets: an API of files, and the same made by AWS's client.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_control_plane import client_of
from tests.running_gateway import RunningGateway, until
from tests.sample_backend import running_backend

TOLD: Final = (
    "path resourcePath stage domainName domainPrefix httpMethod".split()  # noqa: SIM905 (names)
)
TEMPLATE: Final = "|".join(f"$context.{name}" for name in TOLD)
FORMAT: Final = "|".join(
    f"$context.{name}" for name in (*TOLD, "customDomain.basePathMatched", "status", "requestId")
)
LOG_GROUP: Final = "arn:aws:logs:us-east-1:000000000000:log-group:paths"

API: Final = f"""\
restApi: {{name: Paths, id: API}}
resources:
  /your-path:
    GET:
      methodResponses: {{"200": {{}}}}
      integration:
        type: MOCK
        requestTemplates: {{application/json: '{{"statusCode": 200}}'}}
        integrationResponses: {{"200": {{responseTemplates: {{application/json: '{TEMPLATE}'}}}}}}
  /your-path/{{id}}:
    GET:
      methodResponses: {{"200": {{}}}}
      integration:
        type: HTTP
        httpMethod: GET
        uri: http://BACKEND/one/{{id}}
        requestParameters:
          integration.request.path.id: method.request.path.id
          integration.request.header.X-Path: context.path
          integration.request.header.X-Resource: context.resourcePath
        integrationResponses: {{"200": {{}}}}
  /greedy/{{proxy+}}:
    ANY:
      integration:
        type: HTTP_PROXY
        uri: http://BACKEND/all/{{proxy}}
        requestParameters:
          integration.request.path.proxy: method.request.path.proxy
          integration.request.header.X-Path: context.path
stages:
  dev:
    accessLogSettings: {{destinationArn: "{LOG_GROUP}", format: "{FORMAT}"}}
"""
DOMAINS: Final = """\
none-fixed.example.com: {basePathMappings: [{restApiId: API, stage: dev}]}
none-open.example.com: {basePathMappings: [{restApiId: API}]}
base-fixed.example.com: {basePathMappings: [{basePath: base, restApiId: API, stage: dev}]}
base-open.example.com: {basePathMappings: [{basePath: base, restApiId: API}]}
deep-fixed.example.com: {basePathMappings: [{basePath: base/v1, restApiId: API, stage: dev}]}
deep-open.example.com: {basePathMappings: [{basePath: base/v1, restApiId: API}]}
"*.example.org": {basePathMappings: [{basePath: dev, restApiId: API, stage: dev}]}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: how a client comes to the API."""

    host: str
    prefix: str
    """What a client writes before the resource's path; the context's path begins with it."""
    base_path: str
    """As access logs tell it; `-` where no domain is asked."""
    written: str = ""
    """What a client writes instead, where the context's path is another."""


ROWS: Final = {
    "default endpoint": Row("API.execute-api.localhost", "/dev", "-"),
    "default endpoint, slashes": Row("API.execute-api.localhost", "/dev", "-", "//dev"),
    "path form": Row("localhost", "/dev", "-", "/_aws/execute-api/API/dev"),
    "older path form": Row("localhost", "/dev", "-", "/restapis/API/dev/_user_request_"),
    "no base path, stage": Row("none-fixed.example.com", "", "(none)"),
    "no base path, no stage": Row("none-open.example.com", "/dev", "(none)"),
    "no base path, no stage, slashes": Row("none-open.example.com", "/dev", "(none)", "//dev"),
    "base path, stage": Row("base-fixed.example.com", "/base", "base"),
    "base path, no stage": Row("base-open.example.com", "/base/dev", "base"),
    "base path of two levels, stage": Row("deep-fixed.example.com", "/base/v1", "base/v1"),
    "wildcard, base path like a stage": Row("any.example.org", "/dev", "dev"),
}
FILES_ONLY: Final = {
    "base path of two levels, no stage": Row("deep-open.example.com", "/base/v1/dev", "base/v1"),
}
"""AWS's v1 API makes base paths of one level only, and its v2 API mappings with a stage only."""


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway with the API, and what the API is called there."""

    gateway: RunningGateway
    api: str

    def get(self, row: Row, path: str) -> tuple[int, bytes]:
        prefix = (row.written or row.prefix).replace("API", self.api)
        return self.gateway.get(prefix + path, Host=row.host.replace("API", self.api))

    def seen(self, row: Row, path: str) -> dict[str, Any]:
        """Return the request as the backend has echoed it, names of headers in lower case."""
        status, body = self.get(row, path)
        assert status == 200, body
        told: dict[str, Any] = json.loads(body)
        headers = {name.lower(): value for name, value in told["headers"]}
        return {**told, "headers": headers}


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with running_backend() as address:
        yield address


@pytest.fixture(scope="module")
def by_files(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Door]:
    text = API.replace("BACKEND", backend).replace("API", "paths")
    files = {"apis/paths.yaml": text, "domains.yaml": DOMAINS.replace("API", "paths")}
    gateway = RunningGateway(_directory(tmp_path_factory, "files"), files, "--workers", "1")
    try:
        yield Door(gateway, "paths")
    finally:
        gateway.close()


@pytest.fixture(scope="module")
def by_client(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Door]:
    gateway = RunningGateway(_directory(tmp_path_factory, "client"), {}, "--workers", "1")
    try:
        second = client_of(gateway, service="apigatewayv2")
        yield Door(gateway, made_by_client(client_of(gateway), second, backend))
    finally:
        gateway.close()


def _directory(factory: pytest.TempPathFactory, name: str) -> Path:
    directory = factory.mktemp(name) / "gateway"
    directory.mkdir()
    return directory


def made_by_client(aws: Any, second: Any, backend: str) -> str:
    """Make the API, the stage and the domains of the files through AWS's client."""
    made = aws.create_rest_api(name="Paths")
    api = made["id"]
    parts = {"/": made["rootResourceId"]}
    for parent, part in (("/", "your-path"), ("/", "greedy")):
        parts[part] = aws.create_resource(restApiId=api, parentId=parts[parent], pathPart=part)[
            "id"
        ]
    for parent, part in (("your-path", "{id}"), ("greedy", "{proxy+}")):
        parts[part] = aws.create_resource(restApiId=api, parentId=parts[parent], pathPart=part)[
            "id"
        ]

    def put(part: str, verb: str, *parameters: str, **integration: Any) -> dict[str, str]:
        method = {"restApiId": api, "resourceId": parts[part], "httpMethod": verb}
        declared = {f"method.request.path.{name}": True for name in parameters}
        aws.put_method(**method, authorizationType="NONE", requestParameters=declared)
        aws.put_integration(**method, **integration)
        return method

    mock = put(
        "your-path", "GET", type="MOCK", requestTemplates={"application/json": '{"statusCode":200}'}
    )
    one = put(
        "{id}",
        "GET",
        "id",
        type="HTTP",
        integrationHttpMethod="GET",
        uri=f"http://{backend}/one/{{id}}",
        requestParameters={
            "integration.request.path.id": "method.request.path.id",
            "integration.request.header.X-Path": "context.path",
            "integration.request.header.X-Resource": "context.resourcePath",
        },
    )
    put(
        "{proxy+}",
        "ANY",
        "proxy",
        type="HTTP_PROXY",
        integrationHttpMethod="ANY",
        uri=f"http://{backend}/all/{{proxy}}",
        requestParameters={
            "integration.request.path.proxy": "method.request.path.proxy",
            "integration.request.header.X-Path": "context.path",
        },
    )
    for method, templates in ((mock, {"application/json": TEMPLATE}), (one, {})):
        aws.put_method_response(**method, statusCode="200")
        aws.put_integration_response(**method, statusCode="200", responseTemplates=templates)
    aws.create_deployment(restApiId=api, stageName="dev")
    aws.update_stage(
        restApiId=api,
        stageName="dev",
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": LOG_GROUP},
            {"op": "replace", "path": "/accessLogSettings/format", "value": FORMAT},
        ],
    )
    for host, mapping in (
        ("none-fixed.example.com", {"stage": "dev"}),
        ("none-open.example.com", {}),
        ("base-fixed.example.com", {"basePath": "base", "stage": "dev"}),
        ("base-open.example.com", {"basePath": "base"}),
        ("*.example.org", {"basePath": "dev", "stage": "dev"}),
    ):
        aws.create_domain_name(domainName=host)
        aws.create_base_path_mapping(domainName=host, restApiId=api, **mapping)
    deep = "deep-fixed.example.com"
    aws.create_domain_name(domainName=deep, endpointConfiguration={"types": ["REGIONAL"]})
    second.create_api_mapping(DomainName=deep, ApiMappingKey="base/v1", ApiId=api, Stage="dev")
    return str(api)


CASES: Final = [
    *(("by_files", name, row) for name, row in (ROWS | FILES_ONLY).items()),
    *(("by_client", name, row) for name, row in ROWS.items()),
]
each_row = pytest.mark.parametrize(
    ("door", "row"),
    [pytest.param(door, row, id=f"{door}: {name}") for door, name, row in CASES],
)


@pytest.fixture
def asked(request: pytest.FixtureRequest, door: str) -> Door:
    return request.getfixturevalue(door)  # type: ignore[no-any-return]


def context_of(asked: Door, row: Row, path: str, resource: str) -> str:
    host = row.host.replace("API", asked.api)
    return f"{row.prefix}{path}|{resource}|dev|{host}|{host.partition('.')[0]}|GET"


@each_row
def test_a_mock_and_its_context(asked: Door, row: Row) -> None:
    expected = context_of(asked, row, "/your-path", "/your-path")

    assert asked.get(row, "/your-path") == (200, expected.encode())


@each_row
def test_an_http_backend_gets_the_path_parameter_only(asked: Door, row: Row) -> None:
    seen = asked.seen(row, "/your-path/a%2Fb?x=1")

    assert (seen["path"], seen["query"]) == ("/one/a%2Fb", "")
    assert seen["headers"]["x-path"] == f"{row.prefix}/your-path/a%2Fb"
    assert seen["headers"]["x-resource"] == "/your-path/{id}"


@each_row
def test_a_greedy_proxy_gets_what_is_below_the_resource_only(asked: Door, row: Row) -> None:
    seen = asked.seen(row, "/greedy/dev/base//z?x=1&x=2")

    assert (seen["path"], seen["query"]) == ("/all/dev/base//z", "x=1&x=2")
    assert seen["headers"]["x-path"] == f"{row.prefix}/greedy/dev/base//z"


@each_row
def test_the_access_log_tells_both(asked: Door, row: Row) -> None:
    mark = f"/your-path/{abs(hash(row))}-log"
    assert asked.get(row, mark)[0] == 200
    expected = context_of(asked, row, mark, "/your-path/{id}") + f"|{row.base_path}|200|"
    log = asked.gateway.data / "logs/paths.log"

    until(
        lambda: log.exists() and f"\n{expected}" in f"\n{log.read_text()}",
        f"the access log to have {expected}",
    )


@each_row
def test_what_is_no_resource_of_the_stage_is_missing_authentication_token(
    asked: Door, row: Row
) -> None:
    status, body = asked.get(row, "/base/dev/your-path")

    assert (status, body) == (403, b'{"message":"Missing Authentication Token"}')
