"""Facts about the assignment of identities to indices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.release.slots import JoinedSlots, Slots, slots_of_api


def slots(capacity: int = 4, assigned: dict[str, int] | None = None) -> Slots:
    return Slots("token buckets", capacity, reserved="account", assigned=assigned)


def test_the_reserved_identity_is_always_at_zero() -> None:
    assert slots().assign([]) == {"account": 0}
    assert slots().assign(["account", "a"]) == {"account": 0, "a": 1}


def test_an_identity_keeps_its_index() -> None:
    table = slots()
    table.assign(["a", "b"])

    assert table.assign(["c", "b"])["b"] == 2


def test_freed_indices_come_last_and_in_the_order_in_which_they_were_freed() -> None:
    table = slots(capacity=5)
    table.assign(["a", "b", "c"])
    table.assign(["a", "c"])
    table.assign(["a"])

    assert table.assign(["a", "x", "y", "z"]) == {"account": 0, "a": 1, "x": 4, "y": 2, "z": 3}


def test_too_many_is_an_error_that_changes_nothing() -> None:
    table = slots()
    before = table.assign(["a", "b"])

    with pytest.raises(ConfigurationError, match=r"4 token buckets are needed.* holds 3"):
        table.assign(["a", "b", "c", "d"])
    assert table.assigned == before


def test_an_earlier_assignment_is_taken_up_again() -> None:
    table = slots(assigned={"account": 0, "a": 3, "b": 1})

    assert table.assign(["a", "b", "c"]) == {"account": 0, "a": 3, "b": 1, "c": 2}


def test_impossible_entries_of_an_earlier_assignment_are_forgotten() -> None:
    table = slots(assigned={"outside": 9, "negative": -1, "a": 2, "twin": 2, "zero": 0})

    assert table.assigned == {"account": 0, "a": 2}


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=6)))
def test_no_two_identities_ever_share_an_index(rounds: list[set[str]]) -> None:
    table = slots(capacity=7)
    for wanted in rounds:
        assigned = table.assign(sorted(wanted))

        assert set(assigned) == {"account", *wanted}
        assert len(set(assigned.values())) == len(assigned)
        assert all(0 <= index < 7 for index in assigned.values())


def test_the_same_wish_is_answered_with_the_same_object() -> None:
    table = slots()
    first = table.assign(["a", "b"])

    assert table.assign(iter(["a", "account", "b"])) is first
    assert table.assign(["b", "a"]) is not first


def test_what_was_amended_since_is_told() -> None:
    table = slots(capacity=5)
    table.assign(["a", "b"])
    table.amend(["b"], ["c"])

    assert table.assign(["a", "c"]) == {"account": 0, "a": 1, "c": 3}


def test_joined_slots_are_those_of_all_apis_and_the_reserved_one() -> None:
    joined = JoinedSlots("account")
    shop = {"shop/dev": 3, "shop/dev/pets/GET": 1}
    joined.add("shop", shop)
    joined.add("forum", {"forum/dev": 2})
    joined.add("empty", {})

    assert dict(joined) == {"account": 0, **shop, "forum/dev": 2}
    assert len(joined) == 4
    assert joined.get("forum/dev", 0) == 2
    assert [joined.get(name) for name in ("shop/prod", "empty/dev", "none/dev", "none")] == [
        None
    ] * 4
    assert repr(joined) == "<JoinedSlots 4 of 3 APIs>"


def test_slots_of_one_api_are_held_apart_from_those_of_others() -> None:
    joined = JoinedSlots("account")
    joined.add("shop", {"shop/dev/base": 3})
    joined.add("cats", {"cats/dev/base": 4})

    assert dict(slots_of_api(joined, "shop")) == {"shop/dev/base": 3}
    assert dict(slots_of_api(joined, "gone")) == {}


def test_slots_that_are_held_in_one_mapping_stay_there() -> None:
    whole = {"account": 0, "shop/dev/base": 3, "cats/dev/base": 4}

    assert slots_of_api(whole, "shop") is whole
