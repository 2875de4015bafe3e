from __future__ import annotations

import pytest
from sqlalchemy import select, update

from gateway.control.api import lookups
from gateway.errors import ControlError
from gateway.store.tables import INTEGRATION, METHOD, REST_API
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers, call_of


def test_each_label_finds_its_row(handlers: Handlers) -> None:
    labels = handlers.method()
    handlers.call("PutMethodResponse", status_code="200", **labels)
    handlers.call("PutIntegrationResponse", status_code="200", **labels)
    call = call_of("GetIntegrationResponse", labels={**labels, "status_code": "200"})

    def work(transaction: Transaction) -> None:
        method = transaction.one(select(METHOD))
        assert lookups.rest_api_of(transaction, call).id == labels["restapi_id"]
        assert lookups.resource_of(transaction, call).path == "/"
        assert lookups.method_of(transaction, call) == method
        assert lookups.integration_of(transaction, call).method == method.sequence
        assert lookups.method_response_of(transaction, call).status_code == "200"
        integration = transaction.one(select(INTEGRATION))
        found = lookups.integration_response_of(transaction, call)
        assert found.integration == integration.sequence

    assert handlers.store.run(work).error is None


def test_an_api_is_found_by_its_exact_id(handlers: Handlers) -> None:
    api = handlers.api()["id"]

    with pytest.raises(ControlError) as error:
        handlers.call("GetRestApi", restapi_id=api.upper() + "X")

    assert error.value.message == f"Invalid API identifier specified 000000000000:{api.upper()}X"


def test_a_resource_of_another_api_is_none(handlers: Handlers) -> None:
    first, second = handlers.api(), handlers.api()

    with pytest.raises(ControlError, match="Invalid Resource identifier"):
        handlers.call("GetResource", restapi_id=first["id"], resource_id=second["rootResourceId"])


def test_what_a_file_owns_is_read_only(handlers: Handlers) -> None:
    api = handlers.api()["id"]
    call = call_of("DeleteRestApi", labels={"restapi_id": api})

    def work(transaction: Transaction) -> None:
        lookups.refuse_what_files_own(transaction, call)
        transaction.run(update(REST_API).values(file="pets.yaml"))
        lookups.refuse_what_files_own(transaction, call)

    error = handlers.store.run(work).error
    assert isinstance(error, ControlError)
    assert (error.code, "pets.yaml" in error.message) == ("ConflictException", True)
