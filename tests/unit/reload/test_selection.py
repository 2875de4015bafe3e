"""Some APIs of a release."""

from __future__ import annotations

from gateway.reload.selection import amended, of_api, subset
from tests.builders import api, mock, release

PETS = api({"/pets": {"GET": mock()}})


def test_apis_come_with_their_deployments_as_far_as_they_are_there() -> None:
    made = release(PETS)

    assert subset(made, ["shop", "gone"]) == (dict(made.stages), dict(made.deployments))
    assert subset(made, []) == ({}, {})


def test_slots_are_those_of_one_api() -> None:
    assert of_api({"a/dev#GET": 1, "ab/dev#GET": 2}, "a") == {"a/dev#GET": 1}


def test_a_mapping_is_amended_as_a_copy() -> None:
    before = {"a": 1, "b": 2}

    assert amended(before, ["a"], {"c": 3}) == {"b": 2, "c": 3}
    assert before == {"a": 1, "b": 2}
