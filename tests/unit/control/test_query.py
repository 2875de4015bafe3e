from __future__ import annotations

import pytest

from gateway.control.query import is_utf8, split_query


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("a", [("a", "")]),
        ("a=b=c", [("a", "b=c")]),
        ("a=1+1&b=1%2B1&c=%20", [("a", "1+1"), ("b", "1+1"), ("c", " ")]),
        ("a=2&a=1", [("a", "1"), ("a", "2")]),
        ("a=1&", [("", ""), ("a", "1")]),
        ("%61=%zz%C3%A4", [("a", "%zzä")]),
        ("a;b=1", [("a;b", "1")]),
    ],
)
def test_a_query_is_split(text: str, pairs: list[tuple[str, str]]) -> None:
    assert split_query(text) == pairs


def test_other_bytes_are_kept_and_told_apart() -> None:
    ((name, value),) = split_query("a=%FF")

    assert (name, value) == ("a", "\udcff")
    assert is_utf8("ä")
    assert not is_utf8(value)
