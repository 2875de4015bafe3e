"""Identifiers follow from content, and from nothing else."""

from __future__ import annotations

import dataclasses
import re

from gateway.definitions import identity
from gateway.definitions.identity import deployment_id, resource_id
from gateway.definitions.integration import Integration, IntegrationResponse, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi

RESPONSES = {
    "200": IntegrationResponse(),
    "404": IntegrationResponse(selection_pattern="4.."),
}


def definition(
    responses: dict[str, IntegrationResponse] | None = None, verbs: str = "GET POST"
) -> ApiDefinition:
    method = Method(
        integration=Integration(
            type=IntegrationType.MOCK,
            integration_responses=RESPONSES if responses is None else responses,
        )
    )
    methods = dict.fromkeys(verbs.split(), method)
    return ApiDefinition(
        rest_api=RestApi(name="pets"),
        resources=(Resource(path="/a", methods=methods), Resource(path="/b", methods={})),
    )


def test_a_deployment_id_looks_like_one() -> None:
    assert re.fullmatch(r"[a-z0-9]{10}", deployment_id("pets", definition()))


def test_equal_content_has_one_id() -> None:
    first = definition()
    again = dataclasses.replace(
        definition(verbs="POST GET"), resources=tuple(reversed(definition().resources))
    )

    assert deployment_id("pets", first) == deployment_id("pets", again)


def test_ids_do_not_change_between_releases_of_the_gateway() -> None:
    assert deployment_id("pets", definition()) == "rk8ulb9y46"
    assert resource_id("/pets") == "zdusum"


def test_other_content_has_another_id() -> None:
    ids = {
        deployment_id("pets", definition()),
        deployment_id("cats", definition()),
        deployment_id("pets", definition(verbs="GET")),
        deployment_id("pets", definition(responses={})),
    }

    assert len(ids) == 4


def test_the_order_of_integration_responses_counts() -> None:
    reordered = dict(reversed(RESPONSES.items()))

    assert deployment_id("pets", definition()) != deployment_id("pets", definition(reordered))


def test_a_resource_id_has_6_characters_and_the_roots_10() -> None:
    assert re.fullmatch(r"[a-z0-9]{10}", resource_id("/"))
    assert re.fullmatch(r"[a-z0-9]{6}", resource_id("/pets/{petId}"))
    assert resource_id("/pets") != resource_id("/cats")


def test_ids_of_long_paths_are_the_same_each_time_and_not_remembered() -> None:
    remembered = identity._resource_id.cache_info().currsize
    path = "/" + "a" * 256
    assert resource_id(path) == resource_id(path) != resource_id(path + "a")
    assert identity._resource_id.cache_info().currsize == remembered
