"""Facts about what clients take, in one way of writing."""

from __future__ import annotations

import pytest

from gateway.cache.codings import accepted_codings


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("x-unknown, GZIP , br", "br,gzip"),
        ("br,gzip", "br,gzip"),
        ("gzip;q=0", ""),
        ("gzip; q=0.000, br; Q=0.1", "br"),
        ("*", "*"),
        ("*;q=0", ""),
        ("identity;q=0, gzip", "gzip,identity;q=0"),
        (",;,;;=,q=1", ""),
        ("gzip;q=", ""),
    ],
)
def test_what_is_accepted_is_written_in_one_way(accept_encoding: str, expected: str) -> None:
    assert accepted_codings(accept_encoding) == expected
