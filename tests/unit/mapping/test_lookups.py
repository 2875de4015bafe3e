from __future__ import annotations

import pytest

from gateway.mapping.lookups import (
    header_values,
    header_values_of_any_case,
    last_header,
    query_values,
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ()),
        ("b=1", ()),
        ("a=1", ("1",)),
        ("a=2&b=x&a=1", ("2", "1")),
        ("a=1;a=2", ("1", "2")),
        ("a", ("",)),
        ("a=", ("",)),
        ("&&a=1&", ("1",)),
        ("A=1", ()),
        ("aa=1&ba=2", ()),
        ("a=x=y", ("x=y",)),
        ("a=b+c%20d%2Bé", ("b c d+é",)),
        ("%61=1", ("1",)),
        ("a=%zz%", ("%zz%",)),
        ("a=%FF", ("\udcff",)),
        ("a=%2520", ("%20",)),
    ],
)
def test_query_values_are_decoded_once_and_keep_their_order(
    query: str, expected: tuple[str, ...]
) -> None:
    assert query_values(query, "a") == expected


def test_a_name_in_brackets_is_a_name() -> None:
    assert query_values("a[]=1&a[]=2", "a[]") == ("1", "2")


HEADERS = ((b"X-A", b"1"), (b"x-a", b"2"), (b"X-A", b"\xe9"))


def test_a_header_may_be_looked_up_however_it_is_spelled() -> None:
    headers = ((b"X-A", b"1"), (b"x-a", b"2"), (b"X-B", b"3"))

    assert header_values_of_any_case(headers, b"x-a") == ("1", "2")
    assert header_values_of_any_case(headers, b"x-c") == ()


def test_header_names_are_case_sensitive() -> None:
    assert header_values(HEADERS, b"X-A") == ("1", "\udce9")
    assert last_header(HEADERS, b"x-a") == "2"
    assert last_header(HEADERS, b"X-a") == ""


def test_the_last_header_counts() -> None:
    assert last_header(HEADERS, b"X-A") == "\udce9"
