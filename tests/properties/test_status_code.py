"""The lenient reader never raises, and agrees with a strict one on what is JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.lenient_json import status_code

LEAVES = st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False)
KEYS = st.text() | st.sampled_from(["statusCode", "'", '"', "{", "}", ",", ":"])
VALUES = st.recursive(
    LEAVES | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.text() | st.text(alphabet="{}[]:,'\"\\ \nstatusCode0123456789-."))
def test_any_text_is_read_without_an_error(text: str) -> None:
    code = status_code(text)

    assert code is None or isinstance(code, int)


@given(
    document=st.dictionaries(KEYS, VALUES, max_size=5),
    is_ascii=st.booleans(),
    indent=st.none() | st.integers(0, 2),
    junk=st.text(max_size=5),
)
def test_a_json_object_is_read_as_json_reads_it(
    *, document: dict[str, object], is_ascii: bool, indent: int | None, junk: str
) -> None:
    text = json.dumps(document, ensure_ascii=is_ascii, indent=indent)
    value = document.get("statusCode")
    expected = value if isinstance(value, int) and not isinstance(value, bool) else None

    assert status_code(text + junk) == expected
