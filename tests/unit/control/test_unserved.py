from __future__ import annotations

import pytest

from gateway.control.unserved import Unserved


def test_what_is_wrong_is_told_until_it_is_not() -> None:
    unserved = Unserved()
    unserved.note("b", ["no room"], lacks_room=True)
    unserved.note("a", ["too large", "odd"])

    assert unserved.texts() == {"a": ["too large", "odd"], "b": ["no room"]}
    assert ("a" in unserved, "c" in unserved) == (True, False)
    for api_id in "abc":
        unserved.forget(api_id)
    assert (unserved.texts(), unserved.lacking_room) == ({}, [])
    assert repr(unserved) == "<Unserved 0 APIs>"


def test_who_waits_longest_for_room_comes_first() -> None:
    unserved = Unserved()
    for api_id in "bac":
        unserved.note(api_id, ["no room"], lacks_room=True)
    unserved.note("b", ["no room"], lacks_room=True)
    unserved.note("c", ["too large"])

    assert unserved.lacking_room == ["a", "b"]


def test_only_what_is_new_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    unserved = Unserved()
    for text in ("no room", "no room", "too large"):
        unserved.note("a", [text])

    assert [record.getMessage() for record in caplog.records] == [
        "API a stays as it was last good: no room",
        "API a stays as it was last good: too large",
    ]
