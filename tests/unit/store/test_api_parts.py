from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.definitions.authorizer import (
    Authorizer,
    AuthorizerType,
    JwtAlgorithm,
    JwtClaim,
    JwtConfiguration,
    JwtIssuer,
)
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import ApiDefinition, RestApi
from gateway.definitions.validators import Model, RequestValidator
from gateway.errors import ConfigurationError
from gateway.store.api_parts import (
    BUILT_IN_MODELS,
    authorizer_of,
    parts_of,
    write_built_in_models,
    write_parts,
)
from gateway.store.served import definition_from, definition_text
from gateway.store.tables import REST_API
from gateway.store.transaction import Transaction
from tests.unit.store.stores import done, open_store

JWT = JwtConfiguration(
    issuers=(
        JwtIssuer(
            issuer="https://a",
            audiences=("b",),
            additional_claims=(JwtClaim(claim_name="c", required=True, expected_values=("d",)),),
        ),
    ),
    default_algorithms=(JwtAlgorithm.ES512,),
)
DEFINITION = ApiDefinition(
    rest_api=RestApi(name="pets", id="pets"),
    models={"Pet": Model(id="abc123", schema='{"type": "object"}', description="a pet")},
    request_validators={"all": RequestValidator(name="All", validate_request_body=True)},
    gateway_responses={
        "THROTTLED": GatewayResponse(
            status_code="503",
            response_parameters={"gatewayresponse.header.x": "'y'"},
            response_templates={"application/json": "{}"},
        )
    },
    authorizers={
        "who": Authorizer(
            type=AuthorizerType.TOKEN,
            name="Who",
            auth_type="custom",
            authorizer_uri="arn",
            authorizer_credentials="role",
            identity_source="method.request.header.a",
            identity_validation_expression=".+",
            authorizer_result_ttl_in_seconds=0,
        ),
        "pool": Authorizer(
            type=AuthorizerType.COGNITO_USER_POOLS, name="Pool", provider_arns=("a", "b")
        ),
        "jwt": Authorizer(type=AuthorizerType.JWT, name="Jwt", jwt_configuration=JWT),
    },
)


def api_of(transaction: Transaction) -> int:
    return transaction.insert(
        REST_API,
        id="pets",
        name="pets",
        api_key_source="HEADER",
        binary_media_types=[],
        disable_execute_api_endpoint=False,
        endpoint_configuration={},
        root_resource_id="root",
        created_epoch=0.0,
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    def work(transaction: Transaction) -> None:
        api = api_of(transaction)
        write_parts(transaction, api, DEFINITION)

        parts = parts_of(transaction, api)

        assert parts.models == DEFINITION.models
        assert parts.request_validators == DEFINITION.request_validators
        assert parts.gateway_responses == DEFINITION.gateway_responses
        assert parts.authorizers == DEFINITION.authorizers
        assert parts_of(transaction, api + 1).models == {}

    done(open_store(tmp_path), work)


def test_what_has_no_name_or_id_gets_one(tmp_path: Path) -> None:
    def work(transaction: Transaction) -> None:
        api = api_of(transaction)
        nameless = ApiDefinition(
            rest_api=DEFINITION.rest_api,
            models={"Pet": Model(schema="{}")},
            request_validators={"all": RequestValidator()},
            authorizers={"who": Authorizer(type=AuthorizerType.TOKEN)},
        )
        write_parts(transaction, api, nameless)

        parts = parts_of(transaction, api)

        assert len(parts.models["Pet"].id) == 6
        assert parts.request_validators["all"].name == "all"
        assert parts.authorizers["who"].name == "who"

    done(open_store(tmp_path), work)


def test_they_go_with_their_api(tmp_path: Path) -> None:
    def work(transaction: Transaction) -> None:
        write_parts(transaction, api_of(transaction), DEFINITION)
        transaction.execute("DELETE FROM rest_api")

        for table in ("model", "request_validator", "gateway_response", "authorizer"):
            statement = f"SELECT count(*) FROM {table}"
            assert transaction.execute(statement) == [(0,)]

    done(open_store(tmp_path), work)


def test_built_in_models_have_ids_of_their_own(tmp_path: Path) -> None:
    def work(transaction: Transaction) -> None:
        api = api_of(transaction)
        write_built_in_models(transaction, api)

        models = parts_of(transaction, api).models

        assert [*models] == ["Empty", "Error"]
        assert len({each.id for each in models.values()}) == 2
        for name, model in models.items():
            assert json.loads(model.schema)["title"] == f"{name} Schema"
            assert model.description == BUILT_IN_MODELS[name].description

    done(open_store(tmp_path), work)


def test_a_deployment_freezes_them_and_old_ones_have_none() -> None:
    assert definition_from(definition_text(DEFINITION), "d") == DEFINITION

    old = definition_from('{"restApi": {"name": "pets"}, "resources": []}', "d")

    assert (old.models, old.request_validators, old.authorizers) == ({}, {}, {})


def test_an_authorizer_of_a_later_version_is_told() -> None:
    with pytest.raises(ConfigurationError, match="ORACLE"):
        authorizer_of({"id": "abc", "type": "ORACLE", "name": "a"})
