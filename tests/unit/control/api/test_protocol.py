from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.control.api import protocol
from gateway.control.api.protocol import (
    decode_position,
    encode_position,
    fitting,
    limit_of,
    page,
    present,
    timestamp,
)
from gateway.errors import ControlError
from gateway.store.tables import REST_API
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers, call_of


@given(st.integers(0, 2**63 - 1))
def test_a_position_comes_back(sequence: int) -> None:
    assert decode_position(encode_position(sequence)) == sequence


@given(st.text(max_size=100))
def test_any_other_text_is_no_position(text: str) -> None:
    with contextlib.suppress(ControlError):
        assert encode_position(decode_position(text)) == text.rstrip("=")


@pytest.mark.parametrize(
    "token", [b"[true]", b"[1.5]", b"[-1]", b"[9223372036854775808]", b"[[1]]"]
)
def test_json_that_is_no_place_is_no_position(token: bytes) -> None:
    with pytest.raises(ControlError, match="Invalid position specified"):
        decode_position(base64.urlsafe_b64encode(token).decode())


@pytest.mark.parametrize(
    ("text", "limit"), [(None, 25), ("1", 1), ("0", 1), ("500", 500), ("501", 500), ("99999", 500)]
)
def test_a_limit_is_kept_within_bounds(text: str | None, limit: int) -> None:
    assert limit_of(call_of(query={} if text is None else {"limit": [text]})) == limit


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "9" * 5000, "١"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ControlError, match="Invalid limit"):
        limit_of(call_of(query={"limit": [text]}))


def test_the_newest_may_come_first(handlers: Handlers) -> None:
    made = [handlers.api(name=name)["id"] for name in "abc"]

    def listed(position: str | None) -> tuple[list[str], str | None]:
        query = {"limit": ["2"]} | ({"position": [position]} if position else {})

        def work(transaction: Transaction) -> object:
            return page(
                transaction,
                call_of(query=query),
                select(REST_API),
                REST_API.c.sequence,
                lambda row: {"id": row.id},
                newest_first=True,
            )

        found = handlers.store.run(work).value
        return [each["id"] for each in found["item"]], found.get("position")

    first, position = listed(None)
    assert first == [made[2], made[1]]
    assert listed(position) == ([made[0]], None)


def test_what_is_none_is_not_there() -> None:
    assert present(a=None, b=False, c="", d=0) == {"b": False, "c": "", "d": 0}


def test_a_moment_is_whole_seconds() -> None:
    assert timestamp(1.9) == 1


def test_query_parameters_of_a_call() -> None:
    call = call_of(query={"a": ["1", "2"], "flag": ["True"]}, labels={"x": "y"})

    assert (call.text("a"), call.text("b"), call.label("x")) == ("2", None, "y")
    assert (call.flag("flag"), call.flag("a"), call.flag("b")) == (True, False, False)


def test_a_page_is_bounded_by_bytes_and_never_empty(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [handlers.api(description="x" * 1000)["id"] for _ in range(5)]
    monkeypatch.setattr(protocol, "PAGE_BYTES", 3000)
    pages: list[list[str]] = []
    query = {"limit": ["4"]}
    while True:
        told = handlers.call("GetRestApis", query=query)
        pages.append([each["id"] for each in told["item"]])
        if "position" not in told:
            break
        query = {"limit": ["4"], "position": [told["position"]]}

    assert [len(each) for each in pages] == [2, 2, 1]
    assert [id_ for each in pages for id_ in each] == made
    monkeypatch.setattr(protocol, "PAGE_BYTES", 1)
    assert len(handlers.call("GetRestApis")["item"]) == 1


def test_what_does_not_fit_is_not_even_looked_at_beyond_the_first() -> None:
    items = iter([{"n": number} for number in range(5)])

    assert list(fitting(items, 2)) == [{"n": 0}, {"n": 1}]
    assert next(items) == {"n": 3}


def test_gateway_responses_are_bounded_by_bytes_too(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = handlers.api()["id"]
    types = [
        each["responseType"]
        for each in handlers.call("GetGatewayResponses", restapi_id=api)["item"]
    ]
    monkeypatch.setattr(protocol, "PAGE_BYTES", 1000)
    found: list[str] = []
    query: dict[str, list[str]] = {}
    while len(found) < len(types):
        told = handlers.call("GetGatewayResponses", query=query, restapi_id=api)
        assert len(told["item"]) < len(types)
        found += [each["responseType"] for each in told["item"]]
        query = {"position": [told["position"]]} if "position" in told else {}

    assert found == types
    assert query == {}
