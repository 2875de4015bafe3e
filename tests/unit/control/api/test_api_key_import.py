from __future__ import annotations

from typing import Any

import pytest

from gateway.control.api.api_key_import import import_api_keys
from gateway.errors import ControlError
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers, call_of

A = "a" * 20


def imported(handlers: Handlers, text: str, **query: str) -> Any:
    call = call_of(
        "ImportApiKeys", query={name: [each] for name, each in {"format": "csv", **query}.items()}
    )
    call.raw = text.encode()

    def work(transaction: Transaction) -> Any:
        return import_api_keys(transaction, call)

    outcome = handlers.store.run(work)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def test_what_a_file_does_not_say_of_a_key_stays(handlers: Handlers) -> None:
    key = handlers.call("CreateApiKey", {"value": A, "customerId": "c", "tags": {"t": "u"}})

    assert imported(handlers, f"name,key\nalice,{A}") == {"ids": [key["id"]], "warnings": []}

    told = handlers.call("GetApiKey", api_Key=key["id"])
    assert (told["name"], told["customerId"], told["tags"]) == ("alice", "c", {"t": "u"})


def test_an_empty_file_imports_nothing(handlers: Handlers) -> None:
    assert imported(handlers, "name,key\n") == {"ids": [], "warnings": []}


def test_not_all_warnings_are_told_in_a_refusal(handlers: Handlers) -> None:
    text = "name,key\n" + "a,short\n" * 12

    with pytest.raises(ControlError, match=r"Row 10: [^;]+; and 2 more"):
        imported(handlers, text, failonwarnings="true")
    assert len(imported(handlers, text)["warnings"]) == 12


@pytest.mark.parametrize("format_", ["", "CSV", "json"])
def test_only_csv_is_read(handlers: Handlers, format_: str) -> None:
    with pytest.raises(ControlError, match="Invalid format"):
        imported(handlers, "name,key\n", format=format_)
