"""Custom domain names of a whole gateway: from files and from AWS's clients, served at once."""

from __future__ import annotations

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
    for name, arguments in mutations.items():
        with pytest.raises(ClientError) as error:
            getattr(aws, name)(**arguments)
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

    gateway.write("domains.yaml", DOMAINS)
    until(lambda: asked(gateway, "/v1/pets/pets", host)[0] == 200, "the file to win")
    until(lambda: sorted(names(aws)) == [host, f"{host}.aside"], "the other to be set aside")
    assert asked(gateway, "/v1/pets/pets", host) == (200, b"file")
    assert asked(gateway, "/pets", host)[0] == 403
    gateway.write("domains.yaml", "")

    until(lambda: asked(gateway, "/pets", host) == (200, b"client"), "the client's to be back")
    until(lambda: names(aws) == [host], "the client's to be shown again")
    aws.delete_domain_name(domainName=host)
    assert asked(gateway, "/pets", host)[0] == 403
