"""Files of API keys: whatever is sent, keys come out that could have been made one by one."""

from __future__ import annotations

import contextlib
import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from gateway.control.api.api_key_file import ImportedKey, read_keys
from gateway.control.api.api_keys import check_name, check_value
from gateway.errors import ControlError

VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20, max_size=128)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=50)


@given(st.binary() | st.binary().map(lambda rows: b"name,key,enabled,usageplanids\n" + rows))
def test_no_file_does_more_than_to_be_refused(body: bytes) -> None:
    keys: list[ImportedKey] = []
    with contextlib.suppress(ControlError):
        keys = read_keys(body, [])

    for key in keys:
        assert check_value(key.value) == key.value
        assert check_name(key.name) == key.name


@given(st.lists(st.tuples(NAMES, VALUES, st.booleans()), max_size=20))
def test_what_a_spreadsheet_writes_is_read_back(rows: list[tuple[str, str, bool]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["Name", "Key", "Enabled"])
    writer.writerows(rows)

    warnings: list[str] = []
    keys = read_keys(text.getvalue().encode(), warnings)

    assert warnings == []
    assert [(key.name or "", key.value, key.enabled) for key in keys] == rows
