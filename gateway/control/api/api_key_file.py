"""AWS's file of API keys: CSV with a header, as ImportApiKeys takes it. Text in, values out.

What is wrong with the file as a whole is an error; what is wrong with a row is a warning, and the
row is left out. Neither tells a key's value: warnings are shown and logged.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.control.api.api_keys import check_description, check_name, check_value
from gateway.errors import ControlError, bad_request

ROWS_MAX: Final = 2000
"""Keys of one file: the store does nothing else while it is imported."""

_NAME: Final = "name"
_KEY: Final = "key"
_DESCRIPTION: Final = "description"
_ENABLED: Final = "enabled"
_USAGE_PLAN_IDS: Final = "usageplanids"
_KNOWN: Final = frozenset({_NAME, _KEY, _DESCRIPTION, _ENABLED, _USAGE_PLAN_IDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedKey:
    """A row of the file."""

    row: int
    """Its number, 1 for the first after the header."""
    value: str
    name: str | None = None
    description: str | None = None
    enabled: bool = True
    usage_plan_ids: tuple[str, ...] = ()


def read_keys(body: bytes, warnings: list[str]) -> list[ImportedKey]:
    """Return the keys of a file, and add to `warnings` a sentence for each row left out.

    Raises:
        ControlError: (BadRequestException) the file cannot be read, or is too long.
    """
    rows = _rows(body)
    columns = [column.strip().lower() for column in next(rows, [])]
    for needed in (_NAME, _KEY):
        if needed not in columns:
            raise bad_request(f"The first row must name the columns: there is no {needed} column")
    for known in _KNOWN:
        if columns.count(known) > 1:
            raise bad_request(f"The first row names the {known} column twice")
    keys: list[ImportedKey] = []
    for number, row in enumerate(rows, 1):
        if number > ROWS_MAX:
            raise bad_request(f"At most {ROWS_MAX} API keys are imported at once: split the file")
        try:
            keys.append(_key(number, columns, row))
        except ControlError as error:
            warnings.append(f"Row {number}: {error.message}")
    return keys


def _rows(body: bytes) -> Iterator[list[str]]:
    try:
        text = body.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True):
            if any(cell.strip() for cell in row):
                yield row
    except UnicodeDecodeError:
        raise bad_request("The file is not UTF-8 text") from None
    except csv.Error as error:
        raise bad_request(f"The file is not CSV: {error}") from None


def _key(number: int, columns: list[str], row: list[str]) -> ImportedKey:
    cells = _rejoined(row) if len(row) > len(columns) else row
    if len(cells) > len(columns):
        raise bad_request(f"there are {len(cells)} values for {len(columns)} columns")
    found = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
    return ImportedKey(
        row=number,
        value=check_value(found.get(_KEY, "")),
        name=check_name(found.get(_NAME)),
        description=check_description(found.get(_DESCRIPTION)) or None,
        enabled=_enabled(found.get(_ENABLED, "")),
        usage_plan_ids=_ids(found.get(_USAGE_PLAN_IDS, "")),
    )


def _rejoined(row: list[str]) -> list[str]:
    """Return a row with what stood between single quotes as one cell: AWS takes those too."""
    cells: list[str] = []
    index = 0
    while index < len(row):
        end = index
        if row[index].startswith("'"):
            end = next((at for at in range(index, len(row)) if _closes(row, index, at)), index)
        cells.append(",".join(row[index : end + 1]))
        index = end + 1
    return cells


def _closes(row: list[str], start: int, at: int) -> bool:
    return row[at].rstrip().endswith("'") and (at > start or len(row[at].rstrip()) > 1)


def _enabled(text: str) -> bool:
    match text.lower():
        case "" | "true":
            return True
        case "false":
            return False
        case _:
            raise bad_request("Enabled must be true or false")


def _ids(text: str) -> tuple[str, ...]:
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
    return tuple(dict.fromkeys(id_.strip() for id_ in bare.split(",") if id_.strip()))
