"""Facts about things that are made when they are asked for first."""

from collections.abc import Iterator

import pytest

from gateway.snapshot.on_demand import OnDemand


def test_each_is_made_once_and_not_before_somebody_asks() -> None:
    asked: list[int] = []

    def make(index: int) -> str:
        asked.append(index)
        return f"thing {index}"

    row = OnDemand(3, make)
    assert (len(row), asked) == (3, [])

    first = row[2]
    assert first == "thing 2"
    assert row[2] is first
    assert asked == [2]
    assert list(row.asked_for()) == ["thing 2"]
    assert repr(row) == "<OnDemand 1 of 3>"
    assert list(row) == ["thing 0", "thing 1", "thing 2"]
    assert asked == [2, 0, 1]


def test_what_could_not_be_made_is_tried_again() -> None:
    results: Iterator[ValueError | str] = iter([ValueError("wrong"), "right"])

    def make(_index: int) -> str:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return result

    row = OnDemand(1, make)
    with pytest.raises(ValueError, match="wrong"):
        row[0]

    assert row[0] == "right"


def test_there_are_as_many_as_were_said() -> None:
    with pytest.raises(IndexError):
        OnDemand(2, str)[2]


def test_what_is_there_already_is_not_made() -> None:
    assert list(OnDemand.of(["a", "b"])) == ["a", "b"]
