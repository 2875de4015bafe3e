from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from gateway.control.api import documentation_versions
from gateway.errors import ControlError
from gateway.store.tables import DOCUMENTATION_VERSION
from tests.unit.control.api.handlers import Handlers


def version(handlers: Handlers, api: str, name: str) -> Any:
    return handlers.call(
        "CreateDocumentationVersion", {"documentationVersion": name}, restapi_id=api
    )


def test_a_version_keeps_what_the_parts_were(handlers: Handlers) -> None:
    api = handlers.api()["id"]
    body = {"location": {"type": "API"}, "properties": '{"a": 1}'}
    part = handlers.call("CreateDocumentationPart", body, restapi_id=api)["id"]
    version(handlers, api, "1")

    handlers.call("DeleteDocumentationPart", restapi_id=api, part_id=part)

    query = select(DOCUMENTATION_VERSION.c.parts)
    kept = handlers.store.run(lambda transaction: transaction.value(query)).value
    assert json.loads(kept) == [body]


def test_the_number_of_versions_and_their_size_are_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = handlers.api()["id"]
    monkeypatch.setattr(documentation_versions, "VERSIONS_MAX", 1)
    version(handlers, api, "1")
    with pytest.raises(ControlError, match="at most 1 documentation versions"):
        version(handlers, api, "2")
    monkeypatch.setattr(documentation_versions, "VERSIONS_MAX", 2)
    monkeypatch.setattr(documentation_versions, "SNAPSHOT_BYTES", 1)

    with pytest.raises(ControlError, match="at most 1 bytes"):
        version(handlers, api, "2")
