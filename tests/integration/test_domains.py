"""Custom domain names of a whole gateway: from files and from AWS's clients, served at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import patch, refusal
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, deployed
from tests.running_gateway import RunningGateway, pets, until

DOMAINS = """\
files.example.com:
  basePathMappings: [{basePath: v1/pets, restApiId: pets, stage: prod}]
"""


def asked(gateway: RunningGateway, path: str, host: str) -> tuple[int, bytes]:
    return gateway.get(path, Host=host)


def names(aws: Any) -> list[str]:
    return [domain["domainName"] for domain in aws.get_domain_names()["items"]]


def test_a_mapping_is_served_at_once_and_gone_at_once(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    host = "api.example.com"
    aws.create_domain_name(domainName=host)
    assert asked(gateway, "/shop/pets", host)[0] == 403

    aws.create_base_path_mapping(domainName=host, basePath="shop", restApiId=api.id, stage="prod")
    assert asked(gateway, "/shop/pets", host) == (200, b"one")
    aws.create_base_path_mapping(domainName=host, restApiId=api.id)
    assert asked(gateway, "/prod/pets", host) == (200, b"one")
    aws.update_domain_name(
        domainName=host, patchOperations=[patch("replace", "/routingMode", "ROUTING_RULE_ONLY")]
    )
    assert asked(gateway, "/shop/pets", host)[0] == 403
    aws.delete_domain_name(domainName=host)
    assert asked(gateway, "/shop/pets", host)[0] == 403
    assert gateway.status()["domains"] == []


def test_mutual_tls_is_never_ignored(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    aws.create_domain_name(domainName="*.example.com")
    aws.create_base_path_mapping(domainName="*.example.com", restApiId=api.id, stage="prod")
    assert asked(gateway, "/pets", "safe.example.com") == (200, b"one")

    aws.create_domain_name(
        domainName="safe.example.com",
        endpointConfiguration={"types": ["REGIONAL"]},
        mutualTlsAuthentication={"truststoreUri": "s3://bucket/key.pem"},
    )
    aws.create_base_path_mapping(domainName="safe.example.com", restApiId=api.id, stage="prod")

    assert asked(gateway, "/pets", "safe.example.com") == (403, b'{"message":"Forbidden"}')


def test_domains_of_files_are_seen_and_not_touched(start_gateway: StartGateway) -> None:
    gateway = start_gateway({"apis/pets.yaml": pets(), "domains.yaml": DOMAINS})
    aws = client_of(gateway)
    host = "files.example.com"
    until(lambda: names(aws) == [host], "the file's domain to be shown")

    assert asked(gateway, "/v1/pets/pets", host) == (200, b"one")
    assert aws.get_base_path_mapping(domainName=host, basePath="v1/pets")["restApiId"] == "pets"
    arn = f"arn:aws:apigateway:us-east-1::/domainnames/{host}"
    mutations: dict[str, dict[str, Any]] = {
        "delete_domain_name": {"domainName": host},
        "create_domain_name": {"domainName": host},
        "create_base_path_mapping": {"domainName": host, "restApiId": "pets"},
        "delete_base_path_mapping": {"domainName": host, "basePath": "v1/pets"},
        "tag_resource": {"resourceArn": arn, "tags": {"a": "b"}},
    }
    second = client_of(gateway, service="apigatewayv2")
    (mapping,) = second.get_api_mappings(DomainName=host)["Items"]
    of_mapping = {"DomainName": host, "ApiMappingId": mapping["ApiMappingId"]}
    mutations_of_v2: dict[str, dict[str, Any]] = {
        "create_api_mapping": {"DomainName": host, "ApiId": "pets", "Stage": "prod"},
        "update_api_mapping": {**of_mapping, "ApiId": "pets", "Stage": "dev"},
        "delete_api_mapping": of_mapping,
    }
    calls = [
        *((aws, *each) for each in mutations.items()),
        *((second, *each) for each in mutations_of_v2.items()),
    ]
    for client, name, arguments in calls:
        with pytest.raises(ClientError) as error:
            getattr(client, name)(**arguments)
        assert refusal(error) == (
            "ConflictException",
            f"{host} is managed by the file domains.yaml and read-only here: edit the file",
        )


def test_a_file_s_domain_wins_until_it_goes(start_gateway: StartGateway) -> None:
    gateway = start_gateway({"apis/pets.yaml": pets("file")})
    aws = client_of(gateway)
    api, _ = deployed(aws, "client")
    host = "files.example.com"
    aws.create_domain_name(domainName=host)
    aws.create_base_path_mapping(domainName=host, restApiId=api.id, stage="prod")
    assert asked(gateway, "/pets", host) == (200, b"client")

    revision = gateway.status()["revision"]
    gateway.write("domains.yaml", DOMAINS)
    gateway.wait_revision(revision + 1)
    until(lambda: sorted(names(aws)) == [host, f"{host}.aside"], "the other to be set aside")
    assert asked(gateway, "/v1/pets/pets", host) == (200, b"file")
    assert asked(gateway, "/pets", host)[0] == 403
    gateway.write("domains.yaml", "")

    until(lambda: asked(gateway, "/pets", host) == (200, b"client"), "the client's to be back")
    until(lambda: names(aws) == [host], "the client's to be shown again")
    aws.delete_domain_name(domainName=host)
    assert asked(gateway, "/pets", host)[0] == 403


SHOPS = """\
"*.example.com":
  basePathMappings:
    - {restApiId: one, stage: prod}
    - {basePath: orders/v1, restApiId: two, stage: prod}
    - {basePath: orders/v1/pets, restApiId: three, stage: prod}
    - {basePath: prod, restApiId: four, stage: prod}
    - {basePath: open, restApiId: two}
