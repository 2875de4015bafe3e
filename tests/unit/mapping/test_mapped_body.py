from __future__ import annotations

import pytest

from gateway.errors import Fault, GatewayResponseType
from gateway.mapping import json_path
from gateway.mapping.json_path import compile_json_path
from gateway.mapping.mapped_body import MappedBody


def found(raw: bytes | None, expression: str = "$.a") -> str:
    return MappedBody(raw).find(compile_json_path(expression))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, "{}"),
        (b"", "{}"),
        (b" \r\n", "{}"),
        (b' {"a": 1} ', '{"a": 1}'),
        (b"plain, {not} JSON", "plain, {not} JSON"),
        (b"\xff", "\udcff"),
        (b'"text"', '"text"'),
    ],
)
def test_the_text_is_trimmed_and_never_empty(raw: bytes | None, expected: str) -> None:
    assert MappedBody(raw).text() == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a": "x"}', "x"),
        (b'{"a": ""}', ""),
        (b'{"a": null}', ""),
        (b'{"a": true}', "true"),
        (b'{"a": 12345678901234567890123}', "12345678901234567890123"),
        (b'{"a": 1.50}', "1.5"),
        (b'{"a": {"b": [1, "\xc3\xa9"]}}', '{"b":[1,"é"]}'),
        (b"{}", ""),
        (None, ""),
        (b"plain text", ""),
        (b'"a string"', ""),
    ],
)
def test_what_is_found_becomes_text(raw: bytes | None, expected: str) -> None:
    assert found(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"'single'",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": 1} trailing',
    ],
)
def test_a_body_that_only_looks_like_json_is_refused_even_as_text(raw: bytes) -> None:
    body = MappedBody(raw)
    for _ in range(2):
        with pytest.raises(Fault) as caught:
            body.text()

        assert caught.value.type is GatewayResponseType.DEFAULT_4XX
        assert caught.value.status == 400
        assert caught.value.message == "Invalid JSON in request body"


def test_a_malformed_answer_of_the_backend_is_a_500() -> None:
    with pytest.raises(Fault) as caught:
        MappedBody(b"{", "response").find(compile_json_path("$.a"))

    assert caught.value.type is GatewayResponseType.DEFAULT_5XX
    assert (caught.value.status, caught.value.source) == (500, "integration")


def test_a_number_that_json_cannot_say_again_is_refused() -> None:
    with pytest.raises(Fault):
        found(b'{"a": 1e999}')


def test_a_search_through_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_path, "VISITED_NODES", 5)

    with pytest.raises(Fault):
        found(b"[1,2,3,4,5,6,7,8]", "$[*]")


@pytest.mark.parametrize("raw", [b"x" * 65_537, b'{"a": "' + b"x" * 65_537 + b'"}'])
def test_more_text_than_a_head_can_hold_is_refused(raw: bytes) -> None:
    with pytest.raises(Fault) as caught:
        MappedBody(raw).text()
    assert caught.value.message == "Bad Request"

    with pytest.raises(Fault) as caught:
        MappedBody(raw, "response").text()
    assert caught.value.status == 500


def test_a_big_body_may_hold_a_short_parameter() -> None:
    assert found(b'{"b": "' + b"x" * 100_000 + b'", "a": 1}') == "1"
    with pytest.raises(Fault, match="too many"):
        found(b'{"a": "' + b"x" * 100_000 + b'"}')


def test_the_state_shows() -> None:
    body = MappedBody(b"{}")
    body.text()

    assert repr(body) == "<MappedBody request 2 characters, parsed>"
