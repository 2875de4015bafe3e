from __future__ import annotations

import pytest

from gateway.control.api import api_key_file
from gateway.control.api.api_key_file import ImportedKey, read_keys
from gateway.errors import ControlError

A, B = "a" * 20, "b" * 20


def read(text: str) -> tuple[list[ImportedKey], list[str]]:
    warnings: list[str] = []
    return read_keys(text.encode(), warnings), warnings


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n , \n"])
def test_lines_end_in_any_way(newline: str, end: str) -> None:
    text = f"Key,name\n{A},alice\n\n{B},bob{end}".replace("\n", newline)

    assert read(text) == (
        [ImportedKey(row=1, value=A, name="alice"), ImportedKey(row=2, value=B, name="bob")],
        [],
    )


def test_a_byte_order_mark_is_no_part_of_a_column() -> None:
    assert read(f"\ufeffname,key\n,{A}")[0] == [ImportedKey(row=1, value=A)]


def test_all_columns_are_read_in_any_order_and_case() -> None:
    keys, warnings = read(
        "USAGEPLANIDS, Enabled ,description,Key,Name,other\n"
        f'"c7y23b, glvrsr,c7y23b",False,"said ""no"", left",{A},alice,x\n'
    )

    assert warnings == []
    assert keys == [
        ImportedKey(
            row=1,
            value=A,
            name="alice",
            description='said "no", left',
            enabled=False,
            usage_plan_ids=("c7y23b", "glvrsr"),
        )
    ]


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("", ()),
        ("p", ("p",)),
        ("'p'", ("p",)),
        ("'p,q'", ("p", "q")),
        ("'p', 'q'", None),
        ("'p,q", None),
        ("'", ("'",)),
        ("','", ()),
    ],
)
def test_plans_may_stand_between_single_quotes(cell: str, ids: tuple[str, ...] | None) -> None:
    keys, warnings = read(f"name,key,usageplanids\nalice,{A},{cell}")

    assert [key.usage_plan_ids for key in keys] == ([] if ids is None else [ids])
    assert len(warnings) == (1 if ids is None else 0)


def test_an_apostrophe_in_a_name_is_one() -> None:
    assert read(f"name,key\n'tis,{A}")[0][0].name == "'tis"


def test_missing_cells_at_the_end_are_empty() -> None:
    assert read(f"key,name,enabled\n{A}")[0] == [ImportedKey(row=1, value=A)]


@pytest.mark.parametrize(
    ("row", "warning"),
    [
        ("alice,short,", "Row 1: API Key value should be at least 20 characters"),
        (f"alice,{'v' * 129},", "Row 1: API Key value exceeds maximum size of 128 characters"),
        ("alice", "Row 1: API Key value should be at least 20 characters"),
        (f"alice,{A},maybe", "Row 1: Enabled must be true or false"),
        (f"alice,{A},true,more", "Row 1: there are 4 values for 3 columns"),
        (
            f"{'n' * 1025},{A},",
            "Row 1: Invalid API Key name, can be at most 1024 characters.",
        ),
    ],
)
def test_a_bad_row_is_told_by_number_and_left_out(row: str, warning: str) -> None:
    keys, warnings = read(f"name,key,enabled\n{row}\nbob,{B},")

    assert warnings == [warning]
    assert [key.row for key in keys] == [2]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "there is no name column"),
        (b"key\n", "there is no name column"),
        (b"name\n", "there is no key column"),
        (b"name,key,KEY\n", "names the key column twice"),
        (b"\xff\xfe", "not UTF-8"),
        (b'name,key\n"a', "not CSV"),
        (b'name,key\n"a"b,c', "not CSV"),
        (b"name,key\n" + b"x" * 200_000, "not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        read_keys(body, [])


def test_a_file_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_key_file, "ROWS_MAX", 1)

    assert len(read(f"name,key\na,{A}")[0]) == 1
    with pytest.raises(ControlError, match="At most 1 API keys"):
        read(f"name,key\na,{A}\nb,{B}")
