from __future__ import annotations

from gateway.control.api.families import REFUSALS, SERVED, refusal_of
from gateway.control.api.operations import OPERATIONS


def test_every_name_is_an_operation() -> None:
    assert {*SERVED, *REFUSALS} <= OPERATIONS.keys()


def test_a_refusal_names_the_operation_and_the_way_out() -> None:
    assert refusal_of("ImportRestApi").startswith("ImportRestApi is not supported: create")
    assert refusal_of("GetExport").endswith("`stagegate export` writes an API as files")


def test_only_mutations_take_a_body() -> None:
    assert [
        name
        for name, served in SERVED.items()
        if served.body is not None and OPERATIONS[name].verb == "GET"
    ] == []
