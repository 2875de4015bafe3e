from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gateway.definitions.integration import Integration, IntegrationResponse, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method, MethodResponse, Resource, RestApi
from gateway.store.method_rows import write_methods
from gateway.store.transaction import Transaction
from gateway.store.working_copy import definition_of, write_definition
from tests.unit.store.stores import done, open_store
from tests.unit.store.test_working_copy import new_api

ANSWERS = {
    "404": IntegrationResponse(selection_pattern="4.."),
    "200": IntegrationResponse(response_templates={"a/b": "c"}),
}
MOCK = Integration(type=IntegrationType.MOCK, cache_namespace="n", integration_responses=ANSWERS)
METHOD = Method(
    method_responses={"200": MethodResponse(), "404": MethodResponse()}, integration=MOCK
)


def definition(**methods: Method) -> ApiDefinition:
    resources = (
        Resource(path="/a", id="aaa", methods=methods),
        Resource(path="/b", id="bbb", methods={"GET": METHOD}),
    )
    return ApiDefinition(rest_api=RestApi(name="pets", id="a"), resources=resources)


def answering(**responses: IntegrationResponse) -> Method:
    codes = {name.removeprefix("s"): each for name, each in responses.items()}
    integration = dataclasses.replace(MOCK, integration_responses=codes)
    return dataclasses.replace(METHOD, integration=integration)


def written_over(
    tmp_path: Path, before: ApiDefinition, after: ApiDefinition
) -> tuple[ApiDefinition, int]:
    """Return what the second of two definitions reads as, and how many rows it wrote."""
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> tuple[ApiDefinition, int]:
        api = new_api(transaction, "a")
        write_definition(transaction, api, before, "root")
        (start,) = transaction.execute("SELECT total_changes()")[0]
        write_definition(transaction, api, after, "root")
        (end,) = transaction.execute("SELECT total_changes()")[0]
        return definition_of(transaction, api), end - start

    found: tuple[ApiDefinition, int] = done(store, work)
    store.close()
    return found


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (METHOD, 0),
        (dataclasses.replace(METHOD, operation_name="o"), 1),
        (answering(s404=ANSWERS["404"], s200=IntegrationResponse()), 1),
        # Two are deleted, two written: their order counts.
        (answering(s200=ANSWERS["200"], s404=ANSWERS["404"]), 4),
        # The integration and its responses, before and after.
        (dataclasses.replace(METHOD, integration=Integration(type=IntegrationType.HTTP)), 4),
        (dataclasses.replace(METHOD, integration=None), 3),
    ],
)
def test_only_rows_that_differ_are_written(tmp_path: Path, method: Method, rows: int) -> None:
    found, written = written_over(tmp_path, definition(GET=METHOD), definition(GET=method))

    (resource, other) = found.resources
    assert other.methods["GET"] == METHOD
    assert without_namespace(resource.methods["GET"]) == without_namespace(method)
    responses = method.integration.integration_responses if method.integration else {}
    read = resource.methods["GET"].integration
    assert list(read.integration_responses if read else {}) == list(responses)
    assert written == rows


def without_namespace(method: Method) -> Method:
    """The store names the resource where a definition names no namespace."""
    if method.integration is None:
        return method
    integration = dataclasses.replace(method.integration, cache_namespace=None)
    return dataclasses.replace(method, integration=integration)


@pytest.mark.parametrize(
    ("before", "after"),
    [(["GET"], ["GET", "POST"]), (["POST"], ["GET", "POST"]), (["GET", "POST"], ["GET"])],
)
def test_methods_come_and_go(tmp_path: Path, before: list[str], after: list[str]) -> None:
    first, second = (definition(**dict.fromkeys(verbs, METHOD)) for verbs in (before, after))
    found, _ = written_over(tmp_path, first, second)

    assert list(found.resources[0].methods) == after
    assert all(method == METHOD for method in found.resources[0].methods.values())


def test_an_api_may_have_no_methods(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> ApiDefinition:
        api = new_api(transaction, "a")
        write_definition(transaction, api, definition(GET=METHOD), "root")
        write_methods(transaction, api, {})
        return definition_of(transaction, api)

    assert done(store, work).resources == ()
    store.close()
