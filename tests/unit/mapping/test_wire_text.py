from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, GatewayResponseType
from gateway.mapping.wire_text import header_bytes, path_text, query_text, to_bytes, to_text


@given(st.binary())
def test_bytes_survive_being_text(raw: bytes) -> None:
    assert to_bytes(to_text(raw)) == raw


def test_text_that_has_no_bytes_becomes_question_marks() -> None:
    assert to_bytes("a\ud800é") == b"a?\xc3\xa9"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", b"plain"),
        ("  outer blanks\t", b"outer blanks"),
        ("a\r\nX-Forged: 1", b"a  X-Forged: 1"),
        ("a\nb\0c\x7fd\x1be", b"a b c d e"),
        ("inner\ttab", b"inner\ttab"),
        ("größe", "größe".encode()),
        ("\udcff", b"\xff"),
        ("\r\n", b""),
        ("", b""),
    ],
)
def test_a_header_value_stays_on_its_line(value: str, expected: bytes) -> None:
    assert header_bytes(value) == expected


@given(st.text() | st.binary().map(to_text))
def test_no_text_ends_a_header_line(value: str) -> None:
    raw = header_bytes(value)

    assert not {0, 10, 13} & set(raw)
    assert raw == raw.strip(b" \t")


def test_query_text_encodes_all_but_unreserved_characters() -> None:
    assert query_text("a b&c=d;é/~\udcff") == "a%20b%26c%3Dd%3B%C3%A9%2F~%FF"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a/b", "a/b"),
        ("a%2Fb", "a%2Fb"),
        ("100%", "100%25"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("a\r\nHost: evil", "a%0D%0AHost:%20evil"),
        ("é", "%C3%A9"),
        ("v1.0/..x/...", "v1.0/..x/..."),
    ],
)
def test_path_text_holds_nothing_that_ends_a_path(value: str, expected: str) -> None:
    assert path_text(value) == expected


@pytest.mark.parametrize(
    "value", ["..", "../x", "a/../b", "%2e%2e/x", "a%2f..%2Fb", "a\\..\\b", ".", "a/.", "%00", "\0"]
)
def test_path_text_may_not_climb(value: str) -> None:
    with pytest.raises(Fault) as caught:
        path_text(value)

    assert (caught.value.type, caught.value.status) == (GatewayResponseType.DEFAULT_4XX, 400)
    assert caught.value.source == "client"
