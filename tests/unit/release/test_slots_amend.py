from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.release.slots import Slots

NAMES = st.lists(st.sampled_from("abcdefgh"), max_size=6)


def slots(capacity: int = 6) -> Slots:
    return Slots("cells", capacity, reserved="r")


def test_what_stays_keeps_its_index_and_what_goes_is_free() -> None:
    table = slots()
    table.assign(["a", "b", "c"])
    before = table.assigned

    given_out = table.amend(["a", "b"], ["b", "d"])

    assert given_out == {"b": before["b"], "d": 4}
    assert table.assigned == {"r": 0, "b": before["b"], "c": before["c"], "d": 4}


def test_a_full_table_changes_nothing() -> None:
    table = slots(3)
    table.assign(["a", "b"])

    with pytest.raises(ConfigurationError, match="3 cells are needed"):
        table.amend([], ["c"])
    assert table.assigned == {"r": 0, "a": 1, "b": 2}
    assert table.amend(["a"], ["c"]) == {"c": 1}


@given(st.lists(st.tuples(NAMES, NAMES), max_size=20))
def test_no_two_ever_share_an_index(steps: list[tuple[list[str], list[str]]]) -> None:
    table = slots(20)
    for dropped, wanted in steps:
        table.amend(dropped, wanted)
        indices = list(table.assigned.values())
        assert len(set(indices)) == len(indices)
        assert set(wanted) <= table.assigned.keys()
