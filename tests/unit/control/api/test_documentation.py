from __future__ import annotations

import pytest

from gateway.control.api import documentation, documentation_rows
from gateway.control.api.families import SERVED
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers, call_of


def imported(handlers: Handlers, api: str, document: bytes, **query: str) -> object:
    call = call_of(
        "ImportDocumentationParts",
        labels={"restapi_id": api},
        query={name: [value] for name, value in query.items()},
    )
    call.raw = document
    handler = SERVED["ImportDocumentationParts"].handler
    outcome = handlers.store.run(lambda transaction: handler(transaction, call))
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def test_a_long_document_in_yaml_is_refused(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documentation, "YAML_BYTES", 10)

    with pytest.raises(ControlError, match="send it as JSON"):
        imported(handlers, handlers.api()["id"], b"openapi: 3.0.1")


def test_an_unknown_mode_is_refused(handlers: Handlers) -> None:
    with pytest.raises(ControlError, match=r"importDocumentationPartsInput\.mode"):
        imported(handlers, handlers.api()["id"], b"{}", mode="x")


def test_the_number_of_parts_is_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documentation_rows, "PARTS_MAX", 1)
    api = handlers.api()["id"]
    parts = b'[{"location": {"type": "API"}, "properties": {}}]'
    document = b'{"x-amazon-apigateway-documentation": {"documentationParts": %b}}' % parts
    imported(handlers, api, document)
    imported(handlers, api, document)

    with pytest.raises(ControlError, match="LimitExceededException"):
        imported(handlers, api, document.replace(b'"API"', b'"RESOURCE"'))


def test_a_part_of_no_location_is_refused(handlers: Handlers) -> None:
    with pytest.raises(ControlError, match="location type is required"):
        handlers.call(
            "CreateDocumentationPart", {"properties": "{}"}, restapi_id=handlers.api()["id"]
        )
