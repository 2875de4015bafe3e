from __future__ import annotations

import pytest

from gateway.errors import ControlError
from gateway.store.ids import ALPHABET, free_id, random_id


def test_an_id_has_the_characters_of_aws() -> None:
    found = random_id(1000)

    assert len(found) == 1000
    assert set(found) == set(ALPHABET)


def test_bytes_that_would_favour_some_characters_are_dropped() -> None:
    assert random_id(2, lambda count: bytes([255, 0, 252, 35] * count)) == "a9"


def test_a_taken_id_is_not_given_again() -> None:
    supply = iter([bytes([0] * 12), bytes([1] * 12)])

    assert free_id(6, lambda id_: id_ == "aaaaaa", lambda _: next(supply)) == "bbbbbb"


def test_without_a_free_id_nothing_is_made() -> None:
    with pytest.raises(ControlError, match="LimitExceededException"):
        free_id(6, lambda _: True)