exact.example.com:
  basePathMappings: [{basePath: shop, restApiId: two, stage: prod}]
"""
NUMBERS = ("one", "two", "three", "four")
FORBIDDEN = (403, b'{"message":"Forbidden"}')
NO_TOKEN = (403, b'{"message":"Missing Authentication Token"}')
ANY = "any.example.com"


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        # The longest base path that is a prefix wins, by whole segments and case-sensitively.
        (ANY, "/pets", (200, b"one")),
        (ANY, "/orders/v1/pets/pets", (200, b"three")),
        (ANY, "/orders/v1/pets", NO_TOKEN),
        (ANY, "/orders/v1x/pets", NO_TOKEN),
        (ANY, "/Orders/v1/pets", NO_TOKEN),
        (ANY, "//orders/v1/pets/pets", (200, b"three")),
        # A base path may be called like a stage, and does not name one.
        (ANY, "/prod/pets", (200, b"four")),
        (ANY, "/prod/prod/pets", NO_TOKEN),
        # Without a stage the next segment names it.
        (ANY, "/open/prod/pets", (200, b"two")),
        (ANY, "/open/dev/pets", FORBIDDEN),
        (ANY, "/open", FORBIDDEN),
        (ANY, "/open/pets", FORBIDDEN),
        # An exact name wins over the wildcard, for paths that it does not map, too.
        ("exact.example.com", "/shop/pets", (200, b"two")),
        ("exact.example.com", "/pets", FORBIDDEN),
        # A wildcard is one label.
        ("example.com", "/pets", FORBIDDEN),
        ("a.b.example.com", "/pets", FORBIDDEN),
        # However the host is written.
        ("ANY.Example.COM", "/pets", (200, b"one")),
        ("any.example.com.", "/pets", (200, b"one")),
        ("any.example.com:8443", "/pets", (200, b"one")),
        ("Exact.example.com.:80", "/shop/pets", (200, b"two")),
        # Health checks are the gateway's own, at the root only.
        (ANY, "/ping", (200, b"Healthy Connection")),
        ("exact.example.com", "/sping", (200, b"Healthy Connection")),
        (ANY, "/prod/ping", NO_TOKEN),
        ("one.execute-api.localhost", "/ping", (200, b"Healthy Connection")),
        ("none.execute-api.localhost", "/ping", FORBIDDEN),
        ("localhost", "/ping", FORBIDDEN),
    ],
)
def test_base_paths_of_files_lead_where_aws_leads(
    shops: RunningGateway, host: str, path: str, expected: tuple[int, bytes]
) -> None:
    assert asked(shops, path, host) == expected


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway whose domains lead to several APIs, each of which answers its name."""
    files = {f"apis/{name}.yaml": pets(name) for name in NUMBERS}
    directory = tmp_path_factory.mktemp("shops") / "gateway"
    directory.mkdir()
    gateway = RunningGateway(directory, {**files, "domains.yaml": SHOPS}, "--workers", "1")
    try:
        yield gateway
    finally:
        gateway.close()


