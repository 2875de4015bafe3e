"""Domains of the file in the store: shown, written anew when they change, gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.control.mirror_domains import mirror_domains
from gateway.definitions.domain import (
    BasePathMapping,
    DomainName,
    EndpointAccessMode,
    MutualTlsAuthentication,
)
from gateway.store.served import served_domains
from gateway.store.transaction import Changes
from tests.unit.control.api.handlers import Handlers

MAPPED = DomainName(
    domain_name="a.example.com",
    base_path_mappings=(
        BasePathMapping(rest_api_id="pets", base_path="v1/pets", stage="prod"),
        BasePathMapping(rest_api_id="gone"),
    ),
)


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[Handlers]:
    made = Handlers(tmp_path)
    yield made
    made.close()


def show(handlers: Handlers, *domains: DomainName) -> Changes:
    outcome = handlers.store.run(lambda transaction: mirror_domains(transaction, domains))
    assert outcome.error is None, outcome.error
    assert outcome.changes is not None
    return outcome.changes


def listed(handlers: Handlers) -> list[str]:
    return [each["domainName"] for each in handlers.call("GetDomainNames")["item"]]


def served(handlers: Handlers) -> list[str]:
    found: Any = handlers.store.run(served_domains, is_mutation=False).value
    return [domain.domain_name for domain in found]


def test_a_domain_is_shown_as_aws_would(handlers: Handlers) -> None:
    assert not show(handlers, MAPPED)

    shown = handlers.call("GetDomainName", domain_name="a.example.com")
    assert shown["endpointConfiguration"]["types"] == ["REGIONAL"]
    mappings = handlers.call("GetBasePathMappings", domain_name="a.example.com")["item"]
    assert mappings == [
        {"basePath": "v1/pets", "restApiId": "pets", "stage": "prod"},
        {"basePath": "(none)", "restApiId": "gone"},
    ]
    assert served(handlers) == []


def test_what_it_asks_for_is_shown(handlers: Handlers) -> None:
    show(
        handlers,
        DomainName(
            domain_name="a.example.com",
            mutual_tls_authentication=MutualTlsAuthentication(truststore_uri="s3://b/k"),
            endpoint_access_mode=EndpointAccessMode.STRICT,
        ),
    )

    shown = handlers.call("GetDomainName", domain_name="a.example.com")
    assert shown["mutualTlsAuthentication"] == {"truststoreUri": "s3://b/k"}
    assert shown["endpointAccessMode"] == "STRICT"


def test_a_changed_domain_is_written_anew_and_a_deleted_one_goes(handlers: Handlers) -> None:
    show(handlers, MAPPED, DomainName(domain_name="b.example.com"))
    before = handlers.call("GetDomainName", domain_name="b.example.com")

    show(handlers, DomainName(domain_name="a.example.com"), DomainName(domain_name="b.example.com"))
    assert handlers.call("GetBasePathMappings", domain_name="a.example.com")["item"] == []
    assert handlers.call("GetDomainName", domain_name="b.example.com") == before
    show(handlers, DomainName(domain_name="b.example.com"))

    assert listed(handlers) == ["b.example.com"]


def test_a_client_s_domain_is_set_aside_and_comes_back(handlers: Handlers) -> None:
    name = "a.example.com"
    handlers.call("CreateDomainName", {"domainName": name, "tags": {"team": "a"}})
    api = handlers.api()["id"]
    handlers.call("CreateBasePathMapping", {"restApiId": api}, domain_name=name)
    assert served(handlers) == [name]

    assert not show(handlers, MAPPED)
    assert sorted(listed(handlers)) == [name, f"{name}.aside"]
    assert served(handlers) == []
    assert handlers.call("GetDomainName", domain_name=f"{name}.aside")["tags"] == {"team": "a"}
    assert show(handlers).are_domains_changed

    assert listed(handlers) == served(handlers) == [name]
    assert handlers.call("GetDomainName", domain_name=name)["tags"] == {"team": "a"}
    mapped = handlers.call("GetBasePathMappings", domain_name=name)["item"]
    assert mapped == [{"basePath": "(none)", "restApiId": api}]


def test_an_edit_keeps_the_name_that_clients_point_at_and_the_place(handlers: Handlers) -> None:
    show(handlers, MAPPED, DomainName(domain_name="b.example.com"))
    before = handlers.call("GetDomainName", domain_name="a.example.com")

    mapping = BasePathMapping(rest_api_id="shop", base_path="new", stage="prod")
    changed = DomainName(
        domain_name="a.example.com", base_path_mappings=(mapping, *MAPPED.base_path_mappings)
    )
    show(handlers, changed, DomainName(domain_name="b.example.com"))

    after = handlers.call("GetDomainName", domain_name="a.example.com")
    assert after["regionalDomainName"] == before["regionalDomainName"]
    assert listed(handlers) == ["a.example.com", "b.example.com"]
    mappings = handlers.call("GetBasePathMappings", domain_name="a.example.com")["item"]
    assert [each["basePath"] for each in mappings] == ["v1/pets", "(none)", "new"]
