from __future__ import annotations

import dataclasses
from pathlib import Path

from sqlalchemy import select

from gateway.definitions.integration import (
    ConnectionType,
    ContentHandling,
    Integration,
    IntegrationResponse,
    IntegrationType,
    PassthroughBehavior,
    ResponseTransferMode,
    TlsConfig,
)
from gateway.definitions.rest_api import (
    ApiDefinition,
    AuthorizationType,
    EndpointConfiguration,
    EndpointType,
    Method,
    MethodResponse,
    Resource,
    RestApi,
)
from gateway.store.served import definition_from, definition_text
from gateway.store.tables import RESOURCE, REST_API
from gateway.store.transaction import Transaction
from gateway.store.working_copy import copy_definition, definition_of, write_definition
from tests.unit.store.stores import done, open_store

FULL = ApiDefinition(
    rest_api=RestApi(
        name="pets",
        id="a",
        description="d",
        binary_media_types=("image/png",),
        endpoint_configuration=EndpointConfiguration(types=(EndpointType.EDGE,)),
    ),
    resources=(
        Resource(
            path="/pets/{id}",
            id="abcdef",
            methods={
                "GET": Method(
                    authorization_type=AuthorizationType.AWS_IAM,
                    api_key_required=True,
                    authorizer_id="a",
                    operation_name="GetPet",
                    request_validator_id="v",
                    request_parameters={"method.request.path.id": True},
                    request_models={"application/json": "Empty"},
                    authorization_scopes=("a",),
                    method_responses={
                        "200": MethodResponse(
                            response_parameters={"method.response.header.x": False}
                        )
                    },
                    integration=Integration(
                        type=IntegrationType.HTTP,
                        uri="http://example.com/{id}",
                        integration_http_method="POST",
                        connection_type=ConnectionType.VPC_LINK,
                        connection_id="abc123",
                        integration_target="arn:aws:elasticloadbalancing:…",
                        credentials="arn:aws:iam::…",
                        passthrough_behavior=PassthroughBehavior.NEVER,
                        response_transfer_mode=ResponseTransferMode.STREAM,
                        request_parameters={
                            "integration.request.path.id": "method.request.path.id"
                        },
                        request_templates={"application/json": "{}"},
                        content_handling=ContentHandling.CONVERT_TO_TEXT,
                        timeout_in_millis=100,
                        cache_namespace="n",
                        cache_key_parameters=("method.request.path.id",),
                        tls_config=TlsConfig(insecure_skip_verification=True),
                        integration_responses={
                            "404": IntegrationResponse(selection_pattern="4.."),
                            "200": IntegrationResponse(response_templates={"a/b": "c"}),
                        },
                    ),
                )
            },
        ),
    ),
)


def new_api(transaction: Transaction, id_: str) -> int:
    return transaction.insert(
        REST_API,
        id=id_,
        name="pets",
        description="d",
        api_key_source="HEADER",
        binary_media_types=["image/png"],
        disable_execute_api_endpoint=False,
        endpoint_configuration={"types": ["EDGE"]},
        root_resource_id="r",
        created_epoch=1.0,
    )


def test_a_definition_comes_back_as_it_was_written(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> ApiDefinition:
        api = new_api(transaction, "a")
        write_definition(transaction, api, FULL, "r")
        return definition_of(transaction, api)

    found = done(store, work)
    assert found == FULL
    responses = found.resources[0].methods["GET"].integration.integration_responses
    assert list(responses) == ["404", "200"]
    store.close()


def test_what_lies_between_is_made_too(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> list[tuple[str, str | None]]:
        write_definition(transaction, new_api(transaction, "a"), FULL, "r")
        rows = transaction.rows(select(RESOURCE).order_by(RESOURCE.c.sequence))
        return [(row.path, row.path_part) for row in rows]

    assert done(store, work) == [("/", None), ("/pets", "pets"), ("/pets/{id}", "{id}")]
    store.close()


def silent(given: Method | Integration, least: Method | Integration) -> set[str]:
    return {
        field.name
        for field in dataclasses.fields(least)
        if getattr(given, field.name) == getattr(least, field.name)
    }


def test_the_definition_that_is_copied_says_something_in_every_field() -> None:
    """Else a field that a copy forgets would not show."""
    (method,) = FULL.resources[0].methods.values()
    assert method.integration is not None

    assert silent(method, Method()) == set()
    assert silent(method.integration, Integration(type=IntegrationType.MOCK)) == set()


def test_a_copy_is_equal(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> tuple[ApiDefinition, ApiDefinition]:
        first, second = new_api(transaction, "a"), new_api(transaction, "b")
        write_definition(transaction, first, FULL, "r")
        copy_definition(transaction, first, second, "s")
        return definition_of(transaction, first), definition_of(transaction, second)

    first, second = done(store, work)
    assert first.resources == second.resources
    store.close()


def test_a_frozen_definition_thaws_equal() -> None:
    assert definition_from(definition_text(FULL), "d") == FULL
