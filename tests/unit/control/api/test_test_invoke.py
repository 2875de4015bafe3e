from __future__ import annotations

from typing import Any

from gateway.control.api.families import SERVED
from gateway.control.method_test import MethodTest
from tests.unit.control.api.handlers import Handlers, call_of


def test_of(handlers: Handlers, named: dict[str, str], **body: Any) -> MethodTest:
    """Return the test that a call leaves to be done."""
    call = call_of("TestInvokeMethod", labels=named, body=body)
    handler = SERVED["TestInvokeMethod"].handler
    outcome = handlers.store.run(lambda transaction: handler(transaction, call))
    assert outcome.error is None, outcome.error
    assert outcome.value is None
    assert call.test is not None
    return call.test


test_of.__test__ = False  # type: ignore[attr-defined]


def test_only_the_method_s_own_resource_is_read(handlers: Handlers) -> None:
    named = handlers.method()
    child = handlers.call(
        "CreateResource",
        {"pathPart": "other"},
        restapi_id=named["restapi_id"],
        parent_id=named["resource_id"],
    )
    labels = {**named, "resource_id": child["id"]}
    handlers.call("PutMethod", {"authorizationType": "NONE"}, **labels)

    test = test_of(handlers, named)

    assert [each.path for each in test.definition.resources] == ["/"]
    assert (test.target, test.verb, test.body, test.headers) == ("/", "GET", b"", ())


def test_headers_are_put_together(handlers: Handlers) -> None:
    test = test_of(
        handlers,
        handlers.method(),
        pathWithQueryString="a?b",
        headers={"X-A": "gone", "X-B": " ü ", "Transfer-Encoding": "chunked", "X-N": None},
        multiValueHeaders={"x-a": ["1", None], "X-C": None},
        stageVariables={"v": None},
        body="ü",
    )

    assert test.target == "/a?b"
    assert test.headers == (
        (b"X-B", "ü".encode()),
        (b"X-N", b""),
        (b"x-a", b"1"),
        (b"x-a", b""),
    )
    assert test.stage_variables == {"v": ""}
    assert test.body == "ü".encode()
