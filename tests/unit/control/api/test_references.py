from __future__ import annotations

from gateway.control.api.references import (
    has_authorizer,
    has_client_certificate,
    has_model,
    has_request_validator,
    method_with_authorizer,
    method_with_model,
    method_with_validator,
)
from gateway.definitions.authorizer import Authorizer, AuthorizerType
from gateway.definitions.rest_api import (
    ApiDefinition,
    AuthorizationType,
    Method,
    MethodResponse,
    Resource,
    RestApi,
)
from gateway.definitions.validators import Model, RequestValidator
from gateway.store.tables import REST_API
from gateway.store.transaction import Transaction
from gateway.store.working_copy import write_definition
from tests.unit.control.api.handlers import Handlers

METHOD = Method(
    authorization_type=AuthorizationType.CUSTOM,
    authorizer_id="auth",
    request_validator_id="all",
    request_models={"application/json": "Pet"},
)
ANSWERS = {"200": MethodResponse(response_models={"application/json": "Home"})}
DEFINITION = ApiDefinition(
    rest_api=RestApi(name="pets", id="pets"),
    resources=(
        Resource(path="/", methods={"ANY": METHOD}),
        Resource(path="/pets", methods={"GET": Method(method_responses=ANSWERS)}),
    ),
    models={"Pet": Model(schema="{}"), "Home": Model(schema="{}")},
    request_validators={"all": RequestValidator()},
    authorizers={"auth": Authorizer(type=AuthorizerType.REQUEST)},
)


def made(transaction: Transaction, id_: str) -> int:
    sequence = transaction.insert(
        REST_API,
        id=id_,
        name=id_,
        api_key_source="HEADER",
        binary_media_types=[],
        disable_execute_api_endpoint=False,
        endpoint_configuration={},
        root_resource_id="root",
        created_epoch=0.0,
    )
    write_definition(transaction, sequence, DEFINITION, "root")
    return sequence


def test_a_new_api_has_two_models_and_nothing_else(handlers: Handlers) -> None:
    handlers.api()

    def work(transaction: Transaction) -> None:
        assert has_model(transaction, 1, "Empty")
        assert has_model(transaction, 1, "Error")
        assert not has_model(transaction, 1, "Other")
        assert not has_request_validator(transaction, 1, "x")
        assert not has_authorizer(transaction, 1, "x", "CUSTOM")

    assert handlers.store.run(work).error is None


def test_references_are_looked_up_in_one_api(handlers: Handlers) -> None:
    def work(transaction: Transaction) -> None:
        api = made(transaction, "pets")
        other = api + 1

        assert has_model(transaction, api, "Pet")
        assert not has_model(transaction, other, "Pet")
        assert has_request_validator(transaction, api, "all")
        assert not has_request_validator(transaction, other, "all")
        assert has_authorizer(transaction, api, "auth", "CUSTOM")
        assert not has_authorizer(transaction, api, "auth", "COGNITO_USER_POOLS")
        assert not has_authorizer(transaction, api, "auth", "NONE")
        assert not has_authorizer(transaction, other, "auth", "CUSTOM")

    assert handlers.store.run(work).error is None


def test_the_method_that_holds_something_is_named_as_by_aws(handlers: Handlers) -> None:
    def work(transaction: Transaction) -> None:
        api = made(transaction, "pets")

        assert method_with_validator(transaction, api, "all") == "ANY//"
        assert method_with_authorizer(transaction, api, "auth") == "ANY//"
        assert method_with_model(transaction, api, "Pet") == "method request: //ANY"
        assert method_with_model(transaction, api, "Home") == "method response: /pets/GET/200"
        for found in (method_with_validator, method_with_authorizer, method_with_model):
            assert found(transaction, api, "nothing") is None
            assert found(transaction, api + 1, "all") is None

    assert handlers.store.run(work).error is None


def test_a_client_certificate_is_there_once_it_is_made(handlers: Handlers) -> None:
    id_ = handlers.call("GenerateClientCertificate")["clientCertificateId"]

    def work(transaction: Transaction) -> None:
        assert has_client_certificate(transaction, id_)
        assert not has_client_certificate(transaction, "nothing")

    assert handlers.store.run(work).error is None