def test_base_paths_of_clients_lead_where_aws_leads(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    apis = {name: deployed(aws, name)[0].id for name in NUMBERS}
    for host, base_path, name, stage in (
        ("*.example.com", "", "one", "prod"),
        ("*.example.com", "orders", "two", "prod"),
        ("*.example.com", "prod", "four", "prod"),
        ("*.example.com", "open", "two", ""),
        ("exact.example.com", "shop", "three", "prod"),
    ):
        if host not in names(aws):
            aws.create_domain_name(domainName=host, endpointConfiguration={"types": ["REGIONAL"]})
        aws.create_base_path_mapping(
            domainName=host, basePath=base_path, restApiId=apis[name], stage=stage
        )

    second = client_of(gateway, service="apigatewayv2")
    deep = {"DomainName": "*.example.com", "ApiMappingKey": "orders/v1", "Stage": "prod"}
    second.create_api_mapping(**deep, ApiId=apis["three"])

    for host, path, expected in (
        (ANY, "/pets", (200, b"one")),
        (ANY, "/orders/v1/pets", (200, b"three")),
        (ANY, "/orders/v1", NO_TOKEN),
        (ANY, "/orders/v2/pets", NO_TOKEN),
        (ANY, "/orders/pets", (200, b"two")),
        (ANY, "/prod/pets", (200, b"four")),
        (ANY, "/open/prod/pets", (200, b"two")),
        (ANY, "/open/dev/pets", FORBIDDEN),
        ("exact.example.com", "/shop/pets", (200, b"three")),
        ("exact.example.com", "/pets", FORBIDDEN),
        (ANY, "/ping", (200, b"Healthy Connection")),
        (f"{apis['one']}.execute-api.localhost", "/sping", (200, b"Healthy Connection")),
    ):
        assert asked(gateway, path, host) == expected, (host, path)
    aws.delete_stage(restApiId=apis["four"], stageName="prod")
    assert asked(gateway, "/prod/pets", ANY) == FORBIDDEN


def test_a_disabled_default_endpoint_leaves_the_domain_alone_by_files(
    start_gateway: StartGateway,
) -> None:
    text = pets().replace("{name: Pets}", "{name: Pets, disableExecuteApiEndpoint: true}")
    gateway = start_gateway({"apis/pets.yaml": text, "domains.yaml": DOMAINS})

    for path in ("/prod/pets", "/prod", "/ping"):
        assert asked(gateway, path, "pets.execute-api.localhost") == FORBIDDEN
    assert asked(gateway, "/_aws/execute-api/pets/prod/pets", "localhost") == FORBIDDEN
    assert asked(gateway, "/restapis/pets/prod/_user_request_/pets", "localhost") == FORBIDDEN
    assert asked(gateway, "/v1/pets/pets", "files.example.com") == (200, b"one")
    assert asked(gateway, "/ping", "files.example.com")[0] == 200


def test_a_default_endpoint_is_disabled_by_the_next_deployment_by_an_aws_client(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    aws.create_domain_name(domainName="api.example.com")
    aws.create_base_path_mapping(domainName="api.example.com", restApiId=api.id, stage="prod")
    own = f"{api.id}.execute-api.localhost"
    aws.update_rest_api(
        restApiId=api.id,
        patchOperations=[patch("replace", "/disableExecuteApiEndpoint", "true")],
    )
    assert asked(gateway, "/prod/pets", own) == (200, b"one")

    aws.create_deployment(restApiId=api.id, stageName="prod")

    assert asked(gateway, "/prod/pets", own) == FORBIDDEN
    assert asked(gateway, "/pets", "api.example.com") == (200, b"one")


@pytest.fixture(scope="module")
def two_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with the API `pets` and, by an AWS client, the domain `api.example.com`."""
    files = {"apis/pets.yaml": pets()}
    gateway = RunningGateway(tmp_path_factory.mktemp("two-doors") / "gateway", files)
    try:
        client_of(gateway).create_domain_name(domainName="api.example.com")
        yield gateway
    finally:
        gateway.close()


@pytest.fixture
def without_file(two_doors: RunningGateway) -> Iterator[RunningGateway]:
    """The same; after the test its `domains.yaml` is gone, and so are the problems it had."""
    yield two_doors
    two_doors.write("domains.yaml", "")
    until(lambda: not two_doors.reload_problems(), "the file to be taken back")


@pytest.mark.parametrize(
    "base_path", ["/shop", "shop/", "a//b", "a b", "a?b", "a/../b", "ä", "%2e", "a" * 301]
)
def test_a_bad_base_path_is_refused_at_both_doors(
    without_file: RunningGateway, base_path: str
) -> None:
    gateway = without_file
    aws = client_of(gateway)
    assert gateway.reload_problems() == []
    with pytest.raises(ClientError) as error:
        aws.create_base_path_mapping(
            domainName="api.example.com", basePath=base_path, restApiId="pets", stage="prod"
        )
    mapping = {"basePath": base_path, "restApiId": "pets", "stage": "prod"}
    text = json.dumps({"files.example.com": {"basePathMappings": [mapping]}})
    gateway.write("domains.yaml", text)

    expected = "doesn't support the slash character" if "/" in base_path else "a base path"
    assert expected in refusal(error)[1]
    problems = until(gateway.reload_problems, "the file to be refused")
    assert any("basePathMappings[0].basePath" in each for each in problems), problems
    assert asked(gateway, "/pets", "files.example.com") == FORBIDDEN
