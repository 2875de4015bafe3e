from __future__ import annotations

import pytest

from loadtests.bench.__main__ import NAMES, ROWS, pace_of, parse


def test_every_row_is_measured() -> None:
    assert sorted(ROWS) == sorted(NAMES)


def test_rows_are_taken_in_their_order() -> None:
    assert parse(["--rows", "p3,P1"]).rows == ("P1", "P3")
    assert parse([]).rows == NAMES


def test_rounds_can_be_given_for_the_quick_pace_as_well() -> None:
    assert pace_of(parse(["--quick"])).rounds == 1
    assert pace_of(parse(["--quick", "--rounds", "3"])).rounds == 3
    assert pace_of(parse([])).rounds >= 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rows", "P11"],
        ["--rows", ""],
        ["--rounds", "0"],
        ["--rounds", "x"],
        ["--json", "/no/such/directory/result.json"],
        ["--chart", "/"],
        ["extra"],
    ],
)
def test_wrong_usage_ends_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)

    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
