from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gateway.store.levels import Columns, Level
from gateway.store.transaction import Transaction
from tests.unit.store.stores import done, open_store
from tests.unit.store.test_working_copy import new_api

RESOURCES = Level("resource", parent="api", columns=("path", "id", "path_part"))
METHODS = Level(
    "method",
    parent="resource",
    columns=(
        "http_method",
        "authorization_type",
        "authorization_scopes",
        "api_key_required",
        "request_parameters",
        "request_models",
    ),
    way="JOIN resource ON resource.sequence = method.resource",
)


def resource(path: str, id_: str = "") -> Columns:
    return (path, id_ or path, None)


def method(verb: str, kind: str = "NONE") -> Columns:
    return (verb, kind, "[]", False, "{}", "{}")


def rows_after(
    tmp_path: Path, *wanted: Sequence[Columns]
) -> tuple[list[tuple[object, ...]], list[int]]:
    """Return what the rows of one API are after one sync after the other, and how many writes."""
    store = open_store(tmp_path)
    written: list[int] = []

    def work(transaction: Transaction) -> list[tuple[object, ...]]:
        api = new_api(transaction, "a")
        for rows in wanted:
            (before,) = transaction.execute("SELECT total_changes()")[0]
            RESOURCES.sync(transaction, api, {api: rows})
            (after,) = transaction.execute("SELECT total_changes()")[0]
            written.append(after - before)
        return transaction.execute("SELECT sequence, path, id FROM resource ORDER BY sequence")

    found = done(store, work)
    store.close()
    return found, written


def test_rows_come_in_the_order_in_which_they_are_wanted(tmp_path: Path) -> None:
    found, _ = rows_after(tmp_path, [resource("b"), resource("a")])

    assert found == [(1, "b", "b"), (2, "a", "a")]


def test_what_is_equal_is_not_written(tmp_path: Path) -> None:
    rows = [resource("a"), resource("b")]
    _, written = rows_after(tmp_path, rows, rows)

    assert written == [2, 0]


def test_a_changed_row_keeps_its_place_and_is_the_only_one_written(tmp_path: Path) -> None:
    before = [resource("a"), resource("b"), resource("c")]
    after = [resource("a"), resource("b", "new"), resource("c")]
    found, written = rows_after(tmp_path, before, after)

    assert found == [(1, "a", "a"), (2, "b", "new"), (3, "c", "c")]
    assert written[1] == 1


def test_with_other_keys_or_another_order_all_below_the_parent_is_written_anew(
    tmp_path: Path,
) -> None:
    found, _ = rows_after(tmp_path, [resource("a"), resource("b")], [resource("b"), resource("a")])

    assert found == [(3, "b", "b"), (4, "a", "a")]


def test_nothing_wanted_leaves_nothing(tmp_path: Path) -> None:
    found, _ = rows_after(tmp_path, [resource("a")], [])

    assert found == []


@pytest.mark.parametrize("is_named", [True, False])
def test_rows_of_a_parent_without_any_are_deleted_and_other_owners_keep_theirs(
    tmp_path: Path, is_named: bool
) -> None:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> list[tuple[object, ...]]:
        first, second = new_api(transaction, "a"), new_api(transaction, "b")
        ((one, two),) = RESOURCES.sync(
            transaction, first, {first: [resource("a"), resource("b")]}
        ).values()
        ((other,),) = RESOURCES.sync(transaction, second, {second: [resource("a")]}).values()
        METHODS.sync(transaction, second, {other: [method("GET")]})
        METHODS.sync(transaction, first, {one: [method("GET")], two: [method("GET")]})
        wanted: Mapping[int, list[Columns]] = {one: [method("GET", "AWS_IAM")]}
        sequences = METHODS.sync(transaction, first, {**wanted, two: []} if is_named else wanted)
        assert sequences[one] == [2]
        return transaction.execute(
            "SELECT resource, authorization_type FROM method ORDER BY sequence"
        )

    assert done(store, work) == [(3, "NONE"), (1, "AWS_IAM")]
    store.close()


def test_what_stands_below_a_deleted_row_goes_with_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work(transaction: Transaction) -> list[tuple[object, ...]]:
        api = new_api(transaction, "a")
        ((one,),) = RESOURCES.sync(transaction, api, {api: [resource("a")]}).values()
        METHODS.sync(transaction, api, {one: [method("GET")]})
        RESOURCES.sync(transaction, api, {api: []})
        return transaction.execute("SELECT * FROM method")

    assert done(store, work) == []
    store.close()


def test_a_level_names_its_table() -> None:
    assert repr(METHODS) == "<Level method>"
